"""A Pushgateway on loopback: a small one of ours, and Debian's where it is installed."""

import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from support.net import free_port


@dataclass(frozen=True)
class Gateway:
    """Where it listens."""

    url: str

    def text(self) -> str:
        """What Prometheus would scrape."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=10) as answer:
            found: str = answer.read().decode()
            return found


@contextmanager
def pushgateway() -> Iterator[Gateway]:
    """One that keeps, of each group, the last metrics of a name, as POST asks for."""
    groups: dict[str, dict[str, list[str]]] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            families = {f.name: [] for f in text_string_to_metric_families(body)}
            for line in body.splitlines():
                words = line.replace("{", " ").split()
                name = words[2] if line.startswith("#") else words[0]
                families[name if name in families else name.removesuffix("_total")].append(line)
            groups.setdefault(self.path, {}).update(families)
            self._end(b"")

        def do_GET(self) -> None:
            lines = [line for g in groups.values() for f in g.values() for line in f]
            self._end(("\n".join(lines) + "\n").encode())

        def _end(self, content: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield Gateway(f"http://127.0.0.1:{server.server_address[1]}")
        server.shutdown()
        thread.join()


@pytest.fixture
def real_pushgateway(tmp_path: Path) -> Iterator[Gateway]:
    """Debian's, which would remember what it got in earlier tests."""
    program = shutil.which("prometheus-pushgateway")
    if program is None:
        pytest.skip("no prometheus-pushgateway: apt-get install prometheus-pushgateway")
    port = free_port()
    address = f"127.0.0.1:{port}"
    arguments = (f"--web.listen-address={address}", f"--persistence.file={tmp_path / 'pushed'}")
    process = subprocess.Popen([program, *arguments], stderr=subprocess.DEVNULL)
    try:
        gateway = Gateway(f"http://{address}")
        for _ in range(300):
            try:
                gateway.text()
                break
            except urllib.error.URLError:
                time.sleep(0.1)
        yield gateway
    finally:
        process.terminate()
        process.wait(timeout=30)
