"""What is usual on a day: the same weekdays, else the last days, else nobody knows."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsrec_pipelines.monitoring.checks import NO_HISTORY, volume_checks
from newsrec_pipelines.monitoring.sources import silent
from newsrec_pipelines.monitoring.volume import bounds, usual
from newsrec_pipelines.parameters import CheckParams

DAY = date(2026, 3, 29)  # a Sunday
PARAMS = CheckParams()


def before(*counts: int) -> dict[date, int]:
    """Counts of the days before DAY, the last one first."""
    return {DAY - timedelta(days=n): count for n, count in enumerate(counts, 1)}


def test_sundays_are_compared_with_sundays() -> None:
    counts = {DAY - timedelta(days=n): 300 if n % 7 == 0 else 1000 for n in range(1, 29)}

    found = usual(counts, DAY, PARAMS)

    assert found is not None
    assert (found.count, found.days, found.of) == (300, 4, "Sundays")


def test_with_few_sundays_the_last_days_are_usual() -> None:
    found = usual(before(*[100] * 6, 10, 5000), DAY, PARAMS)

    assert found is not None
    assert (found.count, found.days, found.of) == (100, 7, "days")


def test_two_days_are_no_history() -> None:
    assert usual(before(100, 100), DAY, PARAMS) is None


@given(
    st.lists(st.integers(0, 10**6), min_size=3, max_size=40),
    st.integers(0, 10**6),
    st.floats(0.01, 0.99),
)
def test_what_is_usual_lies_between_the_counts_and_ignores_the_day_itself(
    counts: list[int], today: int, fewer: float
) -> None:
    params = CheckParams(fewer=fewer)
    found = usual(before(*counts), DAY, params)

    assert found is not None
    assert min(counts) <= found.count <= max(counts)
    low, high = bounds(found, params)
    assert low <= found.count <= high
    later = {DAY: today, DAY + timedelta(days=1): today}
    assert usual(before(*counts) | later, DAY, params) == found


@pytest.mark.parametrize(
    ("today", "passed", "severity", "words"),
    [
        (49, False, "error", "fewer articles than expected: 49, 100 are usual"),
        (50, True, "error", "50 articles"),
        (200, True, "error", "200 articles"),
        (201, False, "warning", "more articles than expected"),
    ],
)
def test_fewer_stop_and_more_warn(today: int, passed: bool, severity: str, words: str) -> None:
    (found,) = volume_checks("articles", before(*[100] * 7) | {DAY: today}, DAY, PARAMS)

    assert (found.passed, found.severity) == (passed, severity)
    assert found.detail.startswith(words)
    assert found.stops == (today == 49)


def test_no_reads_stop_even_on_the_first_day() -> None:
    (reads,) = volume_checks("reads", {}, DAY, PARAMS)
    (lists,) = volume_checks("impressions", {}, DAY, PARAMS)

    assert (reads.stops, reads.detail) == (True, "no reads")
    assert lists.passed
    assert NO_HISTORY in lists.detail


def test_a_source_that_delivers_every_day_is_missed_and_a_small_one_is_not() -> None:
    usually = {"big": 60, "middle": 30, "small": 1}
    days = {DAY - timedelta(days=n): usually for n in range(1, 8)}

    found = silent({**days, DAY: {"big": 10}}, DAY, PARAMS)

    assert found is not None
    assert found.sources == ("middle",)
    assert found.share == pytest.approx(30 / 91)
    assert silent({**days, DAY: usually}, DAY, PARAMS).sources == ()  # type: ignore[union-attr]
    assert silent({DAY: usually}, DAY, PARAMS) is None
