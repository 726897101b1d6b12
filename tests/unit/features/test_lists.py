"""Ranks and shares within lists, against a slow count."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsrec_pipelines.features.lists import list_features

# Few different values, so that many are equal; some below zero, and both zeros.
numbers = st.sampled_from([-2.5, -1.0, -0.0, 0.0, 1e-30, 0.5, 1.0, 3.0, 7e9])
lists_of_rows = st.lists(st.lists(st.tuples(numbers, numbers), max_size=6), max_size=5)


def features(lists: list[list[tuple[float, float]]]) -> np.ndarray:
    rows = [row for one in lists for row in one]
    starts = np.cumsum([0, *map(len, lists)])
    return list_features(np.array(rows, np.float32).reshape(-1, 2), starts)


@given(lists_of_rows)
def test_ranks_and_shares_are_those_of_a_slow_count(lists: list[list[tuple[float, float]]]) -> None:
    expected = []
    for one in lists:
        values = np.array(one, np.float32).reshape(-1, 2)
        for row in values:
            higher = (values > row).sum(axis=0)
            equal = (values == row).sum(axis=0)
            rank = (higher + (equal - 1) / 2) / max(len(one) - 1, 1)
            sums = np.abs(values.astype(np.float64)).sum(axis=0)
            share = np.divide(len(values) * row, sums, out=np.zeros(2), where=sums != 0)
            expected.append([*rank, *share])
    np.testing.assert_allclose(
        features(lists), np.array(expected).reshape(-1, 4), rtol=1e-5, atol=1e-7
    )


@given(lists_of_rows, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(
    lists: list[list[tuple[float, float]]], random: Random
) -> None:
    shuffled = [(one, random.sample(range(len(one)), len(one))) for one in lists]
    moved = features([[one[i] for i in order] for one, order in shuffled])
    rows = features(lists)
    start = 0
    for one, order in shuffled:
        part = rows[start : start + len(one)][order]
        np.testing.assert_array_equal(moved[start : start + len(one), :2], part[:, :2])
        np.testing.assert_allclose(moved[start : start + len(one), 2:], part[:, 2:], rtol=1e-6)
        start += len(one)


def test_the_best_has_rank_0_and_the_worst_1() -> None:
    got = features([[(5.0, 1.0), (3.0, 1.0), (2.0, 1.0)], [(9.0, 0.0)]])
    assert got[:, 0].tolist() == [0.0, 0.5, 1.0, 0.0]
    assert got[:, 1].tolist() == [0.5, 0.5, 0.5, 0.0]
    assert got[:, 2].tolist() == pytest.approx([1.5, 0.9, 0.6, 1.0])
    assert got[:, 3].tolist() == pytest.approx([1.0, 1.0, 1.0, 0.0])


def test_no_rows_give_no_rows() -> None:
    assert list_features(np.empty((0, 3), np.float32), np.zeros(1, np.int64)).shape == (0, 6)
