"""How fast is a reader's stored slate by HTTP, beside an empty Flask route on the same server?

    .venv/bin/python benchmarks/api.py [--rounds 5] [--requests 4000] [--clients 4] [--threads 1]

The bar is 0.55 of an empty route of the API's own application, in the same server processes: what
is left is the price of the slate. Beside it, without a bar, stands an application that is nothing
but an empty route, under the same gunicorn settings. All are asked in turns by the same clients on
the same cores. Clients keep a connection as long as the server does: gunicorn's sync workers (one
thread) end it with each answer, gthread ones keep it.
"""

import argparse
import json
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg2

from newsrec_db import migrate
from newsrec_db.embedded import Embedded

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from support.net import free_port
from support.seed import NOW, seed

BAR = 0.55
READERS, ARTICLES = 2000, 4000
BARE = """
from flask import Flask
app = Flask(__name__)
@app.get("/")
def empty():
    return ""
"""
API = """
from newsrec_api import bootstrap
def app():
    app = bootstrap.app()
    app.add_url_rule("/empty", view_func=lambda: "")
    return app
"""


@contextmanager
def server(application: str, folder: Path, env: dict[str, str]) -> Iterator[tuple[int, int]]:
    """An application under the API's gunicorn settings; gives its port and process id."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-c", "python:newsrec_api.gunicorn_conf"]
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [*command, application],
            env={**os.environ, **env, "PORT": str(port), "PYTHONPATH": str(folder)},
            stdout=log,
            stderr=log,
        )
        try:
            wait_for(port)
            yield port, process.pid
        finally:
            process.terminate()
            process.wait(timeout=30)


class Client:
    """One client that costs the cores as little as it can."""

    def __init__(self, port: int, keep_alive: bool) -> None:
        self._address = "127.0.0.1", port
        self._keep_alive = keep_alive
        self._socket: socket.socket | None = None

    def get(self, path: str) -> bytes:
        """The body of one answer."""
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=30)
            self._socket.settimeout(None)  # with a timeout Python would poll before each call
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        if not self._keep_alive:  # to its end at once: each waking of the client costs the cores
            answer = self._socket.recv(65536, socket.MSG_WAITALL)
            self.close()
            if (body := _body(answer)) is None:
                raise RuntimeError("the answer ended early")
            return body
        answer = self._receive(self._socket)
        while (body := _body(answer)) is None:
            answer += self._receive(self._socket)
        return body

    def _receive(self, connected: socket.socket) -> bytes:
        if chunk := connected.recv(65536):
            return chunk
        raise RuntimeError("the server closed the connection")

    def close(self) -> None:
        """End the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _body(answer: bytes) -> bytes | None:
    """The body of an answer, None while it is not whole."""
    head, ended, body = answer.partition(b"\r\n\r\n")
    if not ended:
        return None
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(answer.decode(errors="replace"))
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    return body if len(body) == length else None


def wait_for(port: int) -> None:
    """Return when the port takes connections."""
    for attempt in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=30).close()
            return
        except ConnectionRefusedError:
            if attempt == 199:
                raise
            time.sleep(0.05)


def round_of(
    port: int, paths: Sequence[str], clients: int, keep_alive: bool
) -> tuple[float, list[float]]:
    """Requests per second, and the time of each, of `clients` at once."""
    times: list[list[float]] = [[] for _ in range(clients)]
    failures: list[Exception] = []

    def ask(n: int) -> None:
        try:
            client = Client(port, keep_alive)
            for path in paths[n::clients]:
                began = time.perf_counter()
                client.get(path)
                times[n].append(time.perf_counter() - began)
            client.close()
        except Exception as e:
            failures.append(e)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return len(paths) / (time.perf_counter() - began), [t for one in times for t in one]


def cpu_seconds(parent: int) -> float:
    """CPU time that the living children of a process have used."""
    ticks = 0
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = file.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        if int(fields[1]) == parent:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def database(stack: ExitStack, folder: Path) -> tuple[str, int]:
    """A seeded database; gives its URL and the process id of its server."""
    postgres = Embedded(folder / "postgres")
    base = postgres.start().rsplit("/", 1)[0]
    stack.callback(postgres.stop)
    connection = psycopg2.connect(f"{base}/postgres")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE bench")
    connection.close()
    migrate.upgrade(f"{base}/bench")
    seed(f"{base}/bench", readers=READERS, articles=ARTICLES)
    connection = psycopg2.connect(f"{base}/bench")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    connection.close()
    return f"{base}/bench", postgres.pid()


def percentile(times: list[float], share: float) -> float:
    return sorted(times)[int(share * (len(times) - 1))] * 1000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1, help="THREADS of both applications")
    parser.add_argument("--json", type=Path, help="write the numbers here as well")
    args = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "bare_app.py").write_text(BARE)
        (folder / "api_app.py").write_text(API)
        url, postgres = database(stack, folder)
        env = {
            "DATABASE_URL": url,
            "LINK_SECRET": secrets.token_hex(),
            "ADMIN_TOKEN": secrets.token_hex(),
            "CLOCK_START": NOW.isoformat(),
            "THREADS": str(args.threads),
        }
        bare = stack.enter_context(server("bare_app:app", folder, env))
        api = stack.enter_context(server("api_app:app()", folder, env))
        servers = {"bare": bare, "empty": api, "slate": api}
        slates = [
            f"/v1/readers/reader-{n * 7919 % READERS:05}/recommendations"
            for n in range(args.requests)
        ]
        n = args.requests
        paths = {"bare": ["/"] * n, "empty": ["/empty"] * n, "slate": slates}
        keep_alive = args.threads > 1
        first = json.loads(Client(servers["slate"][0], keep_alive).get(slates[0]))
        if first["fallback"] or len(first["items"]) != 10:
            raise RuntimeError("this is no stored slate of ten")
        rates: dict[str, list[float]] = {name: [] for name in servers}
        times: dict[str, list[float]] = {name: [] for name in servers}
        cpu: dict[str, dict[str, float]] = {name: {} for name in servers}
        for turn in range(args.rounds + 1):
            for name, (port, pid) in servers.items():
                before = cpu_seconds(pid), cpu_seconds(postgres), time.process_time()
                rate, took = round_of(port, paths[name], args.clients, keep_alive)
                after = cpu_seconds(pid), cpu_seconds(postgres), time.process_time()
                if turn > 0:  # the first round warms up
                    rates[name].append(rate)
                    times[name] += took
                    for who, a, b in zip(
                        ("workers", "PostgreSQL", "clients"), before, after, strict=True
                    ):
                        cpu[name][who] = cpu[name].get(who, 0.0) + b - a
    ratio, beside_bare = (
        statistics.median(s / e for s, e in zip(rates["slate"], rates[name], strict=True))
        for name in ("empty", "bare")
    )
    for name in rates:
        print(
            f"{name}: {statistics.median(rates[name]):,.0f} requests/s, "
            f"p50 {percentile(times[name], 0.5):.1f} ms, p99 {percentile(times[name], 0.99):.1f} ms"
        )
        asked = args.rounds * args.requests
        spent = ", ".join(f"{who} {t / asked * 1e6:.0f} µs" for who, t in cpu[name].items())
        print(f"       CPU of one request: {spent}")
    print(f"ratio: {ratio:.2f} of the empty route (bar {BAR}), {beside_bare:.2f} of the bare one")
    if args.json:
        medians = {name: statistics.median(values) for name, values in rates.items()}
        args.json.write_text(json.dumps({**medians, "ratio": ratio, "bar": BAR}, indent=2) + "\n")
    return 0 if ratio >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
