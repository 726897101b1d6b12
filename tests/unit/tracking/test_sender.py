"""What is unsent goes to the tracker once, whoever is killed, refused, or late."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.store import Store
from newsrec_pipelines.tracking.outbox import Outbox
from newsrec_pipelines.tracking.record import file_key
from newsrec_pipelines.tracking.sender import alone, send
from support.models import make_version
from support.tracking import FakeTracker, make_record, settings

REPOSITORY = Path(__file__).parents[3]
HANGING = "tests/support/hanging_tracker.py"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(settings(tmp_path).store_url)


@pytest.fixture
def outbox(store: Store, tmp_path: Path) -> Outbox:
    return Outbox(store, "mlflow", settings(tmp_path))


def test_records_are_sent_in_order_with_their_files_and_once(store: Store, outbox: Outbox) -> None:
    second = make_record(store, 2)
    first = make_record(store, 1, files={"a.svg": "tracking/files/x/a.svg"})
    store.write_bytes("tracking/files/x/a.svg", b"<svg/>")
    tracker = FakeTracker()
    assert outbox.unsent() == [first.id, second.id]
    assert send(store, outbox, lambda: tracker)
    assert list(tracker.runs.items()) == [(first.id, {"a.svg": b"<svg/>"}), (second.id, {})]
    assert outbox.unsent() == []
    tracker.runs.clear()
    assert send(store, outbox, lambda: tracker)
    assert tracker.runs == {}


def test_a_tracker_is_not_even_imported_when_nothing_is_to_be_sent(
    store: Store, outbox: Outbox
) -> None:
    make_record(store, 1)
    send(store, outbox, FakeTracker)

    def connect() -> FakeTracker:
        raise AssertionError("imported")

    assert send(store, outbox, connect)


def test_a_refused_record_keeps_no_other_back_and_is_tried_again(
    store: Store, outbox: Outbox
) -> None:
    records = [make_record(store, n) for n in (1, 2, 3)]
    tracker = FakeTracker()
    tracker.refused = {records[0].id}
    assert not send(store, outbox, lambda: tracker)
    assert list(tracker.runs) == [records[1].id, records[2].id]
    assert outbox.unsent() == [records[0].id]
    tracker.refused = set()
    assert send(store, outbox, lambda: tracker)
    assert outbox.unsent() == []


def test_a_damaged_record_keeps_no_other_back(store: Store, outbox: Outbox) -> None:
    damaged, good = make_record(store, 1), make_record(store, 2)
    store.write_bytes(f"tracking/records/{damaged.id}.json", b"{")
    tracker = FakeTracker()
    assert not send(store, outbox, lambda: tracker)
    assert list(tracker.runs) == [good.id]


def test_a_report_that_was_removed_is_left_out(store: Store, outbox: Outbox) -> None:
    record = make_record(store, 1, files={"a.svg": file_key("x", "a.svg")})
    tracker = FakeTracker()
    assert send(store, outbox, lambda: tracker)
    assert tracker.runs == {record.id: {}}


def test_what_comes_while_it_sends_is_sent_too(store: Store, outbox: Outbox) -> None:
    make_record(store, 1)

    class Slow(FakeTracker):
        def log_run(self, record: object, files: object) -> None:
            super().log_run(record, files)  # type: ignore[arg-type]
            if len(self.runs) == 1:
                make_record(store, 2)

    tracker = Slow()
    assert send(store, outbox, lambda: tracker)
    assert len(tracker.runs) == 2


def test_each_tracker_and_each_place_gets_all_records(store: Store, tmp_path: Path) -> None:
    make_record(store, 1)
    here = settings(tmp_path)
    elsewhere = settings(tmp_path, MLFLOW_TRACKING_URI="http://127.0.0.1:5000")
    send(store, Outbox(store, "mlflow", here), FakeTracker)
    assert Outbox(store, "mlflow", here).unsent() == []
    for outbox in (Outbox(store, "neptune", here), Outbox(store, "mlflow", elsewhere)):
        assert len(outbox.unsent()) == 1


@given(st.lists(st.sampled_from(["record", "send", "kill"]), max_size=12))
def test_no_order_of_runs_and_kills_loses_a_record(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("outbox")
    store = Store(settings(folder).store_url)
    outbox = Outbox(store, "mlflow", settings(folder))
    tracker, made = FakeTracker(), set()

    class Killed(FakeTracker):
        """It has got the run, and the sender dies before it can mark that."""

        def log_run(self, record: object, files: object) -> None:
            tracker.log_run(record, files)  # type: ignore[arg-type]
            raise KeyboardInterrupt

    for n, step in enumerate(steps):
        if step == "record":
            made.add(make_record(store, n % 10, id=f"2026-{n:02}-train").id)
        elif step == "send":
            send(store, outbox, lambda: tracker)
            assert set(tracker.runs) == made
        elif outbox.unsent():
            with pytest.raises(KeyboardInterrupt):
                send(store, outbox, Killed)
    send(store, outbox, lambda: tracker)
    assert set(tracker.runs) == made
    assert outbox.unsent() == []


def test_the_registry_is_mirrored_when_it_has_changed_and_only_then(
    store: Store, outbox: Outbox
) -> None:
    registry, tracker = FileRegistry(store), FakeTracker()
    for version in ("20260306-aaaaaaaa", "20260307-bbbbbbbb"):
        make_version(store, version)
    registry.promote("20260306-aaaaaaaa", by="test", why="first")
    assert send(store, outbox, lambda: tracker)
    assert send(store, outbox, lambda: tracker)
    assert tracker.mirrored == 1
    registry.promote("20260307-bbbbbbbb", by="test", why="better")
    registry.challenge("20260306-aaaaaaaa", by="test", why="again")
    assert send(store, outbox, lambda: tracker)
    assert tracker.mirrored == 2
    assert tracker.models is not None
    assert tracker.models.versions == ("20260306-aaaaaaaa", "20260307-bbbbbbbb")
    assert tracker.models.aliases == {
        "champion": "20260307-bbbbbbbb",
        "challenger": "20260306-aaaaaaaa",
    }
    assert tracker.models.source("x") == f"{store.url}/models/x"


def test_a_registry_that_was_refused_is_mirrored_the_next_time(
    store: Store, outbox: Outbox
) -> None:
    make_version(store, "20260306-aaaaaaaa")
    tracker = FakeTracker()
    tracker.refuses_models = True
    assert not send(store, outbox, lambda: tracker)
    tracker.refuses_models = False
    assert send(store, outbox, lambda: tracker)
    assert tracker.mirrored == 1


def test_two_never_send_to_the_same_tracker_at_once(tmp_path: Path) -> None:
    lock = tmp_path / "mlflow.lock"
    with (
        alone(lock, patient=False) as first,
        alone(lock, patient=False) as second,
    ):
        assert (first, second) == (True, False)
    with alone(lock, patient=True) as third:
        assert third


def test_the_limit_ends_a_sender_whatever_it_hangs_in(store: Store, tmp_path: Path) -> None:
    make_record(store, 1)
    (tmp_path / "tracking").mkdir()
    done = subprocess.run(
        [sys.executable, HANGING, "mlflow", "6", "wait"],
        input=settings(tmp_path).model_dump_json(),
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        timeout=120,
    )
    assert done.stdout.splitlines()[-1] == "a server took the connection, and is silent"
    assert done.returncode == -signal.SIGALRM, done.stderr
    # Its lock is gone with it, and the record is as unsent as before.
    with alone(tmp_path / "tracking" / "mlflow.lock", patient=False) as mine:
        assert mine
    assert len(Outbox(store, "mlflow", settings(tmp_path)).unsent()) == 1


def test_settings_survive_their_way_to_the_sender(tmp_path: Path) -> None:
    token = json.dumps({"api_address": "http://127.0.0.1:1"})
    there = settings(tmp_path, TRACKERS="mlflow,neptune", NEPTUNE_API_TOKEN=token)
    assert type(there).model_validate_json(there.model_dump_json()) == there
    assert token not in repr(there)
