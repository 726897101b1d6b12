from dataclasses import replace
from functools import cache

import numpy as np
import polars as pl
import pytest

from newsrec_pipelines.features.types import Pairs, Request
from newsrec_pipelines.models.als import Als
from newsrec_pipelines.models.content import Content
from newsrec_pipelines.models.protocols import Vectors
from newsrec_pipelines.models.request_rows import RequestRows
from newsrec_pipelines.models.topk import Dots
from support.bound_scorers import check_bound_scorer, every_pair
from support.factories_models import (
    AS_OF,
    load_params,
    make_read,
    make_reads,
    make_request,
    make_training_data,
    with_params,
    without_history,
)

DATA = make_training_data()
CONTENT = Content.fit(DATA, load_params())


@cache
def fitted() -> Als:
    return Als.fit(DATA, load_params(), texts=CONTENT)


def bound_scorer(als: Als, request: Request) -> Dots:
    return als.at(RequestRows(request), CONTENT.embed(request.articles))


def scores(als: Als, request: Request) -> Vectors:
    return every_pair(bound_scorer(als, request), request)


def test_bound_scorers_keep_the_laws() -> None:
    request = make_request(DATA)
    check_bound_scorer(bound_scorer(fitted(), request), RequestRows(request))


def test_readers_score_what_others_of_their_taste_read_above_the_rest() -> None:
    found = scores(fitted(), make_request(DATA, hours=120))
    same_taste = np.arange(found.shape[0])[:, None] % 4 == np.arange(found.shape[1])[None, :] % 4
    assert found[same_taste].mean() > 3 * abs(found[~same_taste].mean())


def test_a_new_read_counts_at_once_even_for_readers_who_came_after_the_training() -> None:
    als = fitted()
    stranger = DATA.users.head(1).with_columns(user_id=DATA.users["user_id"].head(1) + "-new")
    popular = DATA.reads["article_id"].mode()[0]
    history = make_reads([make_read(stranger["user_id"][0], popular)])
    request = make_request(DATA, users=stranger, history=history)
    assert not scores(als, without_history(request)).any()
    assert scores(als, request).any()


def test_longer_dwell_pulls_a_reader_nearer_to_the_article() -> None:
    als, reader = fitted(), DATA.users.head(1)
    article = DATA.reads["article_id"][0]
    row = make_request(DATA, hours=240).articles["article_id"].index_of(article)

    def score(dwell: float) -> float:
        history = make_reads([make_read("u00", article, dwell)])
        asked = make_request(DATA, users=reader, history=history, hours=240)
        return float(scores(als, asked)[0, row])

    assert 0 < score(5.0) < score(60.0)


def test_unread_articles_of_a_readers_topic_come_before_all_others() -> None:
    """The law of a mapping from texts: it was learnt on articles, and holds for later ones."""
    late = DATA.articles["published_at"] >= AS_OF.replace(day=5)
    before = replace(
        DATA,
        articles=DATA.articles.filter(~late),
        reads=DATA.reads.join(DATA.articles.filter(~late), on="article_id", how="semi"),
    )
    content = Content.fit(before, load_params())
    als = Als.fit(before, load_params(), texts=content)
    request = replace(make_request(DATA, history=before.reads), articles=DATA.articles.filter(late))
    found = every_pair(als.at(RequestRows(request), content.embed(request.articles)), request)
    topic = np.arange(request.articles.height) % 4
    first = topic[np.argsort(-found, axis=1)[:, :5]]
    assert (first == np.arange(DATA.users.height)[:, None] % 4).mean() > 0.9


def test_unread_articles_without_texts_get_zeros() -> None:
    request = make_request(DATA, hours=240)
    unread = ~request.articles["article_id"].is_in(DATA.reads["article_id"].implode()).to_numpy()
    assert unread.any()
    als = fitted()
    assert not als.vectors_of(request.articles["article_id"])[unread].any()
    texts = CONTENT.embed(request.articles)
    assert als.vectors_of(request.articles["article_id"], texts)[unread].any(axis=1).all()
    texts[unread] = 0.0
    assert not als.vectors_of(request.articles["article_id"], texts)[unread].any()
    assert not Als.fit(DATA, load_params()).mapping.any()


def test_a_warm_start_is_as_good_with_fewer_epochs() -> None:
    def squared_error(als: Als) -> float:
        """Of what was read, which a factorisation should score near one."""
        request = make_request(DATA, hours=240)
        rows = RequestRows(request)
        seen = rows.eligibility.seen(np.arange(request.users.height)).tocoo()
        pairs = Pairs(seen.row.astype(np.int64), seen.col.astype(np.int64))
        return float(((1 - als.at(rows).of_pairs(pairs)) ** 2).mean())

    params = with_params(als={"epochs": 1, "warm_epochs": 1})
    cold = Als.fit(DATA, params)
    yesterday = Als.fit(
        replace(DATA, reads=DATA.reads.filter(pl.col("available_at") < AS_OF.replace(day=5))),
        load_params(),
    )
    assert squared_error(Als.fit(DATA, params, yesterday)) < 0.8 * squared_error(cold)


def test_factors_of_another_size_are_no_start() -> None:
    other = Als.fit(DATA, with_params(als={"embedding_size": 8}))
    warm, cold = Als.fit(DATA, load_params(), other), Als.fit(DATA, load_params())
    assert warm.factors.tobytes() == cold.factors.tobytes()


@pytest.mark.parametrize("warm", [False, True])
def test_factors_are_the_same_bits_each_time(warm: bool) -> None:
    previous = fitted() if warm else None
    one = Als.fit(DATA, load_params(), previous, CONTENT)
    shuffled = replace(DATA, reads=DATA.reads.sample(fraction=1, shuffle=True, seed=1))
    other = Als.fit(shuffled, load_params(), previous, CONTENT)
    assert one.factors.tobytes() == other.factors.tobytes()
    assert one.mapping.tobytes() == other.mapping.tobytes()


def test_als_survives_its_own_state() -> None:
    als, request = fitted(), make_request(DATA)
    again = Als.from_state(als.state(), load_params())
    np.testing.assert_array_equal(scores(again, request), scores(als, request))


def test_als_without_any_read_scores_everything_zero() -> None:
    als = Als.fit(replace(DATA, reads=DATA.reads.clear()), load_params(), texts=CONTENT)
    request = make_request(DATA)
    assert not scores(als, request).any()
    assert not len(bound_scorer(als, request).best(np.arange(3), 5).user_row)


@pytest.mark.parametrize("dwell", [None, 0.0])
def test_dwell_that_is_all_unknown_or_all_zero_leaves_finite_factors(dwell: float | None) -> None:
    reads = DATA.reads.with_columns(dwell_seconds=pl.lit(dwell, pl.Float32))
    als = Als.fit(replace(DATA, reads=reads), load_params(), texts=CONTENT)
    assert als.factors.any()
    assert np.isfinite(als.factors).all()
    assert np.isfinite(als.mapping).all()
    assert np.isfinite(scores(als, make_request(DATA, history=reads))).all()


def test_nobody_asked_and_nothing_to_choose_from_give_nothing() -> None:
    request = make_request(DATA)
    for empty in (
        replace(request, users=request.users.clear()),
        replace(request, articles=request.articles.clear()),
    ):
        rows = np.arange(empty.users.height)
        assert not len(bound_scorer(fitted(), empty).best(rows, 5).user_row)
