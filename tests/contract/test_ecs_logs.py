"""Each program's log is JSON of ECS's fields, as a log shipper takes it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from support import ecs
from support.alerting import HTTP, eventually
from support.api_server import api_server
from support.fake_airflow import FakeAirflow, fake_airflow
from support.hooks_server import hooks_server
from support.net import free_port
from support.postgres import REPOSITORY

GOOD = {
    "@timestamp": "2026-03-08T08:00:00.000+00:00",
    "log.level": "info",
    "message": "request",
    "ecs.version": "8.11.0",
    "service.name": "newsrec-api",
    "newsrec.route": "/v1",
}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda e: e.pop("ecs.version"),
        lambda e: e.update({"@timestamp": "2026-03-08T08:00:00"}),
        lambda e: e.update({"log.level": "loud"}),
        lambda e: e.update({"event": "request"}),
        lambda e: e.update({"route": "/v1"}),
        lambda e: e.update({"newsrec.route.x": "/v1"}),
        lambda e: e.update({"message": None}),
    ],
)
def test_a_line_that_is_no_ecs_is_caught(spoil: Callable[[dict[str, Any]], object]) -> None:
    assert ecs.wrong_with(GOOD) == []
    bad = dict(GOOD)
    spoil(bad)
    assert ecs.wrong_with(bad)


def test_the_api_with_its_server_that_loses_a_worker(tmp_path: Path) -> None:
    log = tmp_path / "log"
    nowhere = f"postgresql://nobody:x@127.0.0.1:{free_port()}/none"
    with api_server(nowhere, log, WORKERS="1") as address:
        assert HTTP.request("GET", f"{address}/v1/categories").status == 503
        _kill_a_worker(address)
        eventually(lambda: "SIGKILL" in log.read_text(), "gunicorn has seen it")
    found = ecs.lines(log.read_text())
    assert {e["service.name"] for e in found} == {"newsrec-api"}
    (request,) = [e for e in found if e["message"] == "request"]
    assert request["http.request.method"] == "GET"
    assert request["http.response.status_code"] == 503
    assert request["event.duration"] > 1_000
    assert request["newsrec.route"] == "/v1/categories"
    (killed,) = [e for e in found if "SIGKILL" in e["message"]]
    assert (killed["log.logger"], killed["log.level"]) == ("gunicorn.error", "error")


def test_hooks(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with fake_airflow(FakeAirflow()) as airflow, hooks_server(airflow, log) as address:
        assert HTTP.request("POST", f"{address}/v1/alerts").status == 401
        _kill_a_worker(address)
        eventually(lambda: "SIGKILL" in log.read_text(), "gunicorn has seen it")
    found = ecs.lines(log.read_text())
    assert {e["service.name"] for e in found} == {"newsrec-hooks"}
    assert 401 in {e.get("http.response.status_code") for e in found}


def _kill_a_worker(address: str) -> None:
    port = int(address.rpartition(":")[2])
    (server,) = (
        p
        for p in psutil.Process().children()
        if any(c.laddr.port == port for c in p.net_connections())
    )
    server.children()[0].send_signal(signal.SIGKILL)


def _run(module: str, *arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, "LOG_FORMAT": "ecs", **env},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_mailer_that_has_nothing_to_send(database_url: str, tmp_path: Path) -> None:
    done = _run(
        "newsrec_mailer",
        *("send", "--date", "2026-03-08"),
        DATABASE_URL=database_url,
        LINK_SECRET="l" * 20,
        NEWSREC_VAR=str(tmp_path),
    )
    assert done.returncode == 1
    (said,) = ecs.lines(done.stdout + done.stderr)
    assert said["log.level"] == "error"
    assert said["message"].startswith("newsrec-mailer: ")
    assert said["process.args"] == ["newsrec-mailer", "send", "--date", "2026-03-08"]


def test_a_stage_that_goes_well_and_one_that_fails(tmp_path: Path) -> None:
    program = "newsrec_pipelines.cli"
    var = {"NEWSREC_VAR": str(tmp_path)}
    days = ("--from", "2026-03-01", "--to", "2026-03-01")
    params = tmp_path / "params.yaml"
    params.write_text(
        f"extends: {REPOSITORY / 'params.yaml'}\nworld: {{readers: 5, articles_per_day: 5}}\n"
    )
    done = _run(program, "--params", str(params), "simulate", "days", *days, **var)
    assert done.returncode == 0, done.stderr
    said = ecs.lines(done.stdout)
    assert said
    assert {e["log.level"] for e in said} == {"info"}
    assert ecs.lines(done.stderr) == []

    done = _run(program, "etl", "--date", "2026-03-01", DATABASE_URL="", **var)
    assert done.returncode == 1
    *_, last = ecs.lines(done.stdout + done.stderr)
    assert last["log.level"] == "error"
    assert last["message"].startswith("newsrec: ")
    assert last["service.name"] == "newsrec-pipelines"


def test_a_crash_is_one_line_and_a_half_line_is_not_lost() -> None:
    code = (
        "import os, sys; from newsrec_common import log_lines; "
        "log_lines.install(os.environ, 'p', 's'); log_lines.install(os.environ, 'p', 's'); "
        "print('é', end=''); sys.stdout.flush(); print(' one\\ntwo', end=''); "
        "sys.stdout.buffer.write(b' three\\n'); print('four', end=''); "
        "print('p: wrong', file=sys.stderr); "
        "os.write(sys.stdout.fileno(), b''); raise KeyError('five')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "LOG_FORMAT": "ecs"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert [e["message"] for e in ecs.lines(done.stdout)] == ["é one", "two three", "four"]
    wrong, crash = ecs.lines(done.stderr)
    assert (wrong["message"], wrong["log.level"]) == ("p: wrong", "error")
    assert crash["error.type"] == "KeyError"
    assert crash["error.stack_trace"].startswith("Traceback")


@pytest.mark.parametrize(
    ("module", "program"),
    [("newsrec_mailer", "newsrec-mailer"), ("newsrec_pipelines.cli", "newsrec")],
)
def test_another_format_is_one_clear_line(module: str, program: str) -> None:
    done = _run(module, LOG_FORMAT="xml")
    assert done.returncode == 1
    assert done.stderr == f"{program}: LOG_FORMAT must be text or ecs, not 'xml'\n"


def test_stages_and_mailer_log_so_in_a_cluster() -> None:
    text = (REPOSITORY / "k8s/base/stages/stages.yaml").read_text(encoding="utf-8")
    maps = {o["metadata"]["name"]: o["data"] for o in yaml.safe_load_all(text) if "data" in o}
    assert {data["LOG_FORMAT"] for data in maps.values()} == {"ecs"}
    assert set(maps) == {"newsrec-pipelines", "newsrec-mailer"}
