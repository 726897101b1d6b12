"""Run in Airflow's environment: executes stages as tasks do, and tells as JSON how each ended."""

import json
import signal
import sys
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from airflow.sdk import Asset
from newsrec_dags.process import ProcessStage

ASSET = Asset("made")


def run(case: dict[str, Any]) -> dict[str, Any]:
    """One stage: `program`, `arguments`, `folder`; and `question`, `run_type`, `alarm_after`."""
    events = {ASSET: SimpleNamespace(extra=None)}
    context = {
        "params": {"day": None},
        "dag_run": SimpleNamespace(
            logical_date=datetime(2026, 3, 5, tzinfo=UTC),
            run_after=datetime(2026, 3, 6, tzinfo=UTC),
            run_type=case.get("run_type", "scheduled"),
        ),
        "outlet_events": events,
    }
    stage = ProcessStage(
        task_id="stage",
        program=case["program"],
        arguments=case["arguments"],
        folder=case["folder"],
        question=case.get("question", False),
        not_in_backfill=case.get("not_in_backfill", False),
        outlets=[ASSET],
    )
    if seconds := case.get("alarm_after"):
        signal.signal(signal.SIGALRM, _over)
        signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        stage.execute(context)
    except BaseException as e:
        return {"raised": type(e).__name__, "said": str(e), "extra": events[ASSET].extra}
    return {"raised": None, "said": "", "extra": events[ASSET].extra}


class OverError(BaseException):
    """As Airflow's own when an execution_timeout is over."""


def _over(*_: Any) -> None:
    raise OverError


if __name__ == "__main__":
    print(json.dumps([run(case) for case in json.load(sys.stdin)]))
