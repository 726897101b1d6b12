"""Types of the options that stages share: a day, and a moment of UTC."""

from datetime import UTC, datetime
from typing import Any

import click

DAY = click.DateTime(["%Y-%m-%d"])


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
        return moment.astimezone(UTC)


MOMENT = Moment()
