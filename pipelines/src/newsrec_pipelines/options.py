"""Options that stages share: a day, a range of days, and a moment of UTC."""

from datetime import UTC, date, datetime
from typing import Any, Final

import click

# Windows reach days and weeks before and after a moment: they must not leave the calendar.
_YEARS: Final = range(1971, 3000)


class Day(click.DateTime):
    """A day of the calendar, as its midnight without offset."""

    def __init__(self) -> None:
        super().__init__(["%Y-%m-%d"])

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Parse the option's text; years that no data can have are refused."""
        day: datetime = super().convert(value, param, ctx)
        if day.year not in _YEARS:
            self.fail(_strange(value), param, ctx)
        return day


class Moment(click.ParamType):
    """An ISO time with offset, converted to UTC."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Parse the option's text; a time without offset could mean anything and is refused."""
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not an ISO time", param, ctx)
        if moment.tzinfo is None:
            self.fail(f"{value!r} has no offset such as +00:00", param, ctx)
        if moment.year not in _YEARS:
            self.fail(_strange(value), param, ctx)
        return moment.astimezone(UTC)


def day_range(
    day: datetime | None, first: datetime | None, last: datetime | None
) -> tuple[date, date]:
    """First and last day of `--date D`, or of `--from D1 --to D2`; anything else is refused."""
    if day and not (first or last):
        return day.date(), day.date()
    if first and last and not day:
        if last < first:
            raise click.UsageError("--to is before --from")
        return first.date(), last.date()
    raise click.UsageError("say --date D, or --from D1 --to D2")


def _strange(value: Any) -> str:
    return f"{str(value)!r} is not in the years {_YEARS.start} to {_YEARS.stop - 1}"


DAY = Day()
MOMENT = Moment()
