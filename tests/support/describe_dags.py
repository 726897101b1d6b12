"""Run in Airflow's environment: tells every DAG of a folder as JSON, as the scheduler sees it."""

import json
import sys
from pathlib import Path
from typing import Any

from airflow.dag_processing.dagbag import BundleDagBag
from airflow.serialization.serialized_objects import DagSerialization


def task(operator: Any) -> dict[str, Any]:
    found = {
        "kind": type(operator).__name__,
        "after": sorted(operator.upstream_task_ids),
        "retries": operator.retries,
        "retry_seconds": operator.retry_delay.total_seconds(),
        "outlets": [asset.name for asset in operator.outlets],
    }
    if operator.execution_timeout:
        found["limit_seconds"] = operator.execution_timeout.total_seconds()
    for name in ("arguments", "program", "question", "not_in_backfill"):
        if hasattr(operator, name):
            found[name] = getattr(operator, name)
    found["tells_failure"] = bool(operator.on_failure_callback)
    return found


def dag(found: Any) -> dict[str, Any]:
    # Raises when the scheduler, which has only this form, could not keep it.
    timetable = DagSerialization.from_dict(DagSerialization.to_dict(found)).timetable
    clock = getattr(timetable, "timetable", timetable)
    condition = getattr(timetable, "asset_condition", None)
    return {
        "clock": type(clock).__name__,
        "cron": clock._expression,
        "zone": str(clock._timezone.name),
        "assets": sorted(key.name for key, _ in condition.iter_assets()) if condition else [],
        "periodic": timetable.periodic,
        "catchup": found.catchup,
        "max_active_runs": found.max_active_runs,
        "params": sorted(found.params),
        "tasks": {t.task_id: task(t) for t in found.tasks},
    }


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    bag = BundleDagBag(dag_folder=folder, bundle_path=folder, bundle_name="dags-folder")
    print(
        json.dumps(
            {
                "errors": {str(k): str(v) for k, v in bag.import_errors.items()},
                "dags": {dag_id: dag(found) for dag_id, found in sorted(bag.dags.items())},
            }
        )
    )
