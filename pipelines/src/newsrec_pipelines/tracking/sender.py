"""The process that talks to one tracker: it sends what is unsent, alone, and ends at its limit."""

import fcntl
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from newsrec_pipelines.errors import DataError
from newsrec_pipelines.settings import Settings
from newsrec_pipelines.store import Store
from newsrec_pipelines.tracking.connect import connect
from newsrec_pipelines.tracking.outbox import Outbox
from newsrec_pipelines.tracking.record import Record
from newsrec_pipelines.tracking.tracker import Models, Tracker


def send(store: Store, outbox: Outbox, connected: Callable[[], Tracker]) -> bool:
    """Send every record and the registry; True when the tracker has got all of them.

    A record that it refuses does not keep the others from it.

    Args:
        store: where the records are.
        outbox: of the tracker.
        connected: gives it; called only when something is to be sent.
    """
    refused: set[str] = set()
    while todo := [i for i in outbox.unsent() if i not in refused]:
        tracker = connected()
        for record_id in todo:
            try:
                record = Record.load(store, record_id)
                tracker.log_run(record, _files(store, record))
            except Exception as e:
                refused.add(record_id)
                say(f"{record_id} is not sent: {e}")
            else:
                outbox.sent(record_id)
                say(f"{record_id} is sent")
    models = Models.of(store)
    if not outbox.mirrored(models):
        try:
            connected().mirror(models)
        except Exception as e:
            say(f"the registry is not mirrored: {e}")
            return False
        outbox.mirror_is(models)
    return not refused


def _files(store: Store, record: Record) -> dict[str, bytes]:
    found = {}
    for name, key in record.files.items():
        try:
            found[name] = store.read_bytes(key)
        except DataError as e:  # a report that somebody has removed since
            say(str(e))
    return found


def say(text: str) -> None:
    """Into the log that hand-over gives this process as its output."""
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {os.getpid()} {text}", flush=True)


@contextmanager
def alone(lock: Path, *, patient: bool) -> Iterator[bool]:
    """Whether nobody else sends to this tracker from here; the patient wait until it is so."""
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if patient else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True


def main() -> int:
    """``sender TRACKER LIMIT wait|go``, with the settings as JSON on standard input."""
    name, limit, mode = sys.argv[1:]
    # The kernel ends this process, whatever it hangs in.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, float(limit))
    settings = Settings.model_validate_json(sys.stdin.read())
    os.nice(10)
    store = Store(settings.store_url)
    outbox = Outbox(store, name, settings)
    tracker: list[Tracker] = []

    def connected() -> Tracker:
        if not tracker:
            tracker.append(connect(name, settings))
        return tracker[0]

    while True:
        with alone(settings.var / "tracking" / f"{name}.lock", patient=mode == "wait") as mine:
            if not mine:
                return 0  # whoever sends now looks again before it ends, and after
            say(f"sends to {name}, until {limit} s have passed")
            complete = send(store, outbox, connected)
        # A stage that ended meanwhile has found the lock taken, and left its record to us.
        if not complete or not outbox.unsent():
            return 0 if complete else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Exception as e:
        say(f"ended: {type(e).__name__}: {e}")
        sys.exit(1)
