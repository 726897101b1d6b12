"""Clean partitions count once their manifest is there, and show what was known at a moment."""

import hashlib
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from newsrec_pipelines import partitions
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.partitions import Manifest, PartitionFile
from newsrec_pipelines.schemas import ENTITIES
from newsrec_pipelines.store import Store

DAY = date(2026, 3, 1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path.as_uri())


def staged(
    store: Store, entity: str, day: date, batch: str, rows: list[dict[str, object]]
) -> Manifest:
    """Write the Parquet of one batch without its manifest."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, schema=ENTITIES[entity].clean_schema), sink)
    data = sink.getvalue().to_pybytes()
    key = f"clean/{entity}/day={day}/{batch}-0.parquet"
    store.write_bytes(key, data)
    file = PartitionFile(key, len(rows), hashlib.sha256(data).hexdigest())
    return Manifest(f"clean/{entity}", day, batch, (file,))


def read(event_id: str, at: datetime, known: datetime) -> dict[str, object]:
    return {
        "event_id": event_id,
        "user_id": "u1",
        "article_id": "a1",
        "read_at": at,
        "kind": "read",
        "available_at": known,
        "batch_id": "b",
    }


def user(region: str, known: datetime, batch: str) -> dict[str, object]:
    return {
        "user_id": "u1",
        "region": region,
        "language": "en",
        "timezone": "UTC",
        "preferred_categories": [],
        "joined_at": NOON,
        "consents": "{}",
        "available_at": known,
        "batch_id": batch,
    }


def test_files_without_a_manifest_do_not_exist_for_readers(store: Store) -> None:
    manifest = staged(store, "reads", DAY, "b1", [read("e1", NOON, NOON)])
    later = NOON + HOUR
    assert partitions.read_manifest(store, "clean/reads", DAY) is None
    assert partitions.load(store, "reads", later).height == 0
    partitions.write_manifest(store, manifest)
    assert partitions.read_manifest(store, "clean/reads", DAY) == manifest
    assert partitions.load(store, "reads", later)["event_id"].to_list() == ["e1"]


def test_a_partition_from_before_a_column_was_added_is_read_beside_newer_ones(
    store: Store,
) -> None:
    article = {
        **dict.fromkeys(("article_id", "publisher", "title", "category", "language"), "x"),
        "url": "",
        "published_at": NOON,
        "available_at": NOON,
        "batch_id": "b",
    }
    sink = pa.BufferOutputStream()
    columns = [f for f in ENTITIES["articles"].clean_schema if f.name != "regions"]
    pq.write_table(pa.Table.from_pylist([article], schema=pa.schema(columns)), sink)
    data = sink.getvalue().to_pybytes()
    store.write_bytes("clean/articles/day=2026-02-28/old.parquet", data)
    file = PartitionFile("clean/articles/day=2026-02-28/old.parquet", 1, "-")
    partitions.write_manifest(store, Manifest("clean/articles", date(2026, 2, 28), "old", (file,)))
    new = article | {"article_id": "y", "regions": ["africa"]}
    partitions.write_manifest(store, staged(store, "articles", DAY, "new", [new]))

    rows = partitions.load(store, "articles", NOON + HOUR).select("article_id", "regions")

    assert rows.rows() == [("x", None), ("y", ["africa"])]


def test_an_empty_store_gives_a_frame_with_the_right_columns(store: Store) -> None:
    for name, entity in ENTITIES.items():
        frame = partitions.load(store, name, NOON)
        assert frame.height == 0
        assert frame.columns == entity.clean_schema.names


def test_a_new_manifest_replaces_the_partition_and_removes_superseded_files(store: Store) -> None:
    partitions.write_manifest(store, staged(store, "reads", DAY, "b1", [read("old", NOON, NOON)]))
    second = staged(store, "reads", DAY, "b2", [read("new", NOON, NOON)])
    partitions.write_manifest(store, second)
    partitions.write_manifest(store, second)  # the same again changes nothing
    frame = partitions.load(store, "reads", NOON + HOUR)
    assert frame["event_id"].to_list() == ["new"]
    assert [k.rpartition("/")[2] for k in store.keys("clean/reads")] == [
        "b2-0.parquet",
        "manifest.json",
    ]


def test_only_what_was_available_before_the_moment_is_seen(store: Store) -> None:
    rows = [
        read("b", NOON, NOON),
        read("c", NOON, NOON + HOUR),
        read("a", NOON - HOUR, NOON - HOUR),
    ]
    partitions.write_manifest(store, staged(store, "reads", DAY, "b1", rows))
    seen = partitions.load(store, "reads", NOON + HOUR)
    assert seen["event_id"].to_list() == ["a", "b"]
    assert partitions.load(store, "reads", NOON)["event_id"].to_list() == ["a"]


def test_the_latest_version_of_a_user_known_by_then_wins(store: Store) -> None:
    tomorrow = DAY + timedelta(days=1)
    first = staged(store, "users", DAY, "b1", [user("africa", NOON, "b1")])
    moved = staged(
        store, "users", tomorrow, "b2", [user("latin_america", NOON + timedelta(days=1), "b2")]
    )
    partitions.write_manifest(store, moved)
    partitions.write_manifest(store, first)
    before = partitions.load(store, "users", NOON + HOUR)
    after = partitions.load(store, "users", NOON + timedelta(days=2))
    assert before["region"].to_list() == ["africa"]
    assert after["region"].to_list() == ["latin_america"]


def test_days_are_bounded_on_both_sides(store: Store) -> None:
    for n in range(4):
        day, at = DAY + timedelta(days=n), NOON + timedelta(days=n)
        partitions.write_manifest(store, staged(store, "reads", day, "b", [read(f"e{n}", at, at)]))
    end = NOON + timedelta(days=9)
    first, last = DAY + timedelta(days=1), DAY + timedelta(days=2)
    found = partitions.load(store, "reads", end, first, last)
    assert found["event_id"].to_list() == ["e1", "e2"]
    days = [m.day for m in partitions.manifests(store, "clean/reads", first, last)]
    assert days == [first, last]


def test_the_data_hash_depends_on_content_and_not_on_order_or_names() -> None:
    def one(key: str, sha: str) -> Manifest:
        return Manifest("clean/reads", DAY, "b", (PartitionFile(key, 1, sha),))

    same = partitions.data_hash([one("x", "1"), one("y", "2")])
    assert same == partitions.data_hash([one("p", "2"), one("q", "1")])
    assert same != partitions.data_hash([one("x", "1"), one("y", "3")])
    assert partitions.data_hash([]) != same


def test_nothing_to_scan_is_none_and_something_is_lazy(store: Store) -> None:
    assert partitions.scan(store, []) is None
    manifest = staged(store, "reads", DAY, "b1", [read("e1", NOON, NOON)])
    frame = partitions.scan(store, [manifest])
    assert isinstance(frame, pl.LazyFrame)
    assert frame.collect().height == 1


@pytest.mark.parametrize("content", [b"{}", b'{"dataset": 1}', b"[]", b"not json"])
def test_a_manifest_that_is_none_is_named(store: Store, content: bytes) -> None:
    store.write_bytes(partitions.manifest_key("clean/reads", DAY), content)
    with pytest.raises(DataError, match=r"clean/reads/day=2026-03-01/manifest\.json"):
        partitions.read_manifest(store, "clean/reads", DAY)


def _half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def _foreign(path: Path) -> None:
    pq.write_table(pa.table({"a": [1, 2, 3]}), path)


@pytest.mark.parametrize(
    ("damage", "why"),
    [(Path.unlink, "is gone"), (_half, "is broken"), (_foreign, "has 3 rows, its manifest says 1")],
)
def test_a_damaged_file_of_a_partition_is_named(
    store: Store, damage: Callable[[Path], None], why: str
) -> None:
    manifest = staged(store, "reads", DAY, "b1", [read("e1", NOON, NOON)])
    partitions.write_manifest(store, manifest)
    damage(Path(store.path(manifest.files[0].key)))
    with pytest.raises(DataError, match=f"{manifest.files[0].key} .* {why}"):
        partitions.load(store, "reads", NOON + HOUR)
