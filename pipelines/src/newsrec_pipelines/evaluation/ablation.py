"""What is switched off, one at a time: each source of candidates, feature group and score."""

from typing import Final

from newsrec_pipelines.evaluation.evaluated_lists import Part
from newsrec_pipelines.models.blend import SCORERS, SOURCES, column_groups
from newsrec_pipelines.parameters import Params

# What the plain LambdaMART may look at: counters, freshness, and the exposure history.
COUNTERS: Final = frozenset({"age", "clicks", "exposures", "exposure_history", "list"})


def parts(params: Params) -> list[Part]:
    """What ours has: parts that params switch off already are no parts of it."""
    counts = params.candidates.model_dump()
    groups = [g for g in column_groups() if g not in params.ranker.off]
    return [
        *(Part("source", name) for name in SOURCES if counts[name]),
        *(Part("features", group) for group in groups if group not in SCORERS),
        *(Part("scorer", group) for group in groups if group in SCORERS),
    ]


def not_counters() -> tuple[str, ...]:
    """The groups of columns that the plain LambdaMART does not see."""
    return tuple(group for group in column_groups() if group not in COUNTERS)
