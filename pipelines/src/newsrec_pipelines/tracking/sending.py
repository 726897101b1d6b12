"""Hands records to the trackers in processes of their own, which end at a limit."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from newsrec_pipelines.settings import Settings

# The shell leaves it behind and ends: a stage has no child that it would have to wait for.
_BEHIND: Final = ("/bin/sh", "-c", 'exec 3<&0; "$@" <&3 3<&- &', "sh")
_LARGEST_LOG: Final = 1_000_000  # bytes
QUIET: Final = {
    "DO_NOT_TRACK": "true",  # MLflow ignores the value 1
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # Without these a server that does not answer is asked seven times for two minutes each.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "PYTHONWARNINGS": "ignore",
}


def hand_over(settings: Settings) -> None:
    """Let the trackers have what they have not got yet. It never raises.

    With TRACKING_WAIT the stage waits for them so long, and what has not ended then is ended.
    Without, they go on by themselves until TRACKING_LIMIT.
    """
    wait = settings.tracking.wait_seconds
    for name in send(settings, wait):
        print(
            f"newsrec: {name} has not got all records: see {log(settings, name)}; "
            "the next run or `newsrec tracking sync` tries again",
            file=sys.stderr,
        )


def registry_changed(settings: Settings) -> None:
    """A version came or went, or an alias moved: let the trackers' registries follow."""
    hand_over(settings)


def send(settings: Settings, wait: float) -> list[str]:
    """Start a sender for each tracker, and wait up to `wait` seconds for all of them together.

    Returns:
        The trackers that have not got everything, as far as it is known.
    """
    missing: list[str] = []
    started: dict[str, subprocess.Popen[bytes]] = {}
    for name in settings.tracking.trackers:
        try:
            started[name] = _start(settings, name, wait)
        except OSError as e:
            print(f"newsrec: nothing is sent to {name}: {e}", file=sys.stderr)
            missing.append(name)
    deadline = time.monotonic() + wait
    try:
        for tracker, process in started.items():
            # Those that go on by themselves are only launched: that is not worth a limit.
            left = max(deadline - time.monotonic(), 0.0) if wait else None
            try:
                if process.wait(left) != 0:
                    missing.append(tracker)
            except subprocess.TimeoutExpired:
                missing.append(tracker)
    finally:
        for process in started.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    return missing


def log(settings: Settings, tracker: str) -> Path:
    """What the senders to a tracker say."""
    return settings.var / "tracking" / f"{tracker}.log"


def _start(settings: Settings, name: str, wait: float) -> "subprocess.Popen[bytes]":
    file = log(settings, name)
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.exists() and file.stat().st_size > _LARGEST_LOG:
        file.replace(file.with_suffix(".log.1"))
    module = "newsrec_pipelines.tracking.sender"
    limit = str(wait or settings.tracking.limit_seconds)
    sender = (sys.executable, "-m", module, name, limit, "wait" if wait else "go")
    with file.open("ab") as output:
        process = subprocess.Popen(
            sender if wait else (*_BEHIND, *sender),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env={**QUIET, **os.environ, "DO_NOT_TRACK": "true"},
            start_new_session=True,  # Ctrl-C is not meant for it, and all of it can be ended
        )
    if process.stdin is None:
        raise OSError("no pipe")
    try:
        # Not as arguments, which everybody on the machine can read.
        process.stdin.write(settings.model_dump_json().encode())
        process.stdin.close()
    except BrokenPipeError:
        pass  # it has ended already, and its status says so
    return process
