"""What stands behind the receiver of alerts, in memory, and an application over it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from flask import Flask

from newsrec_hooks.adapters.deadline import Deadline
from newsrec_hooks.adapters.interfaces import DagRun
from newsrec_hooks.app import create_app
from newsrec_hooks.errors import HooksError
from newsrec_hooks.settings import Settings

TOKEN = "hooks-token-of-the-tests"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
SETTINGS = Settings(token=TOKEN, airflow_password="airflow-password-of-the-tests")
STARTED = datetime(2026, 3, 8, 6, 12, 30, 123456, tzinfo=UTC)


def alert(number: int = 1, action: str | None = "retrain", **changes: Any) -> dict[str, Any]:
    """An alert as Alertmanager sends it; `number` is its fingerprint."""
    labels = {"alertname": "ModelDegraded", "severity": "ticket"}
    return {
        "status": "firing",
        "labels": labels | ({"action": action} if action else {}),
        "annotations": {"summary": "Readers spend less time than expected"},
        "startsAt": "2026-03-08T06:12:30.123456789Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://127.0.0.1:9090/graph",
        "fingerprint": f"{number:016x}",
    } | changes


def notification(*alerts: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A webhook of version 4 with these alerts."""
    return {
        "version": "4",
        "groupKey": '{}:{alertname="ModelDegraded"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "hooks",
        "groupLabels": {"alertname": "ModelDegraded"},
        "commonLabels": {"alertname": "ModelDegraded"},
        "commonAnnotations": {},
        "externalURL": "http://127.0.0.1:9093",
        "alerts": list(alerts),
    } | changes


@dataclass
class FakeDags:
    """A DagRunner that keeps its runs; `failures` are raised first, one a call."""

    runs: dict[str, DagRun] = field(default_factory=dict)
    failures: list[HooksError] = field(default_factory=list)
    time_left: list[float] = field(default_factory=list)

    def start(self, run: DagRun, deadline: Deadline) -> bool:
        self.time_left.append(deadline.left("Airflow"))
        if self.failures:
            raise self.failures.pop(0)
        if run.run_id in self.runs:
            return False
        self.runs[run.run_id] = run
        return True


@dataclass
class FakeGateway:
    """A Gateway with one canary."""

    weight: int = 10
    failures: list[HooksError] = field(default_factory=list)

    def abort_canary(self, deadline: Deadline) -> bool:
        if self.failures:
            raise self.failures.pop(0)
        changed, self.weight = self.weight > 0, 0
        return changed


def application(dags: FakeDags, gateway: FakeGateway | None = None) -> Flask:
    """The application over these fakes."""
    app = create_app(SETTINGS, dags, gateway)
    app.testing = False  # errors shall become answers, as in service
    return app
