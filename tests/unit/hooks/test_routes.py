"""What becomes of an alert: who may send it, what is done, what is told, what is counted."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from newsrec_hooks.errors import HooksError, RefusedError, UnavailableError
from support.fakes_hooks import (
    AUTHORIZED,
    TOKEN,
    FakeDags,
    FakeGateway,
    alert,
    application,
    notification,
)


@pytest.fixture
def dags() -> FakeDags:
    return FakeDags()


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def client(dags: FakeDags, gateway: FakeGateway) -> FlaskClient:
    return application(dags, gateway).test_client()


def post(client: FlaskClient, *alerts: dict[str, Any], **changes: Any) -> TestResponse:
    return client.post("/v1/alerts", json=notification(*alerts, **changes), headers=AUTHORIZED)


def outcomes(answer: TestResponse) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [result["outcome"] for result in answer.get_json()["results"]]


def counted(client: FlaskClient, action: str, outcome: str) -> float:
    text = client.get("/metrics").text
    found = re.search(
        rf'newsrec_hooks_alerts_total{{action="{action}",outcome="{outcome}"}} (\S+)', text
    )
    return float(found[1]) if found else -1.0


def test_a_firing_alert_starts_the_dag_with_its_day_and_its_alert(
    client: FlaskClient, dags: FakeDags
) -> None:
    assert outcomes(post(client, alert())) == ["done"]
    (run,) = dags.runs.values()
    assert run.dag_id == "retrain"
    assert run.day.isoformat() == "2026-03-07"
    assert run.alert["name"] == "ModelDegraded"
    assert run.alert["labels"]["severity"] == "ticket"
    assert counted(client, "retrain", "done") == 1


def test_a_repeated_delivery_starts_nothing_and_a_new_firing_does(
    client: FlaskClient, dags: FakeDags
) -> None:
    assert outcomes(post(client, alert(), alert())) == ["done", "already"]
    assert outcomes(post(client, alert(), status="firing")) == ["already"]
    assert outcomes(post(client, alert(startsAt="2026-03-09T06:00:00Z"))) == ["done"]
    assert len(dags.runs) == 2


@pytest.mark.parametrize(
    ("sent", "outcome", "action"),
    [
        (alert(status="resolved", endsAt="2026-03-08T07:00:00Z"), "resolved", "retrain"),
        (alert(action=None), "none", "none"),
        (alert(action="drop-database"), "not-allowed", "other"),
        (alert(action="Retrain"), "not-allowed", "other"),
    ],
)
def test_what_asks_for_nothing_allowed_starts_nothing(
    client: FlaskClient, dags: FakeDags, sent: dict[str, Any], outcome: str, action: str
) -> None:
    # A group that still fires holds alerts that are resolved already.
    assert outcomes(post(client, sent)) == [outcome]
    assert dags.runs == {}
    assert counted(client, action, outcome) == 1
    assert "drop-database" not in client.get("/metrics").text


def test_an_annotation_may_name_the_action(client: FlaskClient, dags: FakeDags) -> None:
    assert outcomes(post(client, alert(action=None, annotations={"action": "retrain"}))) == ["done"]
    assert len(dags.runs) == 1


def test_the_canary_is_aborted_once(client: FlaskClient, gateway: FakeGateway) -> None:
    assert outcomes(post(client, alert(action="abort-canary"))) == ["done"]
    assert gateway.weight == 0
    assert outcomes(post(client, alert(action="abort-canary"))) == ["already"]
    gateway.weight = 10
    resolved = alert(action="abort-canary", status="resolved")
    assert outcomes(post(client, resolved)) == ["resolved"]
    assert gateway.weight == 10


def test_without_a_gateway_no_canary_may_be_aborted(dags: FakeDags) -> None:
    client = application(dags).test_client()
    assert outcomes(post(client, alert(action="abort-canary"))) == ["not-allowed"]
    assert counted(client, "abort-canary", "not-allowed") == 1


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": TOKEN},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": "Bearer \u00e9"},
    ],
)
def test_nobody_without_the_token_is_listened_to(
    client: FlaskClient, dags: FakeDags, headers: dict[str, str]
) -> None:
    answer = client.post("/v1/alerts", json=notification(alert()), headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert dags.runs == {}


def test_the_token_is_asked_for_before_the_body_is_read(client: FlaskClient) -> None:
    assert client.post("/v1/alerts", data="{").status_code == 401


def test_a_wrong_body_is_told_by_field_and_never_quoted(
    client: FlaskClient, dags: FakeDags
) -> None:
    sent = alert(startsAt="hush-hush", labels={"n": 7})
    answer = post(client, sent, version="3")
    assert answer.status_code == 400
    assert answer.mimetype == "application/problem+json"
    fields = {e["field"] for e in answer.get_json(force=True)["errors"]}
    assert fields == {"version", "alerts.0.startsAt", "alerts.0.labels.n"}
    assert "hush-hush" not in answer.text
    assert dags.runs == {}


def test_one_failure_keeps_nobody_from_acting_and_the_repetition_completes(
    client: FlaskClient, dags: FakeDags, gateway: FakeGateway
) -> None:
    dags.failures.append(UnavailableError("Airflow does not answer"))
    sent = [alert(1), alert(2), alert(3, action="abort-canary")]
    answer = post(client, *sent)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "15"
    assert answer.get_json(force=True)["detail"] == "Airflow does not answer"
    assert len(dags.runs) == 1
    assert gateway.weight == 0
    assert counted(client, "retrain", "unavailable") == 1
    assert outcomes(post(client, *sent)) == ["done", "already", "already"]
    assert len(dags.runs) == 2


@pytest.mark.parametrize(
    ("failures", "status"),
    [
        ([RefusedError("no"), UnavailableError("later")], 503),
        ([UnavailableError("later"), RefusedError("no")], 503),
        ([RefusedError("no")], 502),
    ],
)
def test_later_comes_before_never(
    client: FlaskClient, dags: FakeDags, failures: list[HooksError], status: int
) -> None:
    dags.failures += failures
    answer = post(client, alert(1), alert(2))
    assert answer.status_code == status
    assert ("Retry-After" in answer.headers) == (status == 503)
    assert counted(client, "retrain", "refused") == 1


def test_all_calls_of_a_request_share_one_deadline(client: FlaskClient, dags: FakeDags) -> None:
    post(client, alert(1), alert(2))
    first, second = dags.time_left
    assert 8 >= first > second > 0


def test_a_bug_is_told_without_its_text(
    client: FlaskClient, dags: FakeDags, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> bool:
        raise ZeroDivisionError("hush-hush")

    monkeypatch.setattr(dags, "start", broken)
    with capture_logs() as logs:
        answer = post(client, alert())
    assert answer.status_code == 500
    assert "hush-hush" not in answer.text
    assert [line["event"] for line in logs] == ["bug", "request"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/alerts", 405),
        ("GET", "/", 404),
        ("POST", "/healthz", 405),
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
    ],
)
def test_other_addresses_and_methods(
    client: FlaskClient, method: str, path: str, status: int
) -> None:
    answer = client.open(path, method=method)
    assert answer.status_code == status
    assert answer.headers["X-Request-ID"]
    if status == 405:
        assert answer.headers["Allow"]


def test_the_log_names_the_alert_and_holds_neither_body_nor_token(client: FlaskClient) -> None:
    with capture_logs() as logs:
        post(client, alert(annotations={"summary": "hush-hush"}, labels={"action": "x" * 5000}))
        post(client, alert(), truncatedAlerts=3)
    assert "hush-hush" not in str(logs)
    assert TOKEN not in str(logs)
    assert max(len(str(line)) for line in logs) < 1000
    done = [line for line in logs if line["event"] == "action"][-1]
    assert done["alert"] == "ModelDegraded"
    assert done["run_id"] == "alert__0000000000000001__20260308T061230.123456Z"
    assert [line["alerts"] for line in logs if line["event"] == "truncated"] == [3]


def test_counters_begin_at_zero_so_that_the_first_failure_is_an_increase(
    client: FlaskClient,
) -> None:
    for outcome in ("done", "refused", "unavailable", "not-allowed"):
        assert counted(client, "retrain", outcome) == 0


def test_a_method_that_nobody_knows_makes_no_label(client: FlaskClient) -> None:
    client.open("/v1/alerts", method="FROBNICATE")
    text = client.get("/metrics").text
    assert "FROBNICATE" not in text
    assert 'method="other"' in text
