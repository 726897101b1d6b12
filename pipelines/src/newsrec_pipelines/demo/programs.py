"""Starts the programs that the demo plays together: stages in this process, services beside it."""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import urllib3

from newsrec_pipelines import cli
from newsrec_pipelines.errors import NewsrecError
from newsrec_pipelines.settings import Settings
from newsrec_pipelines.tracking.sending import hand_over

_API_START_SECONDS = 30.0


def stage(*args: str) -> None:
    """Run one stage as `newsrec ARGS` would, without paying for its imports again."""
    cli.app.main(args=list(args), prog_name="newsrec", standalone_mode=False)


@contextmanager
def trackers_afterwards(settings: Settings) -> Iterator[None]:
    """Let all stages keep their records, and trackers have them once: each import takes long."""
    asked = os.environ.get("TRACKERS")
    os.environ["TRACKERS"] = "none"
    try:
        yield
    finally:
        del os.environ["TRACKERS"]
        if asked is not None:
            os.environ["TRACKERS"] = asked
        hand_over(settings)


def program(*args: str, env: dict[str, str] | None = None) -> None:
    """Run another program of this environment to its end.

    Raises:
        NewsrecError: when it ends with another status than 0; it has said why itself.
    """
    command = [str(Path(sys.executable).with_name(args[0])), *args[1:]]
    status = subprocess.run(command, check=False, env={**os.environ, **(env or {})}).returncode
    if status != 0:
        raise NewsrecError(f"{args[0]} ended with status {status}")


def ensure_secrets(settings: Settings) -> None:
    """Make the secrets that the services read from files, once, readable by their owner only."""
    folder = settings.var / "secrets"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    for name in ("link_secret", "admin_token"):
        try:
            handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        with os.fdopen(handle, "w") as f:
            f.write(secrets.token_urlsafe(32) + "\n")


@contextmanager
def api(
    settings: Settings, port: int, clock_start: datetime
) -> Iterator["subprocess.Popen[bytes]"]:
    """The API with its demo page, on loopback, believing that it is `clock_start` now.

    Raises:
        NewsrecError: when the port is taken or the API does not come up.
    """
    log = api_log(settings)
    log.parent.mkdir(parents=True, exist_ok=True)
    env = {
        **os.environ,
        "NEWSREC_VAR": str(settings.var),
        "CLOCK_START": clock_start.isoformat(),
        "DEMO": "1",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "THREADS": "4",  # browsers hold idle connections open
        "PUBLIC_URL": public_url(port),
    }
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "newsrec_api"], env=env, stdout=output, stderr=output
        )
        try:
            _wait_until_ready(process, port, log)
            yield process
        finally:
            process.terminate()
            process.wait(timeout=30)


def api_log(settings: Settings) -> Path:
    """What the API says while the demo runs."""
    return settings.var / "demo" / "api.log"


def public_url(port: int) -> str:
    """Where people and emails find the API."""
    return f"http://127.0.0.1:{port}"


def _wait_until_ready(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + _API_START_SECONDS
    http = urllib3.PoolManager(retries=False, timeout=1.0)
    while True:
        if process.poll() is not None:
            raise NewsrecError(
                f"the API did not start (is port {port} taken? PORT=8001 chooses another): {log}"
            )
        try:
            if http.request("GET", f"{public_url(port)}/readyz").status == 200:
                return
        except urllib3.exceptions.HTTPError:
            pass
        if time.monotonic() > deadline:
            raise NewsrecError(f"the API is not ready after {_API_START_SECONDS:.0f} s: {log}")
        time.sleep(0.1)
