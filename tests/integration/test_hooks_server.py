"""`python -m newsrec_hooks`: the real process, with an Airflow and a Kong behind it."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3

from support.fake_airflow import PASSWORD, FakeAirflow, fake_airflow
from support.fake_kong import CANARY, FakeKong, fake_kong
from support.fakes_hooks import AUTHORIZED, TOKEN, alert, notification
from support.hooks_server import hooks_server
from support.net import free_port

HTTP = urllib3.PoolManager(retries=False, timeout=20.0, maxsize=8)


@pytest.fixture
def airflow() -> FakeAirflow:
    return FakeAirflow()


@pytest.fixture
def kong() -> FakeKong:
    return FakeKong()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def hooks(airflow: FakeAirflow, kong: FakeKong, log: Path) -> Iterator[str]:
    with fake_airflow(airflow) as airflow_url, fake_kong(kong) as kong_url:
        canary = {"KONG_ADMIN_URL": kong_url, "KONG_CANARY": CANARY}
        with hooks_server(airflow_url, log, **canary) as address:
            yield address


def post(address: str, *alerts: dict[str, Any]) -> urllib3.BaseHTTPResponse:
    sent = notification(*alerts)
    return HTTP.request("POST", f"{address}/v1/alerts", json=sent, headers=AUTHORIZED)


def test_the_same_alert_by_many_at_once_starts_one_run_and_probes_are_answered_meanwhile(
    hooks: str, airflow: FakeAirflow, log: Path
) -> None:
    airflow.go_on.clear()
    with ThreadPoolExecutor(3) as threads:
        posts = [threads.submit(post, hooks, alert()) for _ in range(3)]
        assert airflow.arrived.wait(250)
        assert HTTP.request("GET", f"{hooks}/readyz").status == 200
        airflow.go_on.set()
        answers = [p.result() for p in posts]
    outcomes = sorted(a.json()["results"][0]["outcome"] for a in answers)
    assert outcomes == ["already", "already", "done"]
    ((dag_id, run),) = airflow.runs
    assert dag_id == "retrain"
    assert run["dag_run_id"] == "alert__0000000000000001__20260308T061230.123456Z"
    assert run["conf"]["day"] == "2026-03-07"
    assert airflow.logins == 1
    metrics = HTTP.request("GET", f"{hooks}/metrics").data.decode()
    assert 'newsrec_hooks_alerts_total{action="retrain",outcome="already"} 2.0' in metrics
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {line["message"] for line in lines} == {"action", "request"}
    assert TOKEN not in log.read_text()
    assert PASSWORD not in log.read_text()
    assert "Readers spend less" not in log.read_text()


def test_resolved_alerts_start_nothing_and_the_canary_is_aborted_at_kong(
    hooks: str, airflow: FakeAirflow, kong: FakeKong
) -> None:
    answer = post(hooks, alert(status="resolved"), alert(2, action="abort-canary"))
    assert [r["outcome"] for r in answer.json()["results"]] == ["resolved", "done"]
    assert airflow.runs == []
    assert airflow.logins == 0
    assert kong.weights[CANARY] == 0


def test_an_airflow_that_is_down_is_told_and_the_repetition_finds_it_back(log: Path) -> None:
    port = free_port()
    with hooks_server(f"http://127.0.0.1:{port}", log) as hooks:
        answer = post(hooks, alert())
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "15"
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert HTTP.request("GET", f"{hooks}/readyz").status == 200
        airflow = FakeAirflow()
        with fake_airflow(airflow, port):
            assert post(hooks, alert()).json()["results"][0]["outcome"] == "done"
        assert len(airflow.runs) == 1
    assert "Traceback" not in log.read_text()


def test_a_huge_body_is_refused_and_the_server_lives_on(hooks: str, airflow: FakeAirflow) -> None:
    assert _post_raw(hooks, b"x" * (3 * 1024 * 1024)) == 413
    assert _post_raw(hooks, b"x" * (3 * 1024 * 1024), chunked=True) == 413
    assert post(hooks, alert()).status == 200
    assert len(airflow.runs) == 1


@pytest.mark.parametrize(
    ("wrong", "variable"),
    [
        ({"HOOKS_TOKEN": "short"}, "HOOKS_TOKEN"),
        ({"HOOKS_PORT": "http"}, "HOOKS_PORT"),
        ({"THREADS": "0"}, "THREADS"),
    ],
)
def test_wrong_settings_end_the_start_with_one_line(wrong: dict[str, str], variable: str) -> None:
    env = {**os.environ, "HOOKS_TOKEN": TOKEN, "AIRFLOW_PASSWORD": PASSWORD, **wrong}
    ended = subprocess.run(
        [sys.executable, "-m", "newsrec_hooks"],
        env=env,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 1
    assert re.fullmatch(rf"newsrec-hooks: {variable} [^\n]*\n", ended.stderr)


def _post_raw(address: str, body: bytes, chunked: bool = False) -> int:
    """The status of a POST whose sender goes on sending, whatever the server says."""
    host = urlsplit(address)
    head = (
        f"POST /v1/alerts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
        "Content-Type: application/json\r\n"
    )
    with socket.create_connection((str(host.hostname), host.port or 80), timeout=10) as s:
        try:
            if chunked:
                s.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
                s.sendall(f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n")
            else:
                s.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has answered and gone
        return int(s.recv(64).split()[1])
