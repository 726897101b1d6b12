"""Airflow's programs as processes: started together, ended together."""

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from infra.airflow.home import PROGRAMS, Home

# No triggerer: no task of ours is deferred. The logs are on the same disk: nobody serves them.
COMPONENTS = {
    "api-server": ("api-server",),
    "dag-processor": ("dag-processor",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
}
_PARTS = ("metadatabase", "scheduler", "dag_processor")
_GRACE_SECONDS = 30.0

Process = subprocess.Popen[bytes]


class AirflowError(Exception):
    """A program of Airflow's does not start, or has ended; the message says where to look."""


def migrate(home: Home, env: Mapping[str, str]) -> None:
    """Bring Airflow's database to this version of Airflow.

    Raises:
        AirflowError: when it fails.
    """
    log = home.folder / "db-migrate.log"
    with log.open("wb") as output:
        command = [str(PROGRAMS / "airflow"), "db", "migrate"]
        status = subprocess.run(
            command, env=env, stdout=output, stderr=output, check=False
        ).returncode
    if status != 0:
        raise AirflowError(f"airflow db migrate failed: {log}")


def start(home: Home, name: str, env: Mapping[str, str]) -> Process:
    """Start one program with a log of its own, in a process group of its own."""
    with log_of(home, name).open("ab") as output:
        return subprocess.Popen(
            [str(PROGRAMS / "airflow"), *COMPONENTS[name]],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def log_of(home: Home, name: str) -> Path:
    """What a program says."""
    return home.folder / f"{name}.log"


@contextmanager
def running(home: Home, env: Mapping[str, str]) -> Iterator[dict[str, Process]]:
    """All programs, by name; ended with everything that they started."""
    processes: dict[str, Process] = {}
    try:
        for name in COMPONENTS:
            processes[name] = start(home, name, env)
        yield processes
    finally:
        end(*processes.values())


def wait_until_healthy(home: Home, processes: Mapping[str, Process], seconds: float = 300) -> None:
    """Wait until the API answers and says that the others live.

    Raises:
        AirflowError: when one ends, or it takes too long.
    """
    deadline = time.monotonic() + seconds
    while not healthy(home):
        raise_if_ended(home, processes)
        if time.monotonic() > deadline:
            raise AirflowError(f"Airflow is not healthy after {seconds:.0f} s: {home.folder}")
        time.sleep(0.5)


def healthy(home: Home) -> bool:
    """Whether every part says that it lives."""
    try:
        with urllib.request.urlopen(  # noqa: S310 - always http, on loopback
            f"{home.url}/api/v2/monitor/health", timeout=5
        ) as answer:
            told = json.load(answer)
    except (OSError, ValueError):
        return False
    return all(told[part]["status"] == "healthy" for part in _PARTS)


def raise_if_ended(home: Home, processes: Mapping[str, Process]) -> None:
    """Airflow without one of its programs looks alive and does nothing."""
    for name, process in processes.items():
        if (status := process.poll()) is not None:
            raise AirflowError(f"the {name} ended with status {status}: {log_of(home, name)}")


def end(*processes: Process) -> None:
    """End the programs and what they started; the tasks among it end their stages."""
    for process in processes:
        _signal(process, signal.SIGTERM)
    deadline = time.monotonic() + _GRACE_SECONDS
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.1, deadline - time.monotonic()))
    for process in processes:
        # Also what a program that is gone has left behind.
        _signal(process, signal.SIGKILL)
        process.wait()


def _signal(process: Process, number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
