"""The mean over readers and its interval, out of how many have each value."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsrec_pipelines.monitoring.quality import mean_of_counts
from newsrec_pipelines.parameters import BacktestParams

PARAMS = BacktestParams(bootstrap=300)


def mean(
    values: list[float], counts: list[int], seed: int = 7
) -> tuple[float | None, float | None, float | None]:
    return mean_of_counts(np.array(values, float), np.array(counts, int), PARAMS, seed)


@given(
    st.lists(st.tuples(st.floats(0, 7200), st.integers(1, 50)), min_size=1, max_size=20).filter(
        lambda pairs: sum(n for _, n in pairs) > 1
    )
)
def test_the_interval_holds_the_mean_and_stays_among_the_values(
    pairs: list[tuple[float, int]],
) -> None:
    values, counts = [v for v, _ in pairs], [n for _, n in pairs]
    point, low, high = mean(values, counts)

    assert point == pytest.approx(np.average(values, weights=counts))
    assert low is not None
    assert high is not None
    assert min(values) - 1e-6 <= low <= high <= max(values) + 1e-6


def test_it_is_as_wide_as_the_bootstrap_over_readers_one_by_one() -> None:
    rng = np.random.default_rng(3)
    readers = np.where(rng.random(400) < 0.6, 0.0, rng.gamma(2, 20, 400).round(1))
    values, counts = np.unique(readers, return_counts=True)
    drawn = rng.choice(readers, (4000, 400)).mean(axis=1)

    _, low, high = mean(values.tolist(), counts.tolist())

    assert (low, high) == pytest.approx(tuple(np.percentile(drawn, [2.5, 97.5])), rel=0.08)


def test_nobody_has_no_mean_and_one_reader_no_interval() -> None:
    assert mean([], []) == (None, None, None)
    assert mean([5.0], [1]) == (5.0, None, None)
    assert mean([1.0, 9.0], [50, 50]) == mean([1.0, 9.0], [50, 50])
