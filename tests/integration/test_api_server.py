"""`python -m newsrec_api`: the real process, with its workers, over a real socket."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import urllib3

from support import ecs
from support.api_server import SECRETS, api_server
from support.net import free_port
from support.seed import seed
from support.stalling import wire

HTTP = urllib3.PoolManager(retries=False, timeout=10.0)


def test_workers_share_clock_and_counts_and_log_json_only(
    database_url: str, tmp_path: Path
) -> None:
    seed(database_url)
    log = tmp_path / "log"
    with api_server(database_url, log, WORKERS="2", THREADS="2", DEMO="1") as address:
        for _ in range(20):
            # A connection each, so that both workers answer.
            one = urllib3.PoolManager(retries=False)
            path = "/v1/readers/reader-00000/recommendations"
            assert one.request("GET", f"{address}{path}").status == 200
            one.clear()
        assert HTTP.request("GET", f"{address}/v1/reader-00000").status == 404
        text = HTTP.request("GET", f"{address}/metrics").data.decode()
        now = HTTP.request("GET", f"{address}/demo/readers").json()["now"]
    assert 'newsrec_api_slate_seconds_count{kind="stored",n="10"} 20.0' in text
    assert "newsrec_api_slate_as_of_seconds 1.7729" in text
    assert now.startswith("2026-03-08T08:0")
    lines = ecs.lines(log.read_text())
    assert [(line["message"], line["http.response.status_code"]) for line in lines] == [
        ("request", 404)
    ]
    assert "reader-00000" not in log.read_text()


def test_a_huge_body_is_refused_and_the_server_lives_on(database_url: str, tmp_path: Path) -> None:
    with api_server(database_url, tmp_path / "log", WORKERS="1") as address:
        assert _post_raw(address, b"x" * (3 * 1024 * 1024)) == 413
        assert _post_raw(address, b"x" * (3 * 1024 * 1024), chunked=True) == 413
        assert HTTP.request("GET", f"{address}/healthz").status == 200


def test_a_dead_database_is_told_and_the_service_starts_without_it(tmp_path: Path) -> None:
    nowhere = f"postgresql://nobody:x@127.0.0.1:{free_port()}/none"
    with api_server(nowhere, tmp_path / "log", WORKERS="1") as address:
        for path in ("/readyz", "/v1/readers/ana/recommendations", "/v1/categories"):
            answer = HTTP.request("GET", f"{address}{path}")
            assert answer.status == 503
            assert answer.headers["Retry-After"] == "5"
            assert answer.headers["Content-Type"] == "application/problem+json"
        assert HTTP.request("GET", f"{address}/healthz").status == 200
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_a_database_gone_silent_is_told_and_comes_back(database_url: str, tmp_path: Path) -> None:
    seed(database_url)
    slate = "/v1/readers/reader-00000/recommendations"
    with (
        wire(database_url) as line,
        api_server(line.url, tmp_path / "log", WORKERS="1") as address,
    ):
        assert HTTP.request("GET", f"{address}{slate}").status == 200
        line.stall()
        for path in (slate, "/readyz"):  # a connection that was there, and a new one
            answer = HTTP.request("GET", f"{address}{path}")
            assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
            assert answer.headers["Content-Type"] == "application/problem+json"
        line.go_on()
        assert HTTP.request("GET", f"{address}{slate}").status == 200
    causes = [x.get("newsrec.detail") for x in ecs.lines((tmp_path / "log").read_text())]
    assert [c for c in causes if c] == [
        "the database has gone silent",
        "the database cannot be reached",
    ]


@pytest.mark.parametrize(
    ("wrong", "variable"),
    [
        ({"DATABASE_URL": "mysql://x"}, "DATABASE_URL"),
        ({"PORT": "http"}, "PORT"),
        ({"LINK_SECRET": ""}, "LINK_SECRET"),
        ({"ADMIN_TOKEN": "short"}, "ADMIN_TOKEN"),
    ],
)
def test_wrong_settings_end_the_start_with_one_line(wrong: dict[str, str], variable: str) -> None:
    env = {**os.environ, **SECRETS, "DATABASE_URL": "postgresql://h/d", **wrong}
    ended = subprocess.run(
        [sys.executable, "-m", "newsrec_api"],
        env=env,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 1
    assert re.fullmatch(rf"newsrec-api: {variable} [^\n]*\n", ended.stderr)


def _post_raw(address: str, body: bytes, chunked: bool = False) -> int:
    """The status of a POST whose sender goes on sending, whatever the server says."""
    host = urlsplit(address)
    head = "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
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
