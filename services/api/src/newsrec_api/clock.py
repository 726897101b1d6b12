"""What time it is: a dependency, so that a simulated world can live in its own time."""

from collections.abc import Callable
from datetime import UTC, datetime

from newsrec_api.settings import Settings

Clock = Callable[[], datetime]


def real_time() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


def clock(settings: Settings) -> Clock:
    """The real time, or a time that began at `clock_start` and ticks since."""
    if settings.clock_start is None:
        return real_time
    offset = settings.clock_start - (settings.clock_began or real_time())
    return lambda: real_time() + offset
