"""Variants that breach their guard, by their realised quality beside the champion's."""

from collections.abc import Iterable, Sequence

from newsrec_pipelines.monitoring.quality import Quality
from newsrec_pipelines.parameters import VariantParams
from newsrec_pipelines.rollout.guards import Day, breached
from newsrec_pipelines.rollout.variants import CHAMPION, Variant


def breaches(
    variants: Iterable[Variant], history: Sequence[Quality], params: VariantParams
) -> dict[str, str]:
    """Names of the variants that have to end, and why.

    Args:
        variants: those that hold.
        history: realised quality of the last days.
        params: the guards.
    """
    champion = _days(q for q in history if q.variant == CHAMPION)
    found = {}
    for variant in variants:
        # Another version may have had the name before.
        mine = [
            q
            for q in history
            if q.variant == variant.name and q.model_version == variant.model_version
        ]
        if why := breached(_days(mine), champion, params):
            found[variant.name] = why
    return found


def _days(rows: Iterable[Quality]) -> list[Day]:
    """One row a day: the version with the most readers."""
    best: dict[object, Quality] = {}
    for q in rows:
        if q.day not in best or q.readers > best[q.day].readers:
            best[q.day] = q
    return [Day(q.day, q.readers, q.dwell, q.low, q.high) for q in best.values()]
