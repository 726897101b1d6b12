from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from newsrec_pipelines.models.exploration import drawn, propensities, reader_keys, uniform

AS_OF = datetime(2026, 3, 6, tzinfo=UTC)
KEYS = reader_keys([f"u{n}" for n in range(4000)], AS_OF, 7)


def test_numbers_are_those_of_splitmix64() -> None:
    # The first outputs of its reference implementation, started at 0.
    for number, output in enumerate((0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F)):
        assert uniform(np.zeros(1, np.uint64), number + 1)[0] == (output >> 11) * 2.0**-53


def test_numbers_are_uniform_among_readers_and_unrelated_from_one_to_the_next() -> None:
    one, two = uniform(KEYS, 1), uniform(KEYS, 2)
    assert stats.kstest(one, "uniform").pvalue > 0.01
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.04


def test_keys_are_of_the_reader_the_seed_and_the_moment_wherever_it_is_told() -> None:
    assert len(np.unique(KEYS)) == len(KEYS)
    assert reader_keys(["u9"], AS_OF, 7) == KEYS[9]
    assert reader_keys(["u9"], AS_OF.astimezone(timezone(timedelta(hours=-5))), 7) == KEYS[9]
    assert reader_keys(["u9"], AS_OF, 8) != KEYS[9]
    assert reader_keys(["u9"], AS_OF + timedelta(seconds=1), 7) != KEYS[9]
    assert len(reader_keys([], AS_OF, 7)) == 0


def test_each_of_the_pool_is_drawn_alike_and_nobody_else() -> None:
    pool = np.tile([False, True, True, False, True, False], (len(KEYS), 1))
    counts = np.bincount(drawn(pool, uniform(KEYS, 1)), minlength=6)
    assert counts[[0, 3, 5]].tolist() == [0, 0, 0]
    assert stats.chisquare(counts[[1, 2, 4]]).pvalue > 0.01


@pytest.mark.parametrize(("chance", "choice"), [(0.0, 1), (np.nextafter(1.0, 0.0), 4)])
def test_the_ends_of_chance_are_the_ends_of_the_pool(chance: float, choice: int) -> None:
    pool = np.array([[False, True, True, False, True, False]])
    assert drawn(pool, np.array([chance])).tolist() == [choice]


@settings(max_examples=50, deadline=None)
@given(arrays(bool, (1, 6)), st.integers(0, 5), st.floats(0, 0.99))
def test_the_propensities_of_all_choices_add_up_to_one(
    pool: np.ndarray, ranked: int, exploration: float
) -> None:
    each = propensities(np.arange(6), np.full(6, ranked), np.repeat(pool, 6, axis=0), exploration)
    assert each.sum() == pytest.approx(1.0, rel=1e-6)
    assert each.dtype == np.float32
    assert (each[pool[0]] > 0).all() or exploration < 1e-30
