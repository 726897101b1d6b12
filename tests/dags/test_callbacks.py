"""What is told of a task that ended, to a gateway, a hook and the log; telling harms nothing."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from newsrec_dags import callbacks

from support.http_fake import Asked, http_fake
from support.net import free_port


@dataclass
class Listener:
    """Whoever listens, and what it heard."""

    asked: list[Asked] = field(default_factory=list)
    status: int = 200

    def answer(self, asked: Asked) -> tuple[int, Any]:
        self.asked.append(asked)
        return self.status, {}


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    listening = Listener()
    with http_fake(listening.answer) as address:
        monkeypatch.setenv("PUSHGATEWAY_URL", f"{address}/")
        monkeypatch.setenv("NEWSREC_FAILURE_HOOK", f"{address}/hook")
        yield listening


def context(logical: datetime | None = None) -> dict[str, Any]:
    return {
        "ti": SimpleNamespace(dag_id="retrain", task_id="check", try_number=4),
        "dag_run": SimpleNamespace(run_id="alert__1", logical_date=logical),
        "exception": ValueError("exit status 1: few articles"),
    }


def test_a_failure_is_a_metric_a_call_and_a_line(
    listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    callbacks.failed(context(datetime(2026, 3, 5, tzinfo=UTC)))

    push, hook = listener.asked
    group = "/metrics/job/newsrec-airflow/dag_id/retrain/task_id/check"
    assert (push.method, push.path) == ("POST", group)
    assert (hook.method, hook.path) == ("POST", "/hook")
    assert hook.body == json.loads(caplog.messages[0])
    assert hook.body == {
        "event": "task_failed",
        "dag_id": "retrain",
        "task_id": "check",
        "run_id": "alert__1",
        "logical_date": "2026-03-05T00:00:00+00:00",
        "try_number": 4,
        "error": "exit status 1: few articles",
    }


def test_a_success_is_a_metric_and_a_try_a_line(
    listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    callbacks.succeeded(context())
    assert len(listener.asked) == 1
    callbacks.tried(context())
    assert len(listener.asked) == 1
    assert json.loads(caplog.messages[0])["event"] == "task_tried"


def test_without_settings_nobody_is_called(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("PUSHGATEWAY_URL", raising=False)
    monkeypatch.delenv("NEWSREC_FAILURE_HOOK", raising=False)
    with caplog.at_level(logging.WARNING):
        callbacks.failed(context())
    assert len(caplog.messages) == 1


@pytest.mark.parametrize("kind", ["refuses", "is not there", "is nonsense"])
def test_a_listener_that_fails_changes_nothing(
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    kind: str,
) -> None:
    listener.status = 500
    if kind != "refuses":
        url = f"http://127.0.0.1:{free_port()}/token" if kind == "is not there" else "token"
        monkeypatch.setenv("PUSHGATEWAY_URL", url)
        monkeypatch.setenv("NEWSREC_FAILURE_HOOK", url)

    callbacks.failed(context())

    told = [json.loads(message)["event"] for message in caplog.messages]
    assert told == ["task_failed", "not_told", "not_told"]
    assert "token" not in "".join(caplog.messages[1:])
