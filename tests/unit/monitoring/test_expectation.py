"""What is expected of a version, and what is certainly below it."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsrec_pipelines.monitoring.expectation import evaluate
from newsrec_pipelines.monitoring.quality import Quality
from newsrec_pipelines.parameters import MonitoringParams

DAY = date(2026, 3, 29)
PARAMS = MonitoringParams()


def served(
    ago: int,
    dwell: float | None,
    *,
    version: str = "v1",
    variant: str = "champion",
    width: float = 4.0,
    readers: int = 200,
    impressions: int = 400,
) -> Quality:
    """What a version realised some days before DAY."""
    ends = (None, None) if dwell is None else (dwell - width / 2, dwell + width / 2)
    day = DAY - timedelta(days=ago)
    return Quality(day, version, variant, 250, readers, impressions, 99, dwell, *ends)


def week(dwell: float = 50.0) -> list[Quality]:
    """Seven days before DAY that differ a little."""
    return [served(n, dwell + n % 3 - 1) for n in range(1, 8)]


@pytest.mark.parametrize(
    ("dwell", "width", "degraded"),
    [(50.0, 4.0, False), (44.0, 4.0, False), (30.0, 4.0, True), (30.0, 40.0, False)],
    ids=["usual", "within the tolerance", "far below", "far below by chance, perhaps"],
)
def test_only_what_is_certainly_below_is_degraded(
    dwell: float, width: float, degraded: bool
) -> None:
    (found,) = evaluate([*week(), served(0, dwell, width=width)], DAY, PARAMS)

    assert found.degraded == degraded
    assert found.days == 7
    assert found.expected == pytest.approx(50, abs=0.5)


def test_where_days_differ_much_more_is_usual() -> None:
    restless = [served(n, 30.0 if n % 2 else 70.0) for n in range(1, 8)]
    (found,) = evaluate([*restless, served(0, 30.0)], DAY, PARAMS)

    assert not found.degraded


@pytest.mark.parametrize(("dwell", "degraded"), [(30.0, False), (27.0, True)])
def test_a_suspect_below_each_of_restless_days_is_degraded(dwell: float, degraded: bool) -> None:
    restless = [served(n, 30.0 if n % 2 else 70.0) for n in range(1, 8)]
    history = [*restless, served(0, dwell, version="v2")]

    assert [e.degraded for e in evaluate(history, DAY, PARAMS, suspects=["v2"])] == [degraded]
    assert [e.degraded for e in evaluate(history, DAY, PARAMS)] == [False]


def test_a_suspect_is_not_expected_to_be_as_bad_as_it_was() -> None:
    bad = [served(n, 20.0, version="bad") for n in range(4)]
    history = [*bad, *(served(n, 50.0) for n in range(4, 8))]

    (found,) = evaluate(history, DAY, PARAMS, suspects=["bad"])

    assert (found.expected, found.days, found.degraded) == (50.0, 4, True)


def test_same_weekdays_are_the_reference_once_there_are_enough() -> None:
    history = [served(n, 30.0 if n % 7 == 0 else 60.0) for n in range(1, 29)]
    (found,) = evaluate([*history, served(0, 30.0)], DAY, PARAMS)

    assert (found.expected, found.of, found.degraded) == (30.0, "Sundays", False)


@pytest.mark.parametrize(
    "today",
    [
        [served(0, 20.0, readers=PARAMS.least_readers - 1)],
        [served(0, None)],
        [served(0, 20.0, impressions=100), served(0, 50.0, version="v2", impressions=100)],
        [],
    ],
    ids=["few readers", "no dwell", "two versions took turns", "no slates"],
)
def test_a_day_that_cannot_be_judged_is_not(today: list[Quality]) -> None:
    assert evaluate([*week(), *today], DAY, PARAMS) == []


def test_two_days_of_a_variant_are_no_reference() -> None:
    new = [served(n, 50.0 if n else 5.0, variant="challenger") for n in range(3)]

    assert evaluate(new, DAY, PARAMS) == []


@given(
    st.lists(st.floats(1, 1000), min_size=3, max_size=7),
    st.floats(0, 1000),
    st.floats(0, 500),
)
def test_nobody_who_reads_more_is_degraded(
    reference: list[float], dwell: float, more: float
) -> None:
    before = [served(n, d) for n, d in enumerate(reference, 1)]
    (low,) = evaluate([*before, served(0, dwell)], DAY, PARAMS)
    (high,) = evaluate([*before, served(0, dwell + more)], DAY, PARAMS)

    assert low.degraded >= high.degraded
    assert not evaluate([*before, served(0, max(reference))], DAY, PARAMS)[0].degraded
    assert low.least <= low.expected
