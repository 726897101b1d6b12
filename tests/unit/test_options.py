"""A moment needs its offset and becomes UTC; days and moments stay in years that data can have."""

from datetime import UTC, date, datetime

import click
import pytest

from newsrec_pipelines.options import DAY, MOMENT, day_range


@pytest.mark.parametrize("text", ["2026-03-06T02:30:00+02:30", "2026-03-06T00:00:00Z"])
def test_a_moment_becomes_utc(text: str) -> None:
    assert MOMENT.convert(text, None, None) == datetime(2026, 3, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "why"), [("2026-03-06T00:00:00", "no offset"), ("soon", "not an ISO time")]
)
def test_anything_else_is_refused(text: str, why: str) -> None:
    with pytest.raises(click.BadParameter, match=why):
        MOMENT.convert(text, None, None)


@pytest.mark.parametrize("year", ["0001", "1970", "3000", "9999"])
def test_years_that_no_data_can_have_are_refused(year: str) -> None:
    with pytest.raises(click.BadParameter, match="years 1971 to 2999"):
        DAY.convert(f"{year}-12-31", None, None)
    with pytest.raises(click.BadParameter, match="years 1971 to 2999"):
        MOMENT.convert(f"{year}-12-31T23:59:59-12:00", None, None)


FIRST, LAST = datetime(2026, 3, 6), datetime(2026, 3, 8)  # noqa: DTZ001 - as click gives them


def test_a_range_of_days_is_one_day_or_two_ends() -> None:
    assert day_range(FIRST, None, None) == (date(2026, 3, 6), date(2026, 3, 6))
    assert day_range(None, FIRST, LAST) == (date(2026, 3, 6), date(2026, 3, 8))
    assert day_range(None, FIRST, FIRST) == (date(2026, 3, 6), date(2026, 3, 6))


@pytest.mark.parametrize(
    "days",
    [
        *((None, None, None), (FIRST, FIRST, None), (FIRST, None, LAST), (FIRST, FIRST, LAST)),
        *((None, FIRST, None), (None, None, LAST), (None, LAST, FIRST)),
    ],
)
def test_any_other_range_is_refused(days: tuple[datetime | None, ...]) -> None:
    with pytest.raises(click.UsageError):
        day_range(*days)
