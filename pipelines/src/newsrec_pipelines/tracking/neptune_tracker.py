"""Keeps runs in Neptune: in a folder, or on a server where one is configured."""

import contextlib
import hashlib
from collections.abc import Mapping
from pathlib import Path, PurePath

import neptune
from neptune.types import File

from newsrec_pipelines.tracking.record import Record
from newsrec_pipelines.tracking.tracker import Models


class NeptuneTracker:
    """One run a record. Neptune's hosted service has ended, so offline is the usual mode.

    A server that is configured later gets every record anew: it is another place.
    """

    def __init__(self, project: str, token: str | None, folder: Path) -> None:
        """Nothing is opened yet.

        Args:
            project: ``workspace/project``.
            token: of a server; without one, runs lie below `folder`.
            folder: where Neptune keeps what it has not sent.
        """
        self._project = project
        self._token = token
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def log_run(self, record: Record, files: Mapping[str, bytes]) -> None:
        """Keep one run. A server takes the same record as the same run, by its custom id."""
        # The client writes below the working folder, and cannot be told another one.
        with contextlib.chdir(self._folder):
            self._log_run(record, files)

    def mirror(self, models: Models) -> None:
        """Its registry is no more: MLflow mirrors ours."""

    def _log_run(self, record: Record, files: Mapping[str, bytes]) -> None:
        run = neptune.init_run(
            project=self._project,
            api_token=self._token,
            mode="sync" if self._token else "offline",
            # At most 36 characters.
            custom_run_id=hashlib.sha256(record.id.encode()).hexdigest()[:32],
            name=record.name,
            tags=[record.stage, record.status],
            source_files=[],
            capture_stdout=False,
            capture_stderr=False,
            capture_hardware_metrics=False,
            capture_traceback=False,
            git_ref=False,
        )
        try:
            run["record"] = {
                "id": record.id,
                "stage": record.stage,
                "status": record.status,
                "began": record.began,
                "ended": record.ended,
                "git_commit": record.git_commit,
                "data_hash": record.data_hash or "unknown",
                "error": record.error or "",
            }
            for namespace, values in (
                ("tags", record.tags),
                ("parameters", record.params),
                ("metrics", {**record.metrics, **record.resource_metrics()}),
            ):
                if values:
                    run[namespace] = dict(values)
            for name, content in files.items():
                extension = PurePath(name).suffix.removeprefix(".") or "bin"
                # Held in memory: an upload of a path would not copy the file.
                path = name.removesuffix(f".{extension}")
                run[f"files/{path}"].upload(File.from_content(content, extension=extension))
        finally:
            run.stop()
