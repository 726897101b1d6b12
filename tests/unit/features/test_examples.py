"""Training data and requests know what was available, and nothing else."""

from datetime import timedelta
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from newsrec_pipelines.errors import DataError
from newsrec_pipelines.features.counters import update_counters
from newsrec_pipelines.features.examples import build_request, examples, training_data
from newsrec_pipelines.features.pairs import PAIR_FEATURES, UNKNOWN_AGE_HOURS
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.store import Store
from support.feature_events import DAY, at, frame, write_clean
from support.postgres import REPOSITORY

_SHIPPED = Params.load(REPOSITORY / "params.yaml")
# One day of examples, whatever the shipped parameters say.
PARAMS = _SHIPPED.model_copy(
    update={"training": _SHIPPED.training.model_copy(update={"ranker_days": 1})}
)
READS = [
    {"event_id": "1", "article_id": "a", "read_at": at(10), "impression_id": "i1"},
    {"event_id": "2", "article_id": "b", "read_at": at(34), "impression_id": "i2"},
]
SHOWN = [
    {"impression_id": "i1", "shown_at": at(9.9), "article_ids": ["a", "b"]},
    {"impression_id": "i2", "shown_at": at(33.9), "article_ids": ["a", "b"]},
]
ARTICLES = [
    {"article_id": "a", "published_at": at(8)},
    {"article_id": "b", "published_at": at(9)},
    {"article_id": "c", "published_at": at(46)},
]


def fill(store: Store, *, future: bool = False) -> None:
    late = {"event_id": "3", "article_id": "a", "read_at": at(34.1), "available_at": at(50)}
    soon = {"article_id": "a", "published_at": at(8), "title": "changed", "available_at": at(49)}
    write_clean(store, "reads", frame("reads", [*READS, late] if future else READS))
    write_clean(store, "impressions", frame("impressions", SHOWN))
    write_clean(store, "articles", frame("articles", [*ARTICLES, soon] if future else ARTICLES))
    write_clean(store, "users", frame("users", [{"user_id": "u1", "joined_at": at(0)}]))
    for n in range(3 if future else 2):
        update_counters(store, DAY + timedelta(days=n), PARAMS, "b")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store((tmp_path / "store").as_uri())
    fill(store)
    return store


def test_examples_are_of_the_last_days_with_features_of_their_moments(store: Store) -> None:
    data = training_data(store, at(48), PARAMS)
    assert data.examples.select("impression_id", "article_id", "clicked", "clicks_24h").rows() == [
        ("i2", "a", False, 1.0),
        ("i2", "b", True, 0.0),
    ]
    assert not data.sampled_negatives
    assert data.reads.height == 2
    assert data.examples.select(PAIR_FEATURES).null_count().sum_horizontal().item() == 0


def test_nothing_that_came_later_changes_training_data_or_a_request(
    store: Store, tmp_path: Path
) -> None:
    later = Store((tmp_path / "later").as_uri())
    fill(later, future=True)
    ours, theirs = (training_data(s, at(48), PARAMS) for s in (store, later))
    for name in ("articles", "users", "reads", "examples"):
        assert_frame_equal(getattr(ours, name), getattr(theirs, name))
    mine, yours = (build_request(s, at(48), PARAMS) for s in (store, later))
    for name in ("users", "articles", "history"):
        assert_frame_equal(getattr(mine, name), getattr(yours, name))
    for my_rows, your_rows in zip(mine.features, yours.features, strict=True):
        assert_frame_equal(my_rows, your_rows)


def test_a_day_is_judged_by_what_was_known_afterwards(tmp_path: Path) -> None:
    store = Store((tmp_path / "store").as_uri())
    fill(store, future=True)
    labelled, sampled = examples(store, at(72), PARAMS, at(24), at(48))
    assert labelled["clicked"].to_list() == [True, True]
    assert not sampled


def test_articles_and_readers_of_an_example_are_those_known_when_it_was_asked(
    store: Store,
) -> None:
    chose = {"user_id": "u1", "joined_at": at(0), "preferred_categories": ["sport"]}
    users = [
        {"user_id": "u1", "joined_at": at(0)},
        # Before the example, at its very moment, and after it.
        chose | {"available_at": at(26), "language": "fr", "preferred_categories": ["tech"]},
        chose | {"available_at": at(33.9), "language": "en"},
        chose | {"available_at": at(40), "language": "en"},
    ]
    tech = {"published_at": at(8), "category": "tech"}
    articles = [
        *ARTICLES,
        tech | {"article_id": "a", "available_at": at(30)},
        {"article_id": "b", "published_at": at(1), "available_at": at(45)},
    ]
    write_clean(store, "users", frame("users", users))
    write_clean(store, "articles", frame("articles", articles))
    names = ("article_id", "age_hours", "preferred_category", "language_match")
    rows = training_data(store, at(48), PARAMS).examples.select(names).rows()
    assert rows == [
        ("a", pytest.approx(25.9), 1.0, 0.0),
        ("b", pytest.approx(24.9), 0.0, 0.0),
    ]


def test_a_shown_article_that_became_known_later_counts_as_unknown(tmp_path: Path) -> None:
    store = Store((tmp_path / "store").as_uri())
    fill(store)
    late = [ARTICLES[0], {"article_id": "b", "published_at": at(9), "available_at": at(40)}]
    write_clean(store, "articles", frame("articles", late))
    examples_ = training_data(store, at(48), PARAMS).examples
    assert dict(examples_.select("article_id", "age_hours").iter_rows()) == {
        "a": pytest.approx(25.9),
        "b": UNKNOWN_AGE_HOURS,
    }


def test_the_hash_of_the_data_is_that_of_its_content(store: Store, tmp_path: Path) -> None:
    twin = Store((tmp_path / "twin").as_uri())
    fill(twin)
    hashes = [training_data(s, at(48), PARAMS).data_hash for s in (store, twin)]
    assert hashes[0] == hashes[1]
    assert training_data(store, at(24), PARAMS).data_hash != hashes[0]


def test_data_without_impressions_gets_sampled_negatives(tmp_path: Path) -> None:
    store = Store((tmp_path / "store").as_uri())
    write_clean(store, "reads", frame("reads", READS))
    write_clean(store, "articles", frame("articles", ARTICLES))
    update_counters(store, DAY, PARAMS, "b")
    data = training_data(store, at(24), PARAMS)
    assert data.sampled_negatives
    assert data.examples["clicked"].to_list()[0] is True


def test_a_view_of_an_article_that_nobody_knew_of_is_not_trained_on(tmp_path: Path) -> None:
    store = Store((tmp_path / "store").as_uri())
    seen = [ARTICLES[0], {"article_id": "b", "published_at": at(34)}]
    write_clean(store, "reads", frame("reads", READS))
    write_clean(store, "articles", frame("articles", seen))
    for n in range(2):
        update_counters(store, DAY + timedelta(days=n), PARAMS, "b")
    assert training_data(store, at(24), PARAMS).examples["article_id"].to_list() == ["a"]
    # Published when it was first read: before that moment there was nothing to recommend.
    assert training_data(store, at(48), PARAMS).examples.is_empty()


def test_training_on_nothing_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no read is known before 2026-03-03 00:00 UTC"):
        training_data(Store((tmp_path / "store").as_uri()), at(24), PARAMS)


def test_candidates_are_young_enough_and_known(store: Store) -> None:
    assert build_request(store, at(24), PARAMS).articles["article_id"].to_list() == ["a", "b"]
    later = build_request(store, at(56.5), PARAMS)
    assert later.articles["article_id"].to_list() == ["b", "c"]
    assert later.history["article_id"].to_list() == ["a", "b"]


def test_a_request_for_some_readers_leaves_out_unknown_ones(store: Store) -> None:
    request = build_request(store, at(24), PARAMS, ["u1", "stranger"])
    assert request.users["user_id"].to_list() == ["u1"]
    assert build_request(store, at(24), PARAMS, ["stranger"]).history.is_empty()


def test_a_store_that_holds_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="run newsrec etl"):
        build_request(Store((tmp_path / "store").as_uri()), at(24), PARAMS)
