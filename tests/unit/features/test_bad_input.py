"""Features of data that is not as it should be: finite, and none missing."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from newsrec_pipelines.features.counters import update_counters
from newsrec_pipelines.features.examples import build_request, with_features
from newsrec_pipelines.features.pairs import PAIR_FEATURES, PairFeatures
from newsrec_pipelines.features.types import Pairs, Request
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.store import Store
from support.feature_events import DAY, at, frame, write_clean
from support.postgres import REPOSITORY

PARAMS = Params.load(REPOSITORY / "params.yaml")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store((tmp_path / "store").as_uri())


def fill(store: Store, days: int = 1, **rows: list[dict[str, Any]]) -> Request:
    """A store with these rows, counted; and the request at the end."""
    standard = {
        "articles": [{"article_id": "a", "published_at": at(1)}],
        "users": [{"user_id": "u1", "joined_at": at(0)}],
    }
    for entity, given in (standard | rows).items():
        write_clean(store, entity, frame(entity, given))
    for n in range(days):
        update_counters(store, DAY + timedelta(days=n), PARAMS, "b")
    return build_request(store, at(24 * days), PARAMS)


def values(request: Request) -> dict[str, list[float]]:
    users, articles = request.users.height, request.articles.height
    pairs = Pairs(np.repeat(np.arange(users), articles), np.tile(np.arange(articles), users))
    matrix = PairFeatures(request, PARAMS).of(pairs)
    assert np.isfinite(matrix).all()
    return dict(zip(PAIR_FEATURES, matrix.T.tolist(), strict=True))


def read(n: int, **more: Any) -> dict[str, Any]:
    return {"event_id": f"{n}", "article_id": "a", "read_at": at(2 + n / 100)} | more


def test_a_day_without_reads_has_features(store: Store) -> None:
    shown = [{"impression_id": "1", "shown_at": at(3), "article_ids": ["a"]}]
    got = values(fill(store, reads=[], impressions=shown))
    assert (got["exposures_24h"], got["exposures_to_reader"], got["clicks_30d"]) == (
        [1.0],
        [1.0],
        [0.0],
    )


def test_a_day_without_anything_has_features(store: Store) -> None:
    fill(store, reads=[read(0)])
    update_counters(store, DAY + timedelta(days=1), PARAMS, "b")
    got = values(build_request(store, at(48), PARAMS))
    assert (got["clicks_24h"], got["clicks_7d"], got["opened_before"]) == ([0.0], [1.0], [1.0])


@pytest.mark.parametrize("dwell", [None, 0.0])
def test_dwell_that_is_all_unknown_or_zero_is_no_dwell(store: Store, dwell: float | None) -> None:
    reads = [read(n, kind="read", dwell_seconds=dwell) for n in range(5)]
    got = values(fill(store, reads=reads))
    assert got["clicks_24h"] == [5.0]
    assert got["dwell_24h"] == got["mean_dwell_24h"] == got["user_dwell"] == [0.0]
    # Clicks alone still say what she likes.
    assert got["category_affinity"][0] > 0


def test_a_category_nobody_ever_read_or_chose_is_unknown_to_all(store: Store) -> None:
    articles = [
        {"article_id": "a", "published_at": at(1)},
        {"article_id": "b", "published_at": at(2), "category": "never", "publisher": "new"},
    ]
    users = [{"user_id": "u1", "joined_at": at(0), "preferred_categories": ["sport", "gone"]}]
    got = values(fill(store, reads=[read(0)], articles=articles, users=users))
    assert got["category_affinity"][1] == got["publisher_affinity"][1] == 0.0
    assert got["preferred_category"] == [1.0, 0.0]


def test_an_article_without_texts_or_category_has_features(store: Store) -> None:
    bare = {"title": "", "abstract": None, "body": None, "category": "unknown"}
    articles = [{"article_id": "a", "published_at": at(1), "publisher": "unknown"} | bare]
    got = values(fill(store, reads=[read(0)], articles=articles))
    assert got["clicks_24h"] == [1.0]


def test_a_reader_and_an_article_that_nobody_knows_have_features(store: Store) -> None:
    fill(store, reads=[read(0)])
    pairs = pl.DataFrame(
        {"user_id": ["u1", "who"], "article_id": ["what", "a"], "asked_at": [at(20), at(20)]}
    )
    got = with_features(store, pairs, PARAMS, at(24)).select(PAIR_FEATURES)
    assert got.null_count().sum_horizontal().item() == 0
    assert np.isfinite(got.to_numpy()).all()


def test_no_readers_or_no_articles_give_no_features(store: Store) -> None:
    fill(store, reads=[read(0)])
    nobody = build_request(store, at(24), PARAMS, ["stranger"])
    assert values(nobody)["age_hours"] == []
    nothing = build_request(store, at(24 * 9), PARAMS)
    assert nothing.articles.is_empty()
    assert values(nothing)["age_hours"] == []


def test_a_reader_with_a_million_reads_is_one_reader(store: Store) -> None:
    n = 1_000_000
    second = pl.int_range(n) % 80_000
    reads = frame("reads", [read(0)]).select(pl.all().repeat_by(n).explode())
    reads = reads.with_columns(
        event_id=pl.int_range(n).cast(pl.String),
        kind=pl.lit("read"),
        dwell_seconds=pl.lit(1.5, pl.Float32),
        read_at=pl.lit(at(1)) + pl.duration(seconds=second),
        available_at=pl.lit(at(1)) + pl.duration(seconds=second),
    ).cast(dict(reads.schema))
    write_clean(store, "reads", reads)
    capped = PARAMS.model_copy(
        update={"training": PARAMS.training.model_copy(update={"max_reads": 1_000})}
    )
    got = values(fill(store))
    assert got["clicks_24h"] == [float(n)]
    assert got["dwell_24h"] == [1.5 * n]
    assert got["user_reads"][0] == pytest.approx(n, rel=0.05)
    history = build_request(store, at(24), capped).history
    assert history.height == 1_000
    assert history["read_at"].min() > at(23)
