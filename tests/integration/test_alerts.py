"""From a fault to what is done about it: the rules, the routes, and all programs together."""

import os
import re
import shutil
import subprocess
import sysconfig
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import urllib3
from prometheus_client import CollectorRegistry, Gauge, push_to_gateway

from support.alerting import (
    ALERTMANAGER,
    HTTP,
    PROMETHEUS,
    alertmanager,
    eventually,
    prometheus,
    pushgateway,
    run,
    samples,
)
from support.api_server import api_server
from support.etl import DAY, landing_of_two_days, local_store
from support.fake_airflow import FakeAirflow, fake_airflow
from support.fakes_hooks import TOKEN
from support.hooks_server import hooks_server
from support.http_fake import Asked, http_fake
from support.net import free_port
from support.postgres import REPOSITORY

TESTS = sorted(path.name for path in (PROMETHEUS / "tests").glob("*.test.yml"))


def test_promtool_accepts_the_configuration_and_the_rules() -> None:
    checked = run("promtool", "check", "config", str(PROMETHEUS / "prometheus.yml"))
    assert checked.returncode == 0, checked.stdout
    assert "3 rule files found" in checked.stdout


def test_every_rule_file_has_tests_and_they_pass() -> None:
    assert {p.stem for p in (PROMETHEUS / "rules").glob("*.yml")} <= {
        name.partition(".")[0] for name in TESTS
    }
    tested = run("promtool", "test", "rules", *(str(PROMETHEUS / "tests" / t) for t in TESTS))
    assert tested.returncode == 0, tested.stdout


@pytest.mark.parametrize(
    ("rules", "correct", "planted"),
    [
        ("platform", 'outcome=~"refused|unavailable|not-allowed"', 'outcome="refused"'),
        ("pipelines", 'newsrec_data_check_passed{severity="error"}', "newsrec_data_check_passed"),
        ("pipelines", "action: retrain", "action: restart"),
        ("pipelines", "unless on ()", "and on ()"),
        ("service", "or 0 * newsrec:api_requests:rate5m", "or 1 * newsrec:api_requests:rate5m"),
    ],
)
def test_a_planted_mistake_fails_the_tests_of_the_rules(
    tmp_path: Path, rules: str, correct: str, planted: str
) -> None:
    copied = Path(shutil.copytree(PROMETHEUS, tmp_path / "prometheus"))
    file = copied / f"rules/{rules}.yml"
    text = file.read_text()
    assert correct in text
    file.write_text(text.replace(correct, planted))
    tested = run("promtool", "test", "rules", str(copied / f"tests/{rules}.test.yml"))
    assert tested.returncode == 1, tested.stdout


def test_amtool_accepts_the_configuration() -> None:
    checked = run("amtool", "check-config", str(ALERTMANAGER))
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ("severity=page", "pager"),
        ("severity=ticket", "tickets"),
        ("alertname=Unlabelled", "tickets"),
        ("severity=ticket action=retrain", "hooks,tickets"),
        ("severity=page action=abort-canary", "hooks,pager"),
    ],
)
def test_people_and_programs_are_told_what_is_theirs(labels: str, receivers: str) -> None:
    route = ["config", "routes", "test", f"--config.file={ALERTMANAGER}"]
    routed = run("amtool", *route, f"--verify.receivers={receivers}", *labels.split())
    assert routed.returncode == 0, routed.stdout
    assert run("amtool", *route, "--verify.receivers=nobody", *labels.split()).returncode == 1


INHIBITED: list[tuple[dict[str, str], dict[str, str]]] = [
    ({"alertname": "InputDataBad"}, {"alertname": "RetrainingMissed", "action": "retrain"}),
    ({"alertname": "ApiDown"}, {"alertname": "ApiErrorBudgetBurnsFast"}),
    ({"alertname": "ApiDown"}, {"alertname": "SlatesStale"}),
    ({"alertname": "DagFailed", "dag_id": "a"}, {"alertname": "DagOverdue", "dag_id": "a"}),
    (
        {"alertname": "DiskAlmostFull", "instance": "a", "mountpoint": "/"},
        {"alertname": "DiskFillsUp", "instance": "a", "mountpoint": "/"},
    ),
]
LET_THROUGH: list[dict[str, str]] = [
    {"alertname": "DagOverdue", "dag_id": "b"},
    {"alertname": "DiskFillsUp", "instance": "b", "mountpoint": "/"},
    {"alertname": "CanaryBreaksPromise", "action": "abort-canary"},
    *(cause for cause, _ in INHIBITED),
]


def test_what_follows_from_another_alert_is_kept_back_and_nothing_else(tmp_path: Path) -> None:
    sent = [*(follows for _, follows in INHIBITED), *LET_THROUGH]
    ends = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    with alertmanager(tmp_path, "http://127.0.0.1:9", TOKEN) as address:
        answer = HTTP.request(
            "POST",
            f"{address}/api/v2/alerts",
            json=[{"labels": labels, "endsAt": ends} for labels in sent],
        )
        assert answer.status == 200
        # The inhibitor learns of alerts a moment after they were taken.
        eventually(
            lambda: len(_by_state(address).get("suppressed", [])) == len(INHIBITED),
            "all that follows is kept back",
            20,
        )
        states = _by_state(address)
    assert states["suppressed"] == sorted(str(sorted(f.items())) for _, f in INHIBITED)
    assert not set(states["suppressed"]) & {str(sorted(a.items())) for a in LET_THROUGH}


def _by_state(address: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for alert in HTTP.request("GET", f"{address}/api/v2/alerts").json():
        labels = str(sorted(alert["labels"].items()))
        found.setdefault(alert["status"]["state"], []).append(labels)
    return {state: sorted(labels) for state, labels in found.items()}


@pytest.mark.slow
def test_a_fault_becomes_a_run_within_a_minute_though_airflow_fails_at_first(
    tmp_path: Path,
) -> None:
    airflow = FakeAirflow(failing_with=503)
    nowhere = f"postgresql://nobody:x@127.0.0.1:{free_port()}/none"
    with (
        fake_airflow(airflow) as airflow_url,
        hooks_server(airflow_url, tmp_path / "hooks.log") as hooks,
        api_server(nowhere, tmp_path / "api.log", WORKERS="1") as api,
        pushgateway(tmp_path) as gateway,
        alertmanager(tmp_path, hooks, TOKEN) as manager,
        prometheus(
            tmp_path,
            {"api": api, "hooks": hooks, "pushgateway": gateway, "alertmanager": manager},
        ) as server,
    ):
        _push(gateway, readers_drift=0)
        eventually(
            lambda: len(samples(server, 'up{job=~"api|hooks|pushgateway|alertmanager"} == 1')) == 4,
            "all are scraped",
        )
        _ask(api, 3)
        eventually(lambda: samples(server, "newsrec_alarms == 0"), "it is pushed")
        assert samples(server, 'ALERTS{action!=""}') == {}
        assert airflow.runs == []

        _push(gateway, readers_drift=1)
        assert airflow.arrived.wait(60)
        airflow.failing_with = None
        eventually(lambda: airflow.runs, "the DAG is started")
        ((dag_id, body),) = airflow.runs
        (alert,) = (
            a
            for a in HTTP.request("GET", f"{manager}/api/v2/alerts").json()
            if a["labels"]["alertname"] == "RetrainingMissed"
        )

        _ask(api, 5)
        eventually(
            lambda: samples(server, 'ALERTS{alertname="ApiErrorBudgetBurnsFast"}'),
            "the API's failures burn its budget",
        )
        done = 'newsrec_hooks_alerts_total{action="retrain", outcome="done"} == 1'
        eventually(lambda: samples(server, done), "what was done is counted")
        assert samples(server, 'newsrec_hooks_alerts_total{outcome="unavailable"} > 0')
    assert dag_id == "retrain"
    assert body["dag_run_id"].startswith(f"alert__{alert['fingerprint']}__")
    assert body["conf"]["alert"]["name"] == "RetrainingMissed"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", body["conf"]["day"])
    assert body["conf"]["alert"]["summary"].startswith("The monitor asked for a new model")


@pytest.mark.slow
def test_a_stage_that_fails_is_told_to_people_within_a_minute(
    database_url: str, tmp_path: Path
) -> None:
    landing_of_two_days(local_store(tmp_path))
    told: list[Asked] = []
    arrived = threading.Event()

    def people(asked: Asked) -> tuple[int, Any]:
        if asked.body["groupLabels"]["alertname"] == "StageFailed":
            told.append(asked)
            arrived.set()
        return 200, {}

    with (
        http_fake(people) as people_url,
        pushgateway(tmp_path) as gateway,
        alertmanager(tmp_path, "http://127.0.0.1:9", TOKEN, people_url) as manager,
        prometheus(tmp_path, {"pushgateway": gateway, "alertmanager": manager}) as server,
    ):
        done = _etl(tmp_path, gateway, database_url)
        assert done.returncode == 0, done.stderr
        eventually(lambda: samples(server, 'newsrec_stage_success{stage="etl"} == 1'), "it ran")
        assert samples(server, 'newsrec_stage_rows{stage="etl"} > 0')
        assert samples(server, 'newsrec_stage_duration_seconds{stage="etl"} > 0')
        assert samples(server, 'newsrec_stage_peak_memory_bytes{stage="etl"} > 1e7')
        assert samples(server, 'ALERTS{alertname="StageFailed"}') == {}

        nowhere = f"postgresql://nobody:x@127.0.0.1:{free_port()}/none"
        assert _etl(tmp_path, gateway, nowhere).returncode == 1
        assert arrived.wait(60)
    (asked, *_) = told
    assert asked.path == "/tickets"
    (alert,) = asked.body["alerts"]
    assert alert["status"] == "firing"
    assert alert["labels"]["stage"] == "etl"
    assert alert["annotations"]["summary"] == "The last newsrec etl failed"


def _etl(folder: Path, gateway: str, database_url: str) -> "subprocess.CompletedProcess[str]":
    """`newsrec etl` as anybody runs it."""
    env = {
        **os.environ,
        "NEWSREC_VAR": str(folder),
        "STORE_URL": (folder / "store").as_uri(),
        "DATABASE_URL": database_url,
        "PUSHGATEWAY_URL": gateway,
    }
    command = [Path(sysconfig.get_path("scripts")) / "newsrec", "etl", "--date", DAY.isoformat()]
    return subprocess.run(
        command, env=env, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=120
    )


def _push(gateway: str, **alarms: int) -> None:
    """Alarms by their names, as `newsrec monitor` leaves them."""
    registry = CollectorRegistry()
    gauge = Gauge("newsrec_alarms", "Alarms.", ("name",), registry=registry)
    for name, count in alarms.items():
        gauge.labels(name).set(count)
    push_to_gateway(gateway.removeprefix("http://"), "newsrec", registry, {"stage": "monitor"})


def _ask(api: str, times: int) -> None:
    """Ask an API whose database is gone."""
    for _ in range(times):
        answer: Any = urllib3.request("GET", f"{api}/v1/categories", retries=False, timeout=10.0)
        assert answer.status == 503
