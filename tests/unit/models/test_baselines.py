from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from newsrec_pipelines.features.types import Pairs
from newsrec_pipelines.models.baselines import ByArticle, Chance
from newsrec_pipelines.models.request_rows import RequestRows
from newsrec_pipelines.models.single_scorer import best_of_scorer
from support.factories_models import (
    make_articles,
    make_read,
    make_reads,
    make_request,
    make_training_data,
)

DATA = make_training_data(users=6, articles=40)
READS = make_reads([make_read("u00", "a000"), make_read("u00", "a002", kind="hide")])
REQUEST = make_request(DATA, history=READS)
ROWS = RequestRows(REQUEST)
EVERYBODY = np.arange(6)


def of(pairs: Pairs, reader: int) -> list[int]:
    return pairs.article_row[pairs.user_row == reader].tolist()


def test_the_newest_come_first_and_nothing_read_or_hidden() -> None:
    # a000 is the newest article of all.
    found = ByArticle.newest(ROWS).best(EVERYBODY, 3)
    assert of(found, 1) == [0, 1, 2]
    assert of(found, 0) == [1, 3, 4]


def test_equal_scores_go_to_the_newer_article() -> None:
    clicks = np.zeros(40)
    clicks[[7, 9]] = 5.0
    assert of(ByArticle(clicks, ROWS).best(EVERYBODY, 4), 3) == [7, 9, 0, 1]


def test_nobody_gets_articles_in_a_language_that_she_does_not_read() -> None:
    users = DATA.users.with_columns(language=pl.lit("fr"))
    mixed = replace(REQUEST, users=users.select(REQUEST.users.columns))
    rows = RequestRows(mixed)
    for bound_scorer in (ByArticle.newest(rows), Chance(1, rows)):
        assert not len(bound_scorer.best(EVERYBODY, 5).user_row)


def test_chance_is_uniform_and_the_same_again() -> None:
    many = replace(REQUEST, articles=make_articles(400))
    chance = Chance(7, RequestRows(many))
    pairs = Pairs(np.repeat(EVERYBODY, 400), np.tile(np.arange(400), 6))
    scores = chance.of_pairs(pairs)
    assert scores.mean() == pytest.approx(0.5, abs=0.03)
    assert scores.std() == pytest.approx(12**-0.5, abs=0.03)
    assert len(np.unique(scores)) > 2_300
    assert (Chance(7, RequestRows(many)).of_pairs(pairs) == scores).all()
    assert (Chance(8, RequestRows(many)).of_pairs(pairs) != scores).any()
    later = replace(many, as_of=many.as_of + timedelta(days=1))
    assert (Chance(7, RequestRows(later)).of_pairs(pairs) != scores).any()


def test_chance_does_not_depend_on_who_is_asked_for() -> None:
    chance = Chance(7, ROWS)
    whole, one = chance.best(EVERYBODY, 10), chance.best(np.array([4]), 10)
    assert of(whole, 4) == of(one, 4)
    assert len(set(of(one, 4))) == len(of(one, 4)) <= 10
    assert not {0, 2} & set(of(whole, 0))
    # Readers do not share their draw.
    assert of(whole, 4) != of(whole, 5)


def test_a_single_scorer_is_filled_up_with_the_newest() -> None:
    class OnlyOne:
        def of_pairs(self, pairs: Pairs) -> np.ndarray:
            return (pairs.article_row == 30).astype(np.float32)

        def best(self, user_rows: np.ndarray, k: int) -> Pairs:
            return Pairs(user_rows, np.full(len(user_rows), 30))

    pairs, score = best_of_scorer(OnlyOne(), ByArticle.newest(ROWS), EVERYBODY, 3)
    mine = pairs.user_row == 1
    order = np.argsort(-score[mine])
    assert pairs.article_row[mine][order].tolist() == [30, 0, 1, 2]
    assert (np.diff(pairs.user_row) >= 0).all()
