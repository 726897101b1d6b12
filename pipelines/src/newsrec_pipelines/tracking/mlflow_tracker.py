"""Keeps runs in MLflow, and mirrors the registry of models there."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from newsrec_pipelines.errors import ModelError
from newsrec_pipelines.tracking.record import Record
from newsrec_pipelines.tracking.tracker import Models

MODEL: Final = "newsrec"
_RECORD: Final = "newsrec.record"
_VERSION: Final = "version"
_BATCH: Final = 100  # parameters or tags that a server takes at once
_LONGEST: Final = 5000  # characters of a value
_SQLITE: Final = "sqlite:///"


class MlflowTracker:
    """One experiment a stage, one run a record; one registered model with all versions.

    A version of MLflow's has a number of its own; ours is its tag ``version``. It points at the
    folder of our artefact: nothing is copied, and nothing of MLflow is needed to load it.
    """

    def __init__(self, uri: str, artifacts: str) -> None:
        """Connect.

        Args:
            uri: of a server, or of a database.
            artifacts: where pictures go when it is a database.
        """
        self._artifacts = None if uri.startswith("http") else artifacts.rstrip("/")
        if uri.startswith(_SQLITE):
            _make_database(Path(uri.removeprefix(_SQLITE)))
        self._client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        self._remote = uri.startswith("http")

    def log_run(self, record: Record, files: Mapping[str, bytes]) -> None:
        """Keep one run; an earlier attempt that was interrupted is replaced."""
        experiment = self._experiment(f"newsrec-{record.stage}")
        for run in self._runs(experiment, _RECORD, record.id):
            if run.info.status != "RUNNING":
                return
            self._client.delete_run(run.info.run_id)
        began, ended = (_milliseconds(t.timestamp()) for t in (record.began, record.ended))
        tags = _tags(record)
        run_id = self._client.create_run(experiment, began, tags, record.name).info.run_id
        metrics = {**record.metrics, **record.resource_metrics()}
        self._client.log_batch(
            run_id, metrics=[Metric(_metric_name(k), v, ended, 0) for k, v in metrics.items()]
        )
        params = [Param(k, v[:_LONGEST]) for k, v in record.params.items()]
        for first in range(0, len(params), _BATCH):
            self._client.log_batch(run_id, params=params[first : first + _BATCH])
        with tempfile.TemporaryDirectory() as folder:
            for name, content in files.items():
                file = Path(folder) / name
                file.write_bytes(content)
                self._client.log_artifact(run_id, str(file))
        status = "FINISHED" if record.status == "finished" else "FAILED"
        self._client.set_terminated(run_id, status, ended)

    def mirror(self, models: Models) -> None:
        """Register what is new, mark what is gone, and move the aliases.

        Raises:
            MlflowException: among others, when a server is to point at a folder of this machine.
            ModelError: when a manifest is damaged.
        """
        if self._remote and models.store.url.startswith("file://"):
            # A server lets nobody register a folder: it would be one of its own machine.
            raise MlflowException(
                f"a server registers models of an object store only, not of {models.store.url}"
            )
        try:
            known = self._client.get_registered_model(MODEL).aliases
        except MlflowException as e:
            if e.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            self._client.create_registered_model(
                MODEL, description="Every version that newsrec has trained; see its artefacts."
            )
            known = {}
        numbers = self._numbers()
        damaged: list[ModelError] = []
        for version in models.versions:
            if version not in numbers:
                try:
                    numbers[version] = self._register(models, version)
                except ModelError as e:
                    damaged.append(e)
        for version in set(numbers) - set(models.versions):
            self._client.set_model_version_tag(MODEL, numbers[version], "removed", "true")
        for alias in set(known) - set(models.aliases):
            self._client.delete_registered_model_alias(MODEL, alias)
        for alias, version in models.aliases.items():
            if version in numbers:
                self._client.set_registered_model_alias(MODEL, alias, numbers[version])
        if damaged:  # the others are right by now
            raise damaged[0]

    def _experiment(self, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        where = f"{self._artifacts}/{name}" if self._artifacts else None
        return str(self._client.create_experiment(name, artifact_location=where))

    def _runs(self, experiment: str, tag: str, value: str) -> list[Any]:
        return list(self._client.search_runs([experiment], f"tags.`{tag}` = '{value}'"))

    def _numbers(self) -> dict[str, str]:
        """Our versions -> MLflow's numbers, of those that are not marked as removed."""
        found, token = {}, None
        while True:
            page = self._client.search_model_versions(
                f"name = '{MODEL}'", max_results=1000, page_token=token
            )
            for v in page:
                if v.tags.get("removed") != "true":
                    found[v.tags.get(_VERSION, "")] = v.version
            token = page.token
            if not token:
                return found

    def _register(self, models: Models, version: str) -> str:
        manifest = models.manifest(version)
        training = self._client.get_experiment_by_name("newsrec-train")
        runs = self._runs(training.experiment_id, "model_version", version) if training else []
        tags = {
            _VERSION: version,
            "kind": manifest.name,
            "as_of": manifest.as_of.isoformat(),
            "git_commit": manifest.git_commit,
            "data_hash": manifest.data_hash,
            **({"previous": manifest.previous} if manifest.previous else {}),
        }
        made = self._client.create_model_version(
            MODEL,
            models.source(version),
            run_id=runs[0].info.run_id if runs else None,
            tags=tags,
            description=f"{version}: {manifest.name}, of what was known at {manifest.as_of}",
        )
        return str(made.version)


def _make_database(file: Path) -> None:
    """A new SQLite file appears whole: one that was half migrated could never be used again."""
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        partial = Path(folder) / file.name
        MlflowClient(tracking_uri=f"{_SQLITE}{partial}").search_experiments(max_results=1)
        partial.replace(file)


def _tags(record: Record) -> dict[str, str]:
    found = {
        _RECORD: record.id,
        "stage": record.stage,
        "mlflow.source.name": f"newsrec {record.stage}",
        "mlflow.source.type": "JOB",
        "mlflow.source.git.commit": record.git_commit,
        "git_commit": record.git_commit,
        **({"data_hash": record.data_hash} if record.data_hash else {}),
        **({"mlflow.note.content": record.error} if record.error else {}),
        **record.tags,
    }
    return {name: value[:_LONGEST] for name, value in found.items()}


def _metric_name(name: str) -> str:
    """MLflow takes no @ in names; ours are such as ``news/ndcg@10``."""
    kept = "".join(c if c.isalnum() or c in "_-./ " else "_" for c in name.replace("@", "_at_"))
    return kept.strip("/ ")


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)
