"""Model drift: the dwell that a version realised, and what was to be expected of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import mean, stdev
from typing import Final

from newsrec_pipelines.monitoring.quality import Quality
from newsrec_pipelines.parameters import MonitoringParams

# Of a variant's impressions of a day: a few hours of serving are no whole day.
_MOST: Final = 0.8
_DEVIATIONS: Final = 2.0


@dataclass(frozen=True)
class Expectation:
    """What a version realised on a day, and what was to be expected.

    Attributes:
        realised: mean dwell of a reader in seconds, with its interval.
        expected: mean of the reference days.
        least: what a usual day does not fall below.
        days: reference days.
        of: which days these are, in words.
    """

    realised: Quality
    expected: float
    least: float
    days: int
    of: str

    @property
    def degraded(self) -> bool:
        """Whether it is certainly below: the whole interval, and by more than usual days differ."""
        value, high = self.realised.dwell, self.realised.high
        return value is not None and high is not None and max(value, high) < self.least


def evaluate(
    history: Sequence[Quality],
    day: date,
    params: MonitoringParams,
    suspects: Collection[str] = (),
) -> list[Expectation]:
    """What was to be expected of each variant's version of a day.

    The same weekdays of the last weeks are the reference when there are enough of them, else the
    last days. Only days count on which one version served (nearly) the whole variant, and not those
    of a suspect: a bad version must not become what is expected of it.

    Usual is what lies within two standard deviations of the reference days. When these differ
    widely, hardly any day would be unusual; of a suspect it is then enough to be below each of
    them.

    Args:
        history: realised quality of the day and of the days before.
        day: the day.
        params: how much must be known.
        suspects: versions whose promotion may have been a mistake.

    Returns:
        Variants of which something can be said, by name.
    """
    mains = _mains(history, params.least_readers)
    found = []
    for variant in sorted({v for _, v in mains}):
        today = mains.get((day, variant))
        if today is None or today.dwell is None:
            continue
        before = {
            q.day: q.dwell
            for (d, v), q in mains.items()
            if v == variant
            and d < day
            and q.dwell is not None
            and not (q.model_version in suspects and q.model_version == today.model_version)
        }
        if reference := _reference(before, day, params):
            values, of = reference
            expected = mean(values)
            usual = expected - _DEVIATIONS * (stdev(values) if len(values) > 1 else 0.0)
            if today.model_version in suspects:
                usual = max(usual, min(values))
            least = min(expected * (1 - params.dwell_tolerance), usual)
            found.append(Expectation(today, expected, least, len(values), of))
    return found


def _mains(history: Sequence[Quality], least_readers: int) -> Mapping[tuple[date, str], Quality]:
    """The version that served each day and variant, if it was one with enough readers."""
    shown: dict[tuple[date, str], int] = {}
    for q in history:
        shown[q.day, q.variant] = shown.get((q.day, q.variant), 0) + q.impressions
    return {
        (q.day, q.variant): q
        for q in history
        if q.readers >= least_readers and q.impressions >= _MOST * shown[q.day, q.variant]
    }


def _reference(
    before: Mapping[date, float], day: date, params: MonitoringParams
) -> tuple[list[float], str] | None:
    checks = params.checks
    weeks = [day - timedelta(weeks=n) for n in range(1, checks.usual_weeks + 1)]
    same = [before[d] for d in weeks if d in before]
    if len(same) >= max(checks.least_weekdays, params.least_days):
        return same, f"{day:%A}s"
    last = [day - timedelta(days=n) for n in range(1, params.reference_days + 1)]
    values = [before[d] for d in last if d in before]
    return (values, "days") if len(values) >= params.least_days else None
