from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from newsrec_pipelines.features.types import TrainingData
from newsrec_pipelines.models.coread import CoRead
from newsrec_pipelines.models.request_rows import RequestRows
from support.bound_scorers import check_bound_scorer, every_pair
from support.factories_models import (
    load_params,
    make_read,
    make_reads,
    make_request,
    make_training_data,
    with_params,
    without_history,
)

DATA = make_training_data()
PARAMS = load_params()


def with_reads(*reads: dict[str, object]) -> TrainingData:
    return replace(DATA, reads=make_reads(list(reads)))


def similarity(scorer: CoRead, one: str, other: str) -> float:
    rows = scorer.articles.rows(pl.Series([one, other]))
    return float(scorer.similar[rows[0], rows[1]]) if (rows >= 0).all() else 0.0


def test_similarity_is_the_damped_cosine_of_decayed_weights() -> None:
    """Both readers opened both on the last day: half and whole reads."""
    data = with_reads(
        make_read("u00", "a001", 30.0, hours_ago=3),
        make_read("u00", "a002", 60.0, hours_ago=2),
        make_read("u01", "a001", 60.0, hours_ago=3),
        make_read("u01", "a002", 60.0, hours_ago=2),
        make_read("u02", "a002", 60.0, hours_ago=2),
    )
    scorer = CoRead.fit(data, PARAMS)
    decay = 0.5 ** (1 / PARAMS.coread.half_life_days)
    shared, one, other = (decay * n for n in (0.5 + 1.0, 0.25 + 1.0, 3.0))
    expected = shared / np.sqrt((one + PARAMS.coread.shrinkage) * (other + PARAMS.coread.shrinkage))
    assert similarity(scorer, "a001", "a002") == pytest.approx(expected, rel=1e-5)
    assert similarity(scorer, "a002", "a001") == pytest.approx(expected, rel=1e-5)


def test_reads_of_different_days_are_not_together() -> None:
    data = with_reads(make_read("u00", "a001", hours_ago=3), make_read("u00", "a002", hours_ago=27))
    assert similarity(CoRead.fit(data, PARAMS), "a001", "a002") == 0.0


def test_what_few_have_read_together_counts_less_than_what_many_have() -> None:
    few = [make_read("u00", a) for a in ("a001", "a002")]
    many = [make_read(f"u{n:02d}", a) for n in range(1, 9) for a in ("a003", "a004")]
    scorer = CoRead.fit(with_reads(*few, *many), PARAMS)
    assert 0 < similarity(scorer, "a001", "a002") < 0.5 * similarity(scorer, "a003", "a004")


def test_hidden_articles_are_read_together_with_nothing() -> None:
    data = with_reads(make_read("u00", "a001"), make_read("u00", "a002", None, kind="hide"))
    assert similarity(CoRead.fit(data, PARAMS), "a001", "a002") == 0.0


def test_an_article_keeps_only_its_nearest() -> None:
    scorer = CoRead.fit(DATA, with_params(coread={"neighbours": 3}))
    assert np.diff(scorer.similar.indptr).max() <= 3
    full = CoRead.fit(DATA, with_params(coread={"neighbours": 200}))
    assert scorer.similar.max(axis=1).toarray() == pytest.approx(full.similar.max(axis=1).toarray())


def test_one_read_finds_what_others_read_with_it() -> None:
    """A returning reader with one read."""
    others = [make_read(f"u{n:02d}", a) for n in range(1, 6) for a in ("a010", "a020")]
    scorer = CoRead.fit(with_reads(*others), PARAMS)
    request = make_request(DATA, history=make_reads([make_read("u00", "a010")]))
    best = scorer.at(RequestRows(request)).best(np.arange(3), 5)
    assert best.user_row.tolist() == [0]
    assert request.articles["article_id"][best.article_row.tolist()].to_list() == ["a020"]


def test_only_the_last_reads_vote() -> None:
    others = [make_read(f"u{n:02d}", a) for n in range(1, 6) for a in ("a010", "a020")]
    params = with_params(coread={"recent_reads": 1})
    scorer = CoRead.fit(with_reads(*others), params)
    history = [make_read("u00", "a010", hours_ago=5), make_read("u00", "a030", hours_ago=1)]
    request = make_request(DATA, history=make_reads(history))
    assert not every_pair(scorer.at(RequestRows(request)), request).any()


def test_bound_scorers_keep_the_laws() -> None:
    rows = RequestRows(make_request(DATA))
    check_bound_scorer(CoRead.fit(DATA, PARAMS).at(rows), rows)


def test_coread_survives_its_own_state() -> None:
    scorer, request = CoRead.fit(DATA, PARAMS), make_request(DATA)
    again = CoRead.from_state(scorer.state(), PARAMS)
    np.testing.assert_array_equal(
        every_pair(again.at(RequestRows(request)), request),
        every_pair(scorer.at(RequestRows(request)), request),
    )


def test_days_without_reads_and_readers_without_history_are_zero() -> None:
    request = without_history(make_request(DATA))
    for scorer in (CoRead.fit(with_reads(), PARAMS), CoRead.fit(DATA, PARAMS)):
        bound_scorer = scorer.at(RequestRows(request))
        assert not every_pair(bound_scorer, request).any()
        assert not len(bound_scorer.best(np.arange(4), 5).user_row)


def test_a_reader_with_very_many_reads_a_day_costs_no_more_than_a_long_day() -> None:
    count = 100_000
    one = make_reads([make_read("robot", "x", 1.0)])
    robot = one[np.zeros(count, np.int64)].with_columns(
        article_id=pl.format("x{}", pl.int_range(count))
    )
    data = replace(DATA, reads=pl.concat([robot, DATA.reads]))
    scorer = CoRead.fit(data, PARAMS)
    of_robot = scorer.articles.rows(robot["article_id"])
    assert (np.diff(scorer.similar.indptr)[of_robot] > 0).sum() <= 50
    clean = CoRead.fit(DATA, PARAMS)
    assert similarity(scorer, "a010", "a014") == pytest.approx(similarity(clean, "a010", "a014"))


def test_a_click_that_was_left_at_once_is_read_together_with_nothing() -> None:
    data = with_reads(make_read("u00", "a001", 0.0), make_read("u00", "a002", 60.0))
    assert similarity(CoRead.fit(data, PARAMS), "a001", "a002") == 0.0


def test_similarities_are_the_same_bits_whatever_the_order_of_the_reads() -> None:
    shuffled = replace(DATA, reads=DATA.reads.sample(fraction=1, shuffle=True, seed=1))
    one, other = CoRead.fit(DATA, PARAMS).state(), CoRead.fit(shuffled, PARAMS).state()
    for key in ("similarities", "neighbours", "starts"):
        assert one[key].tobytes() == other[key].tobytes()
