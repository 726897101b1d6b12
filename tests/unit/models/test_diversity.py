import numpy as np
import polars as pl
import pytest

from newsrec_pipelines.models.diversity import Topics, relevance, similarity
from newsrec_pipelines.schemas import UNKNOWN

ARTICLES = pl.DataFrame(
    [
        ("climate", "ice", "x"),
        ("climate", "ice", "x"),
        ("climate", "ice", "y"),
        ("climate", "fire", "y"),
        ("climate", None, "y"),
        ("cinema", "ice", "y"),
        ("cinema", None, "x"),
        (UNKNOWN, None, UNKNOWN),
        (UNKNOWN, None, UNKNOWN),
    ],
    schema=["category", "subcategory", "publisher"],
    orient="row",
)


def alike(one: int, other: int) -> float:
    topics = Topics.of(ARTICLES)
    return float(similarity(topics.at(np.array([[one]])), topics.at(np.array([[other]])))[0, 0])


def test_similarity_goes_by_subcategory_then_category_then_publisher() -> None:
    assert alike(0, 1) == pytest.approx(1.0)
    falling = [alike(0, other) for other in (1, 2, 3, 6, 5)]
    assert falling == sorted(falling, reverse=True)
    assert len(set(falling)) == len(falling)
    assert falling[-1] == 0.0
    assert alike(3, 4) == alike(4, 3) == pytest.approx(alike(3, 2))


def test_a_subcategory_of_the_same_name_in_another_category_is_another_one() -> None:
    assert alike(0, 5) == 0.0


def test_what_is_unknown_is_like_nothing() -> None:
    assert alike(7, 8) == 0.0


def test_without_subcategories_at_all_categories_decide() -> None:
    bare = ARTICLES.with_columns(subcategory=pl.lit(None))
    topics = Topics.of(bare)
    assert (topics.subcategory == -1).all()
    assert len(np.unique(topics.category)) == 3


def test_relevance_is_scaled_over_the_best_and_keeps_the_order_below() -> None:
    scores = np.array([[5.0, 3.0, 1.0, -9.0, np.nan], [2.0, 2.0, 2.0, 2.0, np.nan]])
    found = relevance(scores, depth=1)  # the best three compete
    np.testing.assert_allclose(found[0, :4], [1.0, 0.5, 0.0, -2.5])
    np.testing.assert_allclose(found[1, :4], 0.0)
