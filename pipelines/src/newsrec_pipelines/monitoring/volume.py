"""What is usual: the median of the same weekdays before, or of the last days; and what is not."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median

from newsrec_pipelines.parameters import CheckParams


@dataclass(frozen=True)
class Usual:
    """How much is usual on a day.

    Attributes:
        count: the median.
        days: how many days it is the median of.
        of: which days these are, in words.
    """

    count: float
    days: int
    of: str


def usual(counts: Mapping[date, int], day: date, params: CheckParams) -> Usual | None:
    """What was usual before `day`; None while there is not enough history.

    News has its week: the same weekdays of the last `usual_weeks` count, and the last `usual_days`
    only while there are fewer than `least_weekdays` of them.

    Args:
        counts: how many there were on each day. A day that is missing is not known, and is not 0.
        day: the day that is looked at; neither it nor later days count.
        params: how far to look back.
    """
    weeks = [day - timedelta(weeks=n) for n in range(1, params.usual_weeks + 1)]
    same = [counts[d] for d in weeks if d in counts]
    if len(same) >= params.least_weekdays:
        return Usual(median(same), len(same), f"{day:%A}s")
    last = [day - timedelta(days=n) for n in range(1, params.usual_days + 1)]
    found = [counts[d] for d in last if d in counts]
    if len(found) >= params.least_days:
        return Usual(median(found), len(found), "days")
    return None


def bounds(expected: Usual, params: CheckParams) -> tuple[float, float]:
    """The least and the most that are still usual."""
    return expected.count * (1 - params.fewer), expected.count * (1 + params.more)
