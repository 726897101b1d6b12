"""When a variant is so much worse than the champion that its readers go back by themselves."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from newsrec_pipelines.parameters import VariantParams


@dataclass(frozen=True)
class Day:
    """What the readers of one variant did on one day, as in `realised_quality`.

    Attributes:
        day: that the slates were for.
        readers: who were shown a slate.
        dwell: seconds of a reader on average; None when nobody's is known.
        low: lower end of its interval; None when there is none.
        high: upper end.
    """

    day: date
    readers: int
    dwell: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class _Pair:
    """One day of both: seconds, and half of the interval of the difference."""

    readers: int
    difference: float
    usual: float
    half: float


def breached(variant: Sequence[Day], champion: Sequence[Day], params: VariantParams) -> str | None:
    """Why the variant has to end, in one line; None while it may go on.

    It has to when its readers' dwell lies below the champion's by more than ``margin``, and surely
    below it: the whole interval of the difference does. Both groups are compared day by day, since
    days differ, over the last ``days`` on which both have a mean and its interval; a day counts by
    the variant's readers. Half intervals add up as standard deviations do, as if groups and days
    were independent.

    Args:
        variant: its days, in any order, one row a day.
        champion: those of the champion.
        params: the section ``variants`` of params.yaml.
    """
    pairs = _pairs(variant, champion)[-params.days :]
    readers = sum(pair.readers for pair in pairs)
    if not pairs or readers < params.least_readers:
        return None
    usual = sum(pair.readers * pair.usual for pair in pairs) / readers
    difference = sum(pair.readers * pair.difference for pair in pairs) / readers
    half = math.hypot(*(pair.readers * pair.half for pair in pairs)) / readers
    if usual <= 0 or difference >= -params.margin * usual or difference + half >= 0:
        return None
    return (
        f"{usual + difference:.1f} s of dwell a reader, {-difference / usual:.0%} below the "
        f"champion's {usual:.1f} s (difference {difference:.1f} s, {difference - half:.1f} to "
        f"{difference + half:.1f}; {readers} readers in {len(pairs)} "
        f"{'day' if len(pairs) == 1 else 'days'})"
    )


def _pairs(variant: Sequence[Day], champion: Sequence[Day]) -> list[_Pair]:
    """Days of which both are known, in order."""
    others = {day.day: day for day in champion}
    pairs = []
    for one in sorted(variant, key=lambda day: day.day):
        other = others.get(one.day)
        if other is None or one.dwell is None or other.dwell is None:
            continue
        half, half_of_other = _half(one), _half(other)
        if half is not None and half_of_other is not None:
            both = math.hypot(half, half_of_other)
            pairs.append(_Pair(one.readers, one.dwell - other.dwell, other.dwell, both))
    return pairs


def _half(day: Day) -> float | None:
    return None if day.low is None or day.high is None else (day.high - day.low) / 2
