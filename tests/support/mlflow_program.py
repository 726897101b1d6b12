"""What MLflow makes of records and of the registry: run as a program, since it warns on import.

Usage: python -m support.mlflow_program FOLDER REFUSING_URL
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.settings import Settings
from newsrec_pipelines.store import Store
from newsrec_pipelines.tracking.mlflow_tracker import MODEL, MlflowTracker
from newsrec_pipelines.tracking.tracker import Models
from support.models import make_version
from support.tracking import make_record

FIRST, SECOND = "20260306-00000001", "20260307-00000002"


def main(folder: Path, refusing: str) -> dict[str, Any]:
    settings = Settings.from_env({**os.environ, "NEWSREC_VAR": str(folder)})
    store = Store(settings.store_url)
    tracker = MlflowTracker(settings.tracking.mlflow_uri, settings.tracking.mlflow_artifacts)
    client = tracker._client
    said: dict[str, Any] = {}

    record = make_record(store, 1)
    tracker.log_run(record, {"a.svg": b"<svg/>"})
    tracker.log_run(record, {"a.svg": b"<svg/>"})  # its mark was lost
    interrupted = make_record(store, 2, status="failed", error="DataError: line 7")
    experiment = client.get_experiment_by_name("newsrec-train").experiment_id
    client.create_run(experiment, tags={"newsrec.record": interrupted.id})  # killed in the middle
    tracker.log_run(interrupted, {})
    said["runs"] = [
        {
            "name": run.info.run_name,
            "status": run.info.status,
            "minutes": (run.info.end_time - run.info.start_time) / 60_000,
            "metrics": run.data.metrics,
            "params": run.data.params,
            "tags": run.data.tags,
            "files": [f.path for f in client.list_artifacts(run.info.run_id)],
        }
        for run in client.search_runs([experiment], order_by=["attributes.run_name"])
    ]

    registry = FileRegistry(store)
    make_version(store, FIRST)
    make_version(store, SECOND)
    registry.promote(FIRST, by="test", why="first")
    registry.challenge(SECOND, by="test", why="new")
    tracker.mirror(Models.of(store))
    said["first"] = _registered(client)
    registry.promote(SECOND, by="test", why="better")
    tracker.mirror(Models.of(store))
    tracker.mirror(Models.of(store))
    said["promoted"] = _registered(client)
    registry.remove(FIRST, by="test", why="old")
    tracker.mirror(Models.of(store))
    said["removed"] = _registered(client)

    try:
        MlflowTracker(refusing, "").log_run(record, {})
    except Exception as e:
        said["refused"] = type(e).__name__
    try:
        MlflowTracker(refusing, "").mirror(Models.of(store))
    except Exception as e:
        said["folder"] = str(e)
    return said


def _registered(client: Any) -> dict[str, Any]:
    aliases = client.get_registered_model(MODEL).aliases
    found = client.search_model_versions(f"name = '{MODEL}'")
    return {
        "aliases": {
            alias: client.get_model_version(MODEL, number).tags["version"]
            for alias, number in aliases.items()
        },
        "versions": {
            v.tags["version"]: {
                "source": v.source,
                "removed": v.tags.get("removed"),
                "git_commit": v.tags["git_commit"],
                "data_hash": v.tags["data_hash"],
                "run": bool(v.run_id),
            }
            for v in found
        },
        "count": len(found),
    }


if __name__ == "__main__":
    answer = main(Path(sys.argv[1]), sys.argv[2])
    print(json.dumps(answer))
