"""The search of the largest products, against all of them."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsrec_pipelines.features.types import Pairs
from newsrec_pipelines.models import topk
from newsrec_pipelines.models.topk import Nearest, products


def exact(users: np.ndarray, articles: np.ndarray, k: int, without: Pairs) -> list[list[tuple]]:
    """Of each user, the best articles and their products, from all of them."""
    best = []
    for row in range(len(users)):
        own = np.full(len(articles), row)
        score = products(users, articles, own, np.arange(len(articles)))
        score[without.article_row[(without.user_row == row) & (without.article_row >= 0)]] = -1
        order = np.lexsort((np.arange(len(articles)), -score))[:k]
        best.append([(a, score[a]) for a in order.tolist() if score[a] > 0])
    return best


def found(users: np.ndarray, articles: np.ndarray, k: int, without: Pairs) -> list[list[tuple]]:
    """The same by the search."""
    row, column, score = Nearest(articles).best(users, k, without)
    assert (np.diff(row) >= 0).all()
    pairs = list(zip(column.tolist(), score, strict=True))
    starts = np.searchsorted(row, np.arange(len(users) + 1))
    return [pairs[a:b] for a, b in pairwise(starts)]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    readers=st.integers(1, 6),
    articles=st.sampled_from([0, 1, 3, 40, 700, 5_000]),
    k=st.sampled_from([1, 5, 40]),
    levels=st.sampled_from([1, 3, 1_000]),
)
def test_finds_the_first_of_the_best(
    seed: int, readers: int, articles: int, k: int, levels: int
) -> None:
    rng = np.random.default_rng(seed)
    # Few levels make many equal products, and vectors of zeros.
    users, items = (
        (rng.integers(-levels, levels + 1, (n, 4)) / levels).astype(np.float32)
        for n in (readers, articles)
    )
    seen = rng.integers(0, readers, 30)
    without = Pairs(np.sort(seen), rng.integers(-1, max(articles, 1), 30) if articles else seen - 9)
    assert found(users, items, k, without) == exact(users, items, k, without)


def test_the_blocks_of_readers_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    users, items = (rng.standard_normal((n, 32), dtype=np.float32) for n in (50, 3_000))
    nearest = Nearest(items)
    whole = nearest.best(users, 10)
    for size in (1, 7):
        monkeypatch.setattr(topk, "_READERS", size)
        for one, other in zip(nearest.best(users, 10), whole, strict=True):
            assert one.tobytes() == other.tobytes()


def test_what_differs_by_rounding_only_is_found_exactly() -> None:
    rng = np.random.default_rng(5)
    direction = rng.standard_normal(128).astype(np.float32)
    # All products are equal but for their last bits.
    items = direction + rng.standard_normal((4_000, 128)).astype(np.float32) * np.float32(1e-7)
    none = Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64))
    assert found(direction[None], items, 20, none) == exact(direction[None], items, 20, none)
