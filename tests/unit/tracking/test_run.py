"""A tracked run: the record holds what the stage said, and nothing about it stops the stage."""

import math
import os
from pathlib import Path

import pytest

from newsrec_pipelines.errors import DataError
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.store import Store
from newsrec_pipelines.tracking import tracked
from newsrec_pipelines.tracking.record import Record, ids
from support.postgres import REPOSITORY
from support.tracking import make_record, settings


def only_record(folder: Path) -> tuple[Store, Record]:
    store = Store(settings(folder).store_url)
    (found,) = ids(store)
    return store, Record.load(store, found)


def test_a_record_holds_what_the_stage_said_and_used(tmp_path: Path) -> None:
    params = Params.load(REPOSITORY / "params.yaml")
    with tracked(settings(tmp_path, GIT_COMMIT="abc"), "train", params) as run:
        run.data_hash = "f" * 64
        run.tags(model_version="20260306-aaaaaaaa", previous=None, promote=True)
        run.metrics({"auc": 0.5, "dwell": None}, prefix="news/")
        run.metrics({"rows/reads": 12})
        run.figure("importance.svg", b"<svg/>")
        run.report("reports/evaluation/2026-03-06.html")
    store, record = only_record(tmp_path)
    assert record.stage == "train"
    assert record.status == "finished"
    assert record.error is None
    assert record.git_commit == "abc"
    assert record.data_hash == "f" * 64
    assert record.tags == {"model_version": "20260306-aaaaaaaa", "promote": "True"}
    assert record.metrics == {"news/auc": 0.5, "rows/reads": 12}
    assert record.params["als.embedding_size"] == "32"
    assert record.params["world.dirt.late"] == "0.003"
    assert len(record.params) > 80
    assert record.began <= record.ended
    assert record.resources.seconds >= 0
    assert record.resources.cpu_seconds >= 0
    assert record.resources.peak_memory_bytes > 10_000_000
    assert record.files["2026-03-06.html"] == "reports/evaluation/2026-03-06.html"
    assert store.read_bytes(record.files["importance.svg"]) == b"<svg/>"


def test_what_a_run_used_is_measured(tmp_path: Path) -> None:
    with tracked(settings(tmp_path), "train"):
        block = os.urandom(1 << 20)
        with (tmp_path / "data").open("wb") as f:
            for _ in range(4):
                f.write(block)
            os.fsync(f.fileno())
        while sum(os.times()[:2]) < 0.05:
            math.factorial(2000)
        held = bytearray(200 << 20)
        held[::4096] = b"x" * len(held[::4096])
    used = only_record(tmp_path)[1].resources
    assert used.peak_memory_bytes > 200 << 20
    assert used.cpu_seconds > 0
    assert used.written_bytes is None or used.written_bytes >= 4 << 20


def test_what_is_not_finite_is_named_and_left_out(tmp_path: Path) -> None:
    with tracked(settings(tmp_path), "train") as run:
        run.metrics({"a": math.nan, "b": math.inf, "c": 1.0})
    record = only_record(tmp_path)[1]
    assert record.metrics == {"c": 1.0}
    assert record.tags == {"not_finite": "a b"}


def test_a_stage_that_fails_is_recorded_and_fails_as_before(tmp_path: Path) -> None:
    def stage() -> None:
        with tracked(settings(tmp_path), "train") as run:
            run.metrics({"a": 1.0})
            raise DataError("line 7\nis no record")

    with pytest.raises(DataError, match="line 7"):
        stage()
    record = only_record(tmp_path)[1]
    assert record.status == "failed"
    assert record.error == "DataError: line 7 is no record"
    assert record.metrics == {"a": 1.0}


def test_a_stage_that_is_interrupted_is_recorded(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), tracked(settings(tmp_path), "train"):
        raise KeyboardInterrupt
    assert only_record(tmp_path)[1].status == "failed"


def test_a_store_that_cannot_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "tracking").write_text("a file where the folder should be")
    with tracked(settings(tmp_path), "train"):
        pass
    said = capsys.readouterr().err
    assert said.startswith("newsrec: this run is not recorded: ")
    assert len(said.splitlines()) == 1


def test_a_full_disk_does_not_hide_why_the_stage_failed(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "tracking").write_text("a file where the folder should be")
    with pytest.raises(DataError, match="line 7"), tracked(settings(tmp_path), "train"):
        raise DataError("line 7")


def test_a_folder_for_senders_that_cannot_be_written_is_one_line_a_tracker(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tracking").write_text("a file where the folder should be")
    with tracked(settings(tmp_path, TRACKERS="mlflow,neptune"), "train"):
        pass
    only_record(tmp_path)  # it is there all the same
    said = capsys.readouterr().err.splitlines()
    assert sum("nothing is sent to mlflow" in line for line in said) == 1
    assert sum("nothing is sent to neptune" in line for line in said) == 1


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    store = Store(settings(tmp_path).store_url)
    record = make_record(store, 1)
    store.write_json(f"tracking/records/{record.id}.json", {"format": 1})
    with pytest.raises(DataError, match=r"records/.*: id: Field required"):
        Record.load(store, record.id)
