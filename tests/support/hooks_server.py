"""The real receiver of alerts, as its own process, on loopback."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import urllib3

from support.fake_airflow import PASSWORD, USER
from support.fakes_hooks import TOKEN
from support.net import free_port


@contextmanager
def hooks_server(airflow_url: str, log: Path, **env: str) -> Iterator[str]:
    """Start `python -m newsrec_hooks` and give its address; its log goes to `log`."""
    port = free_port()
    settings = {
        **os.environ,
        "HOOKS_TOKEN": TOKEN,
        "AIRFLOW_URL": airflow_url,
        "AIRFLOW_USER": USER,
        "AIRFLOW_PASSWORD": PASSWORD,
        "HOST": "127.0.0.1",
        "HOOKS_PORT": str(port),
        **env,
    }
    address = f"http://127.0.0.1:{port}"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "newsrec_hooks"], env=settings, stdout=output, stderr=output
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
    raise AssertionError(f"the receiver did not start: {log.read_text()}")
