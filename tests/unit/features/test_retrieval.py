"""Point-in-time rows come from whole partitions and never from the future."""

from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from newsrec_pipelines import partitions
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.features import retrieval
from newsrec_pipelines.features.counters import update_counters
from newsrec_pipelines.features.raw import KEYS
from newsrec_pipelines.features.types import FeatureRows
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.store import Store
from support.feature_events import DAY, at, frame, write_clean
from support.postgres import REPOSITORY

PARAMS = Params.load(REPOSITORY / "params.yaml")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Three days with a click of the reader on each article, every five hours."""
    store = Store((tmp_path / "store").as_uri())
    reads = [
        {"event_id": f"{n}", "article_id": "ab"[n % 2], "read_at": at(5 * n)} for n in range(14)
    ]
    write_clean(store, "reads", frame("reads", reads))
    for n in range(3):
        update_counters(store, DAY + timedelta(days=n), PARAMS, "b")
    return store


def asked(*moments: datetime) -> pl.DataFrame:
    pairs = pl.DataFrame({"asked_at": list(moments)}, schema={"asked_at": pl.Datetime("us", "UTC")})
    entities = pl.DataFrame(
        {
            "user_id": ["u1"] * 2,
            "article_id": ["a", "b"],
            "category": ["unknown"] * 2,
            "publisher": ["unknown"] * 2,
        }
    )
    return entities.join(pairs, how="cross")


def historical(store: Store, pairs: pl.DataFrame) -> FeatureRows:
    return retrieval.historical(store, pairs, PARAMS.features.exposure_history_days)


def every_row(store: Store, view: str) -> pl.DataFrame:
    lazy = partitions.scan(store, partitions.manifests(store, f"counters/{view}"))
    assert lazy is not None
    return lazy.collect()


def test_a_point_in_time_join_gives_the_last_row_before_each_moment(store: Store) -> None:
    moments = [at(h) for h in (0, 0.1, 5.1, 5.5, 23.99, 24, 24.5, 31, 47, 48, 60, 71.9, 72, 90)]
    pairs = asked(*moments)
    got = historical(store, pairs)
    for view, keys, found in zip(KEYS, KEYS.values(), got, strict=True):
        history = every_row(store, view)
        wanted = pairs.select(*keys, "asked_at").unique()
        expected = (
            wanted.join(history, on=list(keys))
            .filter(pl.col("event_timestamp") <= pl.col("asked_at"))
            .sort("event_timestamp")
            .unique([*keys, "asked_at"], keep="last")
            .sort(*keys, "asked_at")
            .select(found.columns)
        )
        assert_frame_equal(found, expected)


def test_a_planted_future_row_is_seen_only_after_its_stamp(store: Store) -> None:
    moment = at(30)
    before = historical(store, asked(moment))
    planted = (
        every_row(store, "article")
        .tail(1)
        .with_columns(
            clicks_total=pl.lit(1_000, pl.Int64),
            event_timestamp=pl.lit(at(30.5)).cast(pl.Datetime("us", "UTC")),
            stamped_at=pl.lit(at(30.5)).cast(pl.Datetime("us", "UTC")),
        )
    )
    article = planted.item(0, "article_id")
    add(store, "counters/article", DAY + timedelta(days=1), planted)
    after = historical(store, asked(moment))
    assert_frame_equal(after.article, before.article)
    later = historical(store, asked(at(30.5))).article
    assert later.filter(pl.col("article_id") == article)["clicks_total"].to_list() == [1_000]


def add(store: Store, dataset: str, day: date, rows: pl.DataFrame) -> None:
    """Put more rows into a partition, manifest included."""
    manifest = partitions.read_manifest(store, dataset, day)
    assert manifest is not None
    key = f"{dataset}/day={day}/planted.parquet"
    rows.write_parquet(store.path(key))
    files = (*manifest.files, partitions.PartitionFile(key, rows.height, "0" * 64))
    partitions.write_manifest(store, partitions.Manifest(dataset, day, manifest.batch_id, files))


def test_a_file_that_no_manifest_names_does_not_exist(store: Store) -> None:
    before = historical(store, asked(at(40)))
    rows = every_row(store, "article").with_columns(clicks_total=pl.lit(1_000, pl.Int64))
    rows.write_parquet(store.path(f"counters/article/day={DAY}/stray.parquet"))
    Path(store.path(f"counters/article/day={DAY}/half.parquet")).write_bytes(b"PAR1")
    assert_frame_equal(historical(store, asked(at(40))).article, before.article)


def test_a_request_gives_the_rows_of_the_point_in_time_join(store: Store) -> None:
    for moment in (at(24), at(33.3), at(72)):
        pairs = asked(moment)
        joined = historical(store, pairs)
        got = retrieval.request_features(
            store, moment, pairs["user_id"], pairs, PARAMS.features.exposure_history_days
        )
        for expected, found in zip(joined, got, strict=True):
            assert found.height > 0
            texts = found.cast({pl.Enum: pl.String})
            assert_frame_equal(texts, expected.drop("asked_at"))


def test_nobody_asked_for_gives_empty_frames_with_their_columns(store: Store) -> None:
    got = historical(store, asked())
    assert [frame.height for frame in got] == [0] * len(KEYS)
    assert got.article.columns[:3] == ["article_id", "stamped_at", "clicks_total"]


def test_a_store_without_counters_is_refused(tmp_path: Path) -> None:
    empty = Store((tmp_path / "empty").as_uri())
    with pytest.raises(DataError, match="no counters in"):
        historical(empty, asked(at(1)))
