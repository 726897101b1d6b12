"""Records of runs, and a tracker that keeps them in a list."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from newsrec_pipelines.resources import Resources
from newsrec_pipelines.settings import Settings
from newsrec_pipelines.store import Store
from newsrec_pipelines.tracking.record import Record
from newsrec_pipelines.tracking.tracker import Models

BEGAN = datetime(2026, 3, 6, 1, tzinfo=UTC)


def settings(folder: Path, **env: str) -> Settings:
    """Local ones below `folder`."""
    return Settings.from_env({"NEWSREC_VAR": str(folder), "TRACKERS": "none", **env})


def make_record(store: Store, number: int, **changes: object) -> Record:
    """A record in the store; higher numbers are later."""
    record = Record.model_validate(
        {
            "id": f"20260306T01000{number}.000000Z-train-0000000{number}",
            "stage": "train",
            "name": f"train {number}",
            "status": "finished",
            "began": BEGAN,
            "ended": BEGAN.replace(minute=number),
            "git_commit": "abc",
            "data_hash": "0" * 64,
            "tags": {"model_version": f"20260306-0000000{number}"},
            "params": {"als.reg": "0.05"},
            "metrics": {"news/ndcg@10": 0.25},
            "resources": Resources(1.5, 1.25, 10, None, 1000),
            **changes,
        }
    )
    record.save(store)
    return record


class FakeTracker:
    """Keeps what it gets; refuses the records in `refused`."""

    def __init__(self) -> None:
        self.runs: dict[str, dict[str, bytes]] = {}
        self.models: Models | None = None
        self.mirrored = 0
        self.refused: set[str] = set()
        self.refuses_models = False

    def log_run(self, record: Record, files: Mapping[str, bytes]) -> None:
        if record.id in self.refused:
            raise ConnectionError("no, thank you")
        self.runs[record.id] = dict(files)

    def mirror(self, models: Models) -> None:
        if self.refuses_models:
            raise ConnectionError("no, thank you")
        self.models = models
        self.mirrored += 1
