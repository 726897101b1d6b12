"""Distances between samples: their laws, and what they call unusual."""

from datetime import date, timedelta

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from newsrec_pipelines.monitoring import mixes
from newsrec_pipelines.parameters import DriftParams

DAY = date(2026, 3, 10)
PARAMS = DriftParams()
names = st.lists(st.sampled_from("abcde"), min_size=1, max_size=50)
numbers = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=50)


@given(names, names)
def test_the_distance_of_names_is_symmetric_bounded_and_nothing_for_equal_shares(
    one: list[str], other: list[str]
) -> None:
    a, b = pl.Series(one), pl.Series(other)
    distance = mixes.distance(a, b)

    assert 0 <= distance <= np.sqrt(np.log(2)) + 1e-9
    assert abs(distance - mixes.distance(b, a)) < 1e-9
    assert mixes.distance(a, pl.concat([a, a])) < 1e-6
    if not set(one) & set(other):
        assert distance > 0.83


@given(numbers, st.floats(-100, 100))
def test_numbers_that_are_moved_lie_as_far_as_they_were_moved(
    values: list[float], by: float
) -> None:
    series = pl.Series(values)
    deviation = max(float(np.std(series.to_numpy())), 0.001)

    moved = mixes.distance(series, series + by)

    assert abs(moved - abs(by) / deviation) < 1e-6 * (1 + abs(by) / deviation)


def days(*shares: float) -> dict[date, pl.Series]:
    """Days of 1,000 values, of which these shares are sport; the last one is DAY."""
    last = len(shares) - 1
    return {
        DAY - timedelta(days=last - n): pl.Series(
            ["sport"] * round(1000 * s) + ["other"] * (1000 - round(1000 * s))
        )
        for n, s in enumerate(shares)
    }


def test_a_day_like_the_others_is_usual_and_another_one_is_not() -> None:
    usual = mixes.compare("category", days(0.3, 0.3, 0.3, 0.3, 0.3, 0.32), DAY, PARAMS)
    unusual = mixes.compare("category", days(0.3, 0.3, 0.3, 0.3, 0.3, 0.6), DAY, PARAMS)

    assert usual is not None
    assert unusual is not None
    assert (usual.drifted, unusual.drifted) == (False, True)
    assert usual.threshold == PARAMS.least_distance


def test_where_days_differ_much_a_day_may_differ_as_much() -> None:
    found = mixes.compare("category", days(0.2, 0.6, 0.2, 0.6, 0.2, 0.6), DAY, PARAMS)

    assert found is not None
    assert found.threshold > 0.3
    assert not found.drifted


def test_what_is_usual_is_how_far_the_farthest_day_lies_from_the_others_without_it() -> None:
    found = mixes.compare("category", days(0.3, 0.3, 0.3, 0.3, 0.6, 0.3), DAY, PARAMS)
    (three, *_, six, _) = days(0.3, 0.3, 0.3, 0.3, 0.6, 0.3).values()

    assert found is not None
    assert abs(found.threshold - PARAMS.above_usual * mixes.distance(three, six)) < 1e-9


def test_few_days_or_an_empty_one_tell_nothing() -> None:
    assert mixes.compare("category", days(0.3, 0.3, 0.3, 0.3, 0.9), DAY, PARAMS) is None
    nothing = {**days(*[0.3] * 7), DAY: pl.Series([None], dtype=pl.String)}
    assert mixes.compare("category", nothing, DAY, PARAMS) is None
