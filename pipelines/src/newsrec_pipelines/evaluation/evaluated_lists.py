"""What each system was worth on each list: what the numbers of a back-test are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import numpy as np
import polars as pl

from newsrec_pipelines.evaluation.metrics import Values


class Part(NamedTuple):
    """Something that the model was made without, to see what it pays.

    Attributes:
        kind: ``source``, ``features`` or ``scorer``.
        name: of the source of candidates, group of features or scorer.
    """

    kind: str
    name: str


@dataclass(frozen=True)
class EvaluatedLists:
    """Lists (shown ones, or a reader's slate of a day) and each system's metrics on them.

    Attributes:
        metrics: the columns of `values` and `without`.
        lists: one row a list: ``user_id``, ``day``, ``region``, ``cold_reader`` and
            ``cold_article`` (see `slices`).
        values: system -> shape (lists, metrics); NaN where a list gives no value.
        without: what was left out of ours -> likewise; NaN where ours was not evaluated without it.
        of_days: system -> metric -> one value a day, for metrics of all slates of a day together.
        counts: what there was to evaluate by.
    """

    metrics: tuple[str, ...]
    lists: pl.DataFrame
    values: Mapping[str, Values]
    without: Mapping[Part, Values] = field(default_factory=dict)
    of_days: Mapping[str, Mapping[str, list[float]]] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def concat(cls, days: Sequence[Self]) -> Self:
        """All days in one; they are of the same systems and metrics."""
        first = days[0]
        parts = dict.fromkeys(part for day in days for part in day.without)
        return cls(
            metrics=first.metrics,
            lists=pl.concat([d.lists for d in days]),
            values={s: np.concatenate([d.values[s] for d in days]) for s in first.values},
            without={p: np.concatenate([d.values_without(p) for d in days]) for p in parts},
            of_days={
                system: {m: [v for d in days for v in d.of_days[system][m]] for m in metrics}
                for system, metrics in first.of_days.items()
            },
            counts={name: sum(d.counts[name] for d in days) for name in first.counts},
        )

    def values_without(self, part: Part) -> Values:
        """Shape (lists, metrics); NaN when ours was not evaluated without the part."""
        nothing = np.full((self.lists.height, len(self.metrics)), np.nan)
        return self.without.get(part, nothing)
