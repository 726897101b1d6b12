from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from newsrec_pipelines.features.types import Request
from newsrec_pipelines.models.content import Content
from newsrec_pipelines.models.protocols import Vectors
from newsrec_pipelines.models.request_rows import RequestRows
from newsrec_pipelines.models.text import TextEmbedding, unit
from newsrec_pipelines.schemas import UNKNOWN
from support.bound_scorers import check_bound_scorer, every_pair
from support.factories_models import (
    CATEGORIES,
    load_params,
    make_read,
    make_reads,
    make_request,
    make_training_data,
    without_history,
)

DATA = make_training_data()
CONTENT = Content.fit(DATA, load_params())


def scores(content: Content, request: Request) -> Vectors:
    return every_pair(content.at(RequestRows(request)), request)


def test_bound_scorers_keep_the_laws() -> None:
    rows = RequestRows(make_request(DATA))
    check_bound_scorer(CONTENT.at(rows), rows)


def test_vectors_have_unit_norm() -> None:
    request = make_request(DATA)
    bound_scorer = CONTENT.at(RequestRows(request))
    for vectors in (bound_scorer.articles, bound_scorer.users):
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-5)


def test_cold_readers_score_their_chosen_category_highest() -> None:
    request = without_history(make_request(DATA))
    best = request.articles["category"].gather(scores(CONTENT, request).argmax(axis=1)).to_list()
    assert best == [CATEGORIES[n % len(CATEGORIES)] for n in range(DATA.users.height)]


def test_reading_about_something_else_moves_a_reader_there() -> None:
    reads = make_reads([make_read("u00", f"a{n:03d}") for n in (1, 5, 9, 13)])
    request = make_request(DATA, users=DATA.users.head(1), history=reads)
    found = scores(CONTENT, request)[0]
    assert request.articles["category"][int(found.argmax())] == "football"


def test_old_reading_weighs_less_than_new_reading() -> None:
    old, new = ("a000", 24 * 21.0), ("a001", 1.0)
    reads = make_reads([make_read("u00", a, hours_ago=h) for a, h in (old, new)])
    nobody = DATA.users.head(1).with_columns(
        preferred_categories=pl.lit([], dtype=pl.List(pl.String))
    )
    request = make_request(DATA, users=nobody, history=reads)
    found = scores(CONTENT, request)[0]
    assert found[1] > found[0]


def test_a_reader_without_reads_and_choices_is_zero() -> None:
    nobody = DATA.users.head(1).with_columns(
        preferred_categories=pl.lit([], dtype=pl.List(pl.String))
    )
    request = without_history(make_request(DATA, users=nobody))
    bound_scorer = CONTENT.at(RequestRows(request))
    assert not bound_scorer.users.any()
    assert not len(bound_scorer.best(np.arange(1), 5).user_row)


def test_articles_that_came_after_the_training_are_known_from_the_request() -> None:
    late = DATA.articles.head(1).with_columns(article_id=pl.lit("late"))
    request = replace(
        make_request(
            DATA, users=DATA.users.head(1), history=make_reads([make_read("u00", "late")])
        ),
        articles=late,
    )
    assert scores(CONTENT, request) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("category", [UNKNOWN, "climate"])
def test_data_without_texts_falls_back_to_the_category_or_to_nothing(category: str) -> None:
    bare = DATA.articles.with_columns(
        title=pl.col("article_id"), abstract=None, category=pl.lit(category)
    )
    data = replace(DATA, articles=bare)
    content = Content.fit(data, load_params())
    bound_scorer = content.at(RequestRows(make_request(data)))
    assert np.isfinite(bound_scorer.articles).all()
    assert bound_scorer.articles.any() == (category != UNKNOWN)
    assert bound_scorer.users.shape == (DATA.users.height, 128)


def test_content_survives_its_own_state() -> None:
    request = make_request(DATA)
    again = Content.from_state(CONTENT.state(), load_params())
    np.testing.assert_array_equal(scores(again, request), scores(CONTENT, request))


def test_an_embedding_of_no_article_at_all_is_empty() -> None:
    text = TextEmbedding.fit(DATA.articles.clear(), load_params().content, seed=1)
    assert text.terms == []
    assert text.embed(DATA.articles).shape == (DATA.articles.height, 128)


def test_a_single_article_is_embedded_without_a_warning() -> None:
    text = TextEmbedding.fit(DATA.articles.head(1), load_params().content, seed=1)
    np.testing.assert_allclose(np.linalg.norm(text.embed(DATA.articles.head(1))), 1.0, rtol=1e-5)


def test_unit_leaves_zeros_zero() -> None:
    np.testing.assert_allclose(unit(np.array([[3.0, 4.0], [0.0, 0.0]])), [[0.6, 0.8], [0, 0]])
