from dataclasses import replace

import numpy as np
import polars as pl

from newsrec_pipelines.features.types import Pairs
from newsrec_pipelines.models.als import Als
from newsrec_pipelines.models.content import Content
from newsrec_pipelines.models.coread import CoRead
from newsrec_pipelines.models.feedback import Weights
from newsrec_pipelines.models.fresh import Fresh
from newsrec_pipelines.models.popularity import Popularity
from newsrec_pipelines.models.request_rows import RequestRows
from support.bound_scorers import check_bound_scorer, every_pair
from support.factories_models import (
    AS_OF,
    load_params,
    make_counters,
    make_read,
    make_reads,
    make_request,
    make_training_data,
)

DATA = make_training_data(users=5, articles=60)
PARAMS = load_params()
WEIGHTS = Weights(full_dwell_seconds=60.0, click=0.1)


def test_reads_are_one_weight_a_reader_and_article() -> None:
    reads = make_reads(
        [
            make_read("u02", "old", 30.0, hours_ago=36),
            make_read("u02", "a001", None, hours_ago=5),
            make_read("u02", "a001", 15.0, hours_ago=3),
            make_read("u00", "a001", None, kind="hide", hours_ago=1),
            make_read("stranger", "a002"),
        ]
    )
    seen = RequestRows(make_request(DATA, history=reads)).reads(WEIGHTS)
    assert seen.user_row.tolist() == [0, 2, 2]
    assert seen.article_ids.gather(seen.read_row).to_list() == ["a001", "a001", "old"]
    np.testing.assert_allclose(seen.weight, [-1.0, 0.25, 0.5])
    np.testing.assert_allclose(seen.age_days * 24, [1, 3, 36])


def test_the_order_of_the_history_changes_nothing() -> None:
    request = make_request(DATA)
    shuffled = replace(request, history=DATA.reads.sample(fraction=1, shuffle=True, seed=2))
    for one, other in zip(
        RequestRows(request).reads(WEIGHTS), RequestRows(shuffled).reads(WEIGHTS), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_a_reader_with_very_many_reads_is_served_like_everybody() -> None:
    count = 1_000_000
    robot = make_reads([make_read("u00", "x", 60.0)])[np.zeros(count, np.int64)].select(
        "user_id",
        "kind",
        "dwell_seconds",
        "available_at",
        article_id=pl.format("a{}", pl.int_range(count)),
        read_at=pl.lit(AS_OF) - pl.duration(seconds=pl.int_range(count)),
    )
    reads = pl.concat([DATA.reads.select(robot.columns), robot])
    data = replace(DATA, reads=DATA.reads.filter(pl.col("user_id") != "u00"))
    content = Content.fit(data, PARAMS)
    counters = make_counters({f"a{n:03d}": n + 1 for n in range(60)})
    rows = RequestRows(make_request(DATA, history=reads, counters=counters))
    for bound_scorer in (
        content.at(rows),
        Als.fit(data, PARAMS, texts=content).at(rows, content.embed(rows.request.articles)),
        CoRead.fit(data, PARAMS).at(rows),
        Fresh.fit(data, PARAMS).at(rows),
        Popularity.fit(data, PARAMS).at(rows),
    ):
        found = bound_scorer.best(np.arange(5), 5)
        assert set(found.user_row.tolist()) >= {1, 2, 3, 4}
        assert np.isfinite(bound_scorer.of_pairs(found)).all()


def test_nothing_that_is_wrong_with_the_input_makes_nan() -> None:
    """No text, unknown and absurd dwell, a category that nobody has seen, a read article gone."""
    history = make_reads(
        [
            make_read("u00", "a001", float("nan")),
            make_read("u01", "a002", float("inf")),
            make_read("u02", "a003", -5.0),
            make_read("u03", "gone", 0.0),
        ]
    )
    articles = DATA.articles.with_columns(
        title=pl.when(pl.int_range(pl.len()) % 2 == 0).then("article_id").otherwise("title"),
        abstract=pl.lit(None, pl.String),
        category=pl.when(pl.int_range(pl.len()) < 9).then(pl.lit("new")).otherwise("category"),
    )
    data = replace(DATA, reads=history, articles=articles.slice(9))
    request = replace(make_request(DATA, history=history), articles=articles)
    rows = RequestRows(request)
    content = Content.fit(data, PARAMS)
    for bound_scorer in (
        content.at(rows),
        Als.fit(data, PARAMS, texts=content).at(rows, content.embed(articles)),
        CoRead.fit(data, PARAMS).at(rows),
        Fresh.fit(data, PARAMS).at(rows),
        Popularity.fit(data, PARAMS).at(rows),
    ):
        assert np.isfinite(every_pair(bound_scorer, request)).all()
        check_bound_scorer(bound_scorer, rows)


def test_a_request_without_readers_or_articles_has_no_pairs() -> None:
    request = make_request(DATA)
    nothing = Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64))
    content = Content.fit(DATA, PARAMS)
    for empty in (
        replace(request, users=request.users.clear(), history=request.history.clear()),
        replace(request, articles=request.articles.clear()),
        replace(request, users=request.users.clear(), articles=request.articles.clear()),
    ):
        rows = RequestRows(empty)
        for bound_scorer in (
            content.at(rows),
            Als.fit(DATA, PARAMS).at(rows),
            CoRead.fit(DATA, PARAMS).at(rows),
            Fresh.fit(DATA, PARAMS).at(rows),
            Popularity.fit(DATA, PARAMS).at(rows),
        ):
            assert not len(bound_scorer.of_pairs(nothing))
            assert not len(bound_scorer.best(np.arange(len(rows.users)), 5).user_row)


def test_forgotten_reads_leave_the_eligibility_and_come_back_when_asked_for() -> None:
    rows = RequestRows(make_request(DATA, history=DATA.reads))
    before = rows.reads(WEIGHTS)
    rows.forget_reads()
    users, articles = len(rows.users), len(rows.articles)
    pairs = Pairs(*np.unravel_index(np.arange(users * articles), (users, articles)))
    fresh = RequestRows(rows.request).eligibility
    np.testing.assert_array_equal(rows.eligibility.unread(pairs), fresh.unread(pairs))
    after = rows.reads(WEIGHTS)
    assert after is not before
    np.testing.assert_array_equal(after.weight, before.weight)
