"""What the online store gives is what the point-in-time join gives, value by value."""

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from support.feature_events import DAY, at, frame, write_clean
from support.postgres import REPOSITORY, query

from newsrec_pipelines.config import Params, Settings
from newsrec_pipelines.errors import DatabaseError, DataError
from newsrec_pipelines.features import feast_loader, retrieval
from newsrec_pipelines.features.counters import update_counters
from newsrec_pipelines.features.examples import build_request
from newsrec_pipelines.features.materialization import materialize
from newsrec_pipelines.features.pairs import PAIR_FEATURES, pair_features
from newsrec_pipelines.store import Store

PARAMS = Params.load(REPOSITORY / "params.yaml")


def settings(tmp_path: Path, database_url: str | None) -> Settings:
    return Settings(
        var=tmp_path,
        store_url=(tmp_path / "store").as_uri(),
        database_url=database_url,
        outbox=tmp_path / "outbox",
        git_commit="test",
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two days of a few readers and articles, with their counters."""
    store = Store((tmp_path / "store").as_uri())
    reads = [
        {"event_id": "1", "article_id": "a", "read_at": at(10.02), "view_id": "v1"},
        {
            "event_id": "2",
            "article_id": "a",
            "read_at": at(10.02),
            "view_id": "v1",
            "kind": "read",
            "dwell_seconds": 90.5,
        },
        {"event_id": "3", "article_id": "b", "read_at": at(20), "user_id": "u2"},
        {"event_id": "4", "article_id": "b", "read_at": at(25.1), "user_id": "u1"},
        {
            "event_id": "5",
            "article_id": "c",
            "read_at": at(45),
            "user_id": "u2",
            "kind": "read",
            "dwell_seconds": 7.25,
        },
    ]
    shown = [
        {"impression_id": "i1", "shown_at": at(10), "article_ids": ["a", "b"]},
        {"impression_id": "i2", "shown_at": at(44.9), "article_ids": ["c"], "user_id": "u2"},
    ]
    articles = [
        {"article_id": "a", "published_at": at(8)},
        {"article_id": "b", "published_at": at(9), "category": "politics", "language": "es"},
        {"article_id": "c", "published_at": at(40), "category": "politics"},
        {"article_id": "d", "published_at": at(41)},
    ]
    users = [
        {"user_id": "u1", "joined_at": at(0), "preferred_categories": ["sport"]},
        {"user_id": "u2", "joined_at": at(0), "preferred_categories": ["politics"]},
        {"user_id": "u3", "joined_at": at(0)},
    ]
    write_clean(store, "reads", frame("reads", reads))
    write_clean(store, "impressions", frame("impressions", shown))
    write_clean(store, "articles", frame("articles", articles))
    write_clean(store, "users", frame("users", users))
    for day in (DAY, DAY + timedelta(days=1)):
        update_counters(store, day, PARAMS, "batch")
    return store


def all_pairs(store: Store, as_of: datetime) -> pl.DataFrame:
    request = build_request(store, as_of, PARAMS)
    pairs = request.users.select("user_id").join(request.articles.select("article_id"), how="cross")
    return pairs.with_columns(pl.lit(as_of).cast(pl.Datetime("us", "UTC")).alias("asked_at"))


@pytest.mark.parametrize("silent_hours", [0, 1, 2.5, 3, 30])
def test_online_and_offline_values_agree_after_hours_of_silence(
    silent_hours: float, store: Store, tmp_path: Path, database_url: str
) -> None:
    known = at(48)
    materialize(settings(tmp_path, database_url), known)
    asked = known + timedelta(hours=silent_hours)
    pairs = all_pairs(store, asked)
    request = build_request(store, asked, PARAMS)
    entities = (pairs["user_id"], pairs["article_id"], request.articles["category"])
    offline = retrieval.request_features(store, asked, *entities)
    with feast_loader.load().online(settings(tmp_path, database_url)) as features:
        online = retrieval.online(features, *entities)
    for expected, got in zip(offline, online, strict=True):
        assert expected.height > 0
        assert_frame_equal(got, expected, check_exact=True)
    point_in_time = retrieval.historical(
        store, pairs.join(request.articles.select("article_id", "category"), on="article_id")
    )
    pair_values = [
        pair_features(pairs, *rows, request.articles, request.users, PARAMS)
        for rows in (offline, online, point_in_time)
    ]
    assert_frame_equal(pair_values[0], pair_values[1], check_exact=True)
    assert_frame_equal(pair_values[0], pair_values[2], check_exact=True)
    windows = pair_values[0].select("clicks_3h", "exposures_3h").sum().row(0)
    assert (sum(windows) == 0) == (silent_hours >= 1)
