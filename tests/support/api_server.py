"""The real API, as its own process, on loopback."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import urllib3

from support.net import free_port
from support.seed import NOW

SECRETS = {
    "LINK_SECRET": "link-secret-of-the-tests",
    "ADMIN_TOKEN": "admin-token-of-the-tests",
    "AUDIT_TOKEN": "audit-token-of-the-tests",
}


@contextmanager
def api_server(database_url: str, log: Path, **env: str) -> Iterator[str]:
    """Start `python -m newsrec_api` and give its address; its log goes to `log`."""
    port = free_port()
    settings = {
        **os.environ,
        **SECRETS,
        "DATABASE_URL": database_url,
        "CLOCK_START": NOW.isoformat(),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        **env,
    }
    address = f"http://127.0.0.1:{port}"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "newsrec_api"], env=settings, stdout=output, stderr=output
        )
        try:
            _wait(process, address, log)
            yield address
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait(process: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    deadline = time.monotonic() + 250
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib3.request("GET", f"{address}/healthz", retries=False, timeout=1.0)
            return
        except urllib3.exceptions.HTTPError:
            time.sleep(0.05)
    raise AssertionError(f"the API did not start: {log.read_text()}")
