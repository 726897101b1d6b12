"""What the online store gives is what the point-in-time join gives, value by value."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from polars.testing import assert_frame_equal

from newsrec_pipelines.context import Context
from newsrec_pipelines.errors import DatabaseError, DataError
from newsrec_pipelines.features import command, feast_loader, retrieval
from newsrec_pipelines.features.counters import update_counters
from newsrec_pipelines.features.examples import build_request
from newsrec_pipelines.features.materialization import materialize
from newsrec_pipelines.features.pairs import PAIR_FEATURES, PairFeatures, pair_features
from newsrec_pipelines.features.raw import KEYS, ONLINE
from newsrec_pipelines.features.types import Pairs, Request
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.settings import Settings
from newsrec_pipelines.store import Store
from support.feature_events import DAY, at, frame, write_clean
from support.postgres import REPOSITORY, query

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


def test_online_and_offline_values_agree_after_hours_of_silence_too(
    store: Store, tmp_path: Path, database_url: str
) -> None:
    known = at(48)
    materialize(settings(tmp_path, database_url), known)
    with feast_loader.load().online(settings(tmp_path, database_url)) as online_store:
        for silent_hours in (0, 1, 2.5, 3, 30):
            asked = known + timedelta(hours=silent_hours)
            windows = assert_online_is_offline(store, online_store, asked)
            # The last events were known some minutes after 45:00.
            assert (windows == 0) == (silent_hours >= 1)


def all_rows(request: Request) -> Pairs:
    users, articles = request.users.height, request.articles.height
    return Pairs(np.repeat(np.arange(users), articles), np.tile(np.arange(articles), users))


def assert_online_is_offline(store: Store, online_store: Any, asked: datetime) -> float:
    """Compare raw values and pair features; return the sum of the three-hour windows."""
    pairs = all_pairs(store, asked)
    request = build_request(store, asked, PARAMS)
    exposure_history_days = PARAMS.features.exposure_history_days
    offline = retrieval.request_features(
        store, asked, request.users["user_id"], request.articles, exposure_history_days
    )
    entities = pairs.join(
        request.articles.select("article_id", "category", "publisher"), on="article_id"
    )
    online = offline._replace(
        **{
            view: retrieval.online(online_store, view, entities.select(KEYS[view]).to_dict())
            for view in ONLINE
        }
    )
    for view in ONLINE:
        expected = getattr(offline, view)
        assert expected.height > 0
        found = getattr(online, view)
        # Keys of many rows are Enums offline; their values are the same texts.
        assert_frame_equal(found, expected.cast(dict(found.schema)), check_exact=True)
    point_in_time = retrieval.historical(store, entities, exposure_history_days)
    first, *others = (
        pair_features(pairs, rows, request.articles, request.users, PARAMS)
        for rows in (offline, online, point_in_time)
    )
    for other in others:
        assert_frame_equal(first, other, check_exact=True)
    scored = PairFeatures(request, PARAMS).of(all_rows(request))
    np.testing.assert_array_equal(scored, first.select(PAIR_FEATURES).to_numpy())
    refreshed = build_request(store, asked, PARAMS, online=online_store)
    np.testing.assert_array_equal(PairFeatures(refreshed, PARAMS).of(all_rows(refreshed)), scored)
    assert first.select(PAIR_FEATURES).null_count().sum_horizontal().item() == 0
    return float(first.select("clicks_3h", "exposures_3h").sum().sum_horizontal().item())


def stamps(database_url: str, view: str) -> set[datetime]:
    rows = query(database_url, f"SELECT DISTINCT event_ts FROM feast.newsrec_{view}_features")
    return {row[0] for row in rows if isinstance(row[0], datetime)}


def test_a_second_materialization_writes_only_what_is_new(
    store: Store, tmp_path: Path, database_url: str
) -> None:
    places = settings(tmp_path, database_url)
    assert materialize(places, at(24)) == dict.fromkeys(ONLINE, 2)
    assert stamps(database_url, "user") == {at(24)}
    # Rows of articles are stamped during the day, all others at its end.
    assert materialize(places, at(47)) == dict.fromkeys(ONLINE, 0) | {"article": 2}
    assert materialize(places, at(48)) == dict.fromkeys(ONLINE, 2) | {"article": 0}
    assert stamps(database_url, "user") == {at(48)}


def test_files_that_no_manifest_names_are_not_materialized(
    store: Store, tmp_path: Path, database_url: str
) -> None:
    (key,) = (k for k in store.keys(f"counters/user/day={DAY}") if k.endswith(".parquet"))
    left = pl.read_parquet(store.read_bytes(key)).with_columns(user_id=pl.lit("of a killed run"))
    left.write_parquet(tmp_path / "left.parquet")
    store.upload(f"counters/user/day={DAY}/killed-12345678.parquet", tmp_path / "left.parquet")
    places = settings(tmp_path, database_url)
    materialize(places, at(48))
    with feast_loader.load().online(places) as online_store:
        users = {"user_id": pl.Series(["u1", "of a killed run"])}
        assert retrieval.online(online_store, "user", users)["user_id"].to_list() == ["u1"]


def test_a_lost_or_broken_registry_is_made_anew(
    store: Store, tmp_path: Path, database_url: str
) -> None:
    places = settings(tmp_path, database_url)
    everything = materialize(places, at(48))
    registry = tmp_path / "feast" / "registry.db"
    for content in (b"", b"\xff broken \x00"):
        registry.write_bytes(content)
        assert materialize(places, at(48)) == everything
    registry.unlink()
    assert materialize(places, at(48)) == everything


def test_the_online_tables_belong_to_their_own_role(
    store: Store, tmp_path: Path, database_url: str
) -> None:
    materialize(settings(tmp_path, database_url), at(24))
    owners = query(
        database_url, "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'feast'"
    )
    assert owners == [("newsrec_features",)]


def test_materializing_without_counters_is_one_clear_line(
    tmp_path: Path, database_url: str
) -> None:
    with pytest.raises(DataError, match=r"no counters in file://.*: run newsrec etl"):
        materialize(settings(tmp_path, database_url), at(24))


def test_materializing_into_a_dead_database_is_one_clear_line(store: Store, tmp_path: Path) -> None:
    dead = settings(tmp_path, "postgresql://nobody:secret@127.0.0.1:9/nothing")
    with pytest.raises(DatabaseError, match=r"^PostgreSQL: [^\n]*$") as caught:
        materialize(dead, at(24))
    assert "secret" not in str(caught.value)


def test_the_command_says_what_it_wrote(store: Store, tmp_path: Path, database_url: str) -> None:
    context = Context(settings(tmp_path, database_url), REPOSITORY / "params.yaml")
    result = CliRunner().invoke(command.materialize, ["--as-of", "2026-03-04T00:00Z"], obj=context)
    assert result.output == (
        "materialized 2026-03-04 00:00 UTC: "
        "3 article, 3 article_day, 2 user, 3 user_category, 2 user_publisher\n"
    )
