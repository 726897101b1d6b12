"""The store: files by key, written whole or not at all, days found by their folders."""

from datetime import date
from pathlib import Path

import pytest

from newsrec_pipelines.errors import DataError
from newsrec_pipelines.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store((tmp_path / "store").as_uri())


def test_what_was_written_is_read_and_listed(store: Store, tmp_path: Path) -> None:
    store.write_bytes("landing/reads/dt=2026-03-01/b.jsonl", b"b")
    store.write_bytes("landing/reads/dt=2026-03-01/a.jsonl", b"a")
    store.write_json("models/v1/manifest.json", {"version": "v1", "at": date(2026, 3, 1)})
    assert store.keys("landing") == [
        "landing/reads/dt=2026-03-01/a.jsonl",
        "landing/reads/dt=2026-03-01/b.jsonl",
    ]
    assert store.read_bytes("landing/reads/dt=2026-03-01/a.jsonl") == b"a"
    assert store.read_json("models/v1/manifest.json") == {"version": "v1", "at": "2026-03-01"}
    assert store.path("x/y") == str(tmp_path / "store" / "x" / "y")
    assert store.key(store.path("x/y")) == "x/y"


def test_a_store_that_is_empty_or_not_there_has_no_keys_and_no_days(store: Store) -> None:
    assert store.keys("landing") == []
    assert store.days("landing/reads") == []


def test_only_folders_that_name_a_day_are_days(store: Store) -> None:
    for key in (
        "landing/reads/dt=2026-03-02/a.jsonl",
        "landing/reads/dt=2026-03-01/a.jsonl",
        "landing/reads/dt=2026-03-01/b.jsonl",
        "landing/reads/dt=yesterday/a.jsonl",
        "landing/reads/notes.txt",
    ):
        store.write_bytes(key, b"")
    assert store.days("landing/reads") == [date(2026, 3, 1), date(2026, 3, 2)]


def test_a_later_write_replaces_the_file_and_leaves_no_partial_one(store: Store) -> None:
    store.write_bytes("a/b", b"old")
    store.write_bytes("a/b", b"new")
    assert store.read_bytes("a/b") == b"new"
    assert store.keys("a") == ["a/b"]


def test_a_write_that_fails_leaves_what_was_there(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write_bytes("a/b", b"old")

    def no_space(path: str, data: bytes) -> None:
        Path(path).write_bytes(data[:1])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store.fs, "pipe_file", no_space)
    with pytest.raises(OSError, match="No space"):
        store.write_bytes("a/b", b"new")
    monkeypatch.undo()
    assert store.read_bytes("a/b") == b"old"
    assert store.keys("a") == ["a/b"]


def test_the_same_value_gives_the_same_bytes(store: Store) -> None:
    store.write_json("one", {"b": 1, "a": 2})
    store.write_json("two", {"a": 2, "b": 1})
    assert store.read_bytes("one") == store.read_bytes("two")


def test_a_missing_file_and_a_broken_one_are_named(store: Store) -> None:
    with pytest.raises(DataError, match=r"no file a/b in file://"):
        store.read_bytes("a/b")
    store.write_bytes("a/b", b"{")
    with pytest.raises(DataError, match=r"a/b in file://.* is not JSON"):
        store.read_json("a/b")


def test_removing_takes_a_file_or_a_folder_and_minds_nothing_missing(store: Store) -> None:
    store.write_bytes("a/b/c", b"")
    store.write_bytes("a/d", b"")
    store.remove("a/d")
    store.remove("a/b")
    store.remove("a/never")
    assert store.keys("a") == []
