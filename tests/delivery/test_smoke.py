"""The questions to a gateway: a right one passes, and every wrong answer is seen."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from support.net import free_port
from support.postgres import REPOSITORY

KEY = "k" * 20
SLATE = '{"items": [' + ", ".join(f'{{"article_id": "a{n}"}}' for n in range(10)) + "]}"
Answer = tuple[int, str, bool]  # status, body, whether it has an X-Request-ID
Gateway = Callable[[str, str | None, int], Answer]


def right(path: str, key: str | None, length: int) -> Answer:
    """What Kong and the API answer."""
    if not path.startswith("/v1/"):
        return 404, "{}", True
    if key != KEY:
        return 401, "{}", True
    return (413, "{}", True) if length > 1_048_576 else (200, SLATE, True)


def without(status: int) -> Gateway:
    """A gateway that lets through what it must refuse with `status`."""

    def answer(path: str, key: str | None, length: int) -> Answer:
        told = right(path, key, length)
        return (200, SLATE, True) if told[0] == status else told

    return answer


def serving(body: str, identified: bool = True) -> Gateway:
    """A gateway whose slates are these."""

    def answer(path: str, key: str | None, length: int) -> Answer:
        told = right(path, key, length)
        return (200, body, identified) if told[0] == 200 else told

    return answer


@contextmanager
def gateway(answer: Gateway) -> Iterator[str]:
    """Answers before it has read a body, and goes: as a gateway may."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            status, body, identified = answer(self.path, self.headers.get("apikey"), length)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if identified:
                self.send_header("X-Request-ID", "one")
            self.end_headers()
            self.wfile.write(body.encode())
            self.rfile.read(length)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def ask(url: str, key: str = KEY) -> "subprocess.CompletedProcess[str]":
    # -I -S: a machine that has nothing of ours installed.
    return subprocess.run(
        [sys.executable, "-I", "-S", REPOSITORY / "infra/deploy/smoke.py", url],
        env={**os.environ, "KEY": key},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_gateway_that_answers_right_passes_and_no_key_is_shown() -> None:
    with gateway(right) as url:
        done = ask(url)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "a slate: 200",
        "without a key: 401",
        "with a wrong key: 401",
        "with a body of more than a megabyte: 413",
        "metrics, which are not for everybody: 404",
    ]
    assert KEY not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (without(401), "without a key: 200 instead of 401"),
        (without(413), "with a body of more than a megabyte: 200 instead of 413"),
        (without(404), "metrics, which are not for everybody: 200 instead of 404"),
        (lambda path, key, length: (503, "{}", True), "a slate: 503 instead of 200"),
        (serving(SLATE.replace("a9", "a8")), "a slate: 9 articles instead of 10"),
        (serving("<html>"), "a slate: no slate"),
        (serving(SLATE, identified=False), "a slate: no X-Request-ID"),
    ],
)
def test_every_wrong_answer_is_one_line_and_a_failure(wrong: Gateway, said: str) -> None:
    with gateway(wrong) as url:
        done = ask(url)
    assert done.returncode == 1
    assert done.stderr.startswith(f"smoke: {said}")
    assert done.stderr.count("\n") == 1


def test_nobody_there_and_nothing_to_ask_are_one_line() -> None:
    gone = ask(f"http://127.0.0.1:{free_port()}")
    assert gone.returncode == 1
    assert "no answer" in gone.stderr
    assert gone.stderr.count("\n") == 1
    for url, key in (("ftp://x", KEY), ("", KEY), ("http://127.0.0.1:1", "")):
        assert ask(url, key).returncode == 2
