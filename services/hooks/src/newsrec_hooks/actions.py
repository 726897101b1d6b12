"""What an alert may ask for, and what becomes of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from newsrec_hooks.adapters.deadline import Deadline
from newsrec_hooks.adapters.interfaces import DagRun, DagRunner, Gateway
from newsrec_hooks.alerts import Alert
from newsrec_hooks.errors import RefusedError, UnavailableError
from newsrec_hooks.metrics import Metrics

log = structlog.get_logger()

RETRAIN, ABORT_CANARY = "retrain", "abort-canary"
# The DAG that an action starts: never a name that an alert brings along.
DAGS = {RETRAIN: "retrain"}
OUTCOMES = ("done", "already", "resolved", "refused", "unavailable", "not-allowed")
# Alertmanager waits at least ten seconds (the shortest group_interval that it accepts).
SECONDS = 8.0


@dataclass(frozen=True)
class Result:
    """What became of one alert; `run_id` names the DAG run, where there is one."""

    alert: str
    fingerprint: str
    action: str | None
    outcome: str
    run_id: str | None = None


class Act:
    """Does what alerts ask for. Doing the same again changes nothing."""

    def __init__(self, dags: DagRunner, gateway: Gateway | None, metrics: Metrics) -> None:
        self._dags = dags
        self._gateway = gateway
        self._metrics = metrics
        self._allowed = (*DAGS, *((ABORT_CANARY,) if gateway else ()))
        for action in (*DAGS, ABORT_CANARY):
            metrics.declare(action, OUTCOMES)

    def __call__(self, alerts: Sequence[Alert]) -> list[Result]:
        """Act on each alert; one that fails does not keep the others from being done.

        Raises:
            UnavailableError: when one may succeed later: Alertmanager tries all of them again.
            RefusedError: when none may, but a person has to look.
        """
        deadline = Deadline.after(SECONDS)
        results, failures = [], []
        for alert in alerts:
            try:
                result = self._one(alert, deadline)
            except (UnavailableError, RefusedError) as e:
                outcome = "unavailable" if isinstance(e, UnavailableError) else "refused"
                result = Result(alert.name, alert.fingerprint, alert.action, outcome)
                failures.append(e)
                self._tell(result, detail=e.detail, cause=type(e.__cause__).__name__)
            else:
                self._tell(result)
            results.append(result)
        # "Later" before "never": what was refused is asked again together with it.
        for kind in (UnavailableError, RefusedError):
            for failure in failures:
                if isinstance(failure, kind):
                    raise failure
        return results

    def _one(self, alert: Alert, deadline: Deadline) -> Result:
        asked = Result(alert.name, alert.fingerprint, alert.action, "none")
        if asked.action is None:
            return asked
        if asked.action not in self._allowed:
            return _with(asked, "not-allowed")
        if alert.status == "resolved":
            return _with(asked, "resolved")
        if asked.action == ABORT_CANARY:
            assert self._gateway is not None  # noqa: S101 - else it would not be allowed
            return _with(asked, "done" if self._gateway.abort_canary(deadline) else "already")
        run = DagRun(DAGS[asked.action], alert.run_id, alert.day, _context(alert))
        started = self._dags.start(run, deadline)
        return _with(asked, "done" if started else "already", run.run_id)

    def _tell(self, result: Result, **more: Any) -> None:
        known = result.action in (*DAGS, ABORT_CANARY)
        action = str(result.action) if known else "none" if result.action is None else "other"
        self._metrics.alert(action, result.outcome)
        if result.action is None:
            return
        failed = result.outcome in ("refused", "unavailable", "not-allowed")
        tell = log.warning if failed else log.info
        # Names that alerts bring along are cut: a log line stays a line.
        tell(
            "action",
            alert=result.alert[:128],
            fingerprint=result.fingerprint,
            action=str(result.action)[:64],
            outcome=result.outcome,
            run_id=result.run_id,
            **more,
        )


def _with(asked: Result, outcome: str, run_id: str | None = None) -> Result:
    return Result(asked.alert, asked.fingerprint, asked.action, outcome, run_id)


def _context(alert: Alert) -> dict[str, Any]:
    """What the DAG run is told about the alert that started it."""
    return {
        "name": alert.name,
        "fingerprint": alert.fingerprint,
        "starts_at": alert.starts_at.isoformat(),
        "labels": dict(alert.labels),
        "summary": alert.annotations.get("summary", ""),
    }
