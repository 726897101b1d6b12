"""Sources that deliver on most days, and did not on this one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from newsrec_pipelines.monitoring.volume import usual
from newsrec_pipelines.parameters import CheckParams


@dataclass(frozen=True)
class Silence:
    """What is missing of a day.

    Attributes:
        sources: that delivered nothing, those with most articles first.
        share: how much of all articles usually comes from them, 0 to 1.
    """

    sources: tuple[str, ...]
    share: float


def silent(
    counts: Mapping[date, Mapping[str, int]], day: date, params: CheckParams
) -> Silence | None:
    """Sources with at least `source_articles` on a usual day, and none on this one.

    Args:
        counts: articles of each source on each day; a source that is missing on a day has 0.
        day: the day that is looked at.
        params: how far to look back, and for whom to wait.

    Returns:
        None while there is not enough history.
    """
    before = [d for d in counts if d < day]
    names = {name for d in before for name in counts[d]}
    expected = {}
    for name in names:
        found = usual({d: counts[d].get(name, 0) for d in before}, day, params)
        if found is None:
            return None
        expected[name] = found.count
    if not expected:
        return None
    today = counts.get(day, {})
    missing = {
        n: c for n, c in expected.items() if c >= params.source_articles and not today.get(n)
    }
    ordered = sorted(missing, key=lambda n: (-missing[n], n))
    everything = sum(expected.values())
    return Silence(tuple(ordered), sum(missing.values()) / everything if everything else 0.0)
