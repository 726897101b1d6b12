"""How far two samples lie apart, and which distance is still usual."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

import numpy as np
import polars as pl
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

from newsrec_pipelines.parameters import DriftParams

Method = Literal["jensenshannon", "wasserstein"]  # as Evidently names them
_LEAST_DEVIATION: Final = 0.001  # as Evidently has it


@dataclass(frozen=True)
class Distance:
    """How far a day lies from the days before it.

    Attributes:
        column: what was compared.
        method: of the distance.
        value: Jensen-Shannon distance of shares (natural logarithm), or the Wasserstein distance
            in standard deviations of the reference.
        threshold: the largest distance that is still usual.
    """

    column: str
    method: Method
    value: float
    threshold: float

    @property
    def drifted(self) -> bool:
        """Whether it is larger than usual."""
        return self.value >= self.threshold


def method_of(values: pl.Series) -> Method:
    """Numbers by how far they must be moved, everything else by its shares."""
    return "wasserstein" if values.dtype.is_numeric() else "jensenshannon"


def distance(reference: pl.Series, current: pl.Series) -> float:
    """How far two samples lie apart, by `method_of`; the same numbers as Evidently's.

    Both must hold a value; nulls do not count.
    """
    reference, current = reference.drop_nulls(), current.drop_nulls()
    if method_of(reference) == "wasserstein":
        deviation = max(float(np.std(reference.to_numpy())), _LEAST_DEVIATION)
        return float(wasserstein_distance(reference.to_numpy(), current.to_numpy()) / deviation)
    names = pl.concat([reference, current]).unique().sort()
    shares = [
        names.to_frame("name")
        .join(s.to_frame("name").group_by("name").len(), on="name", how="left")
        .sort("name")["len"]
        .fill_null(0)
        .to_numpy()
        / s.len()
        for s in (reference, current)
    ]
    # Rounding may make the square of a distance of nothing negative.
    return float(np.nan_to_num(jensenshannon(*shares)))


def compare(
    column: str, by_day: Mapping[date, pl.Series], day: date, params: DriftParams
) -> Distance | None:
    """The distance of `day` from the other days together, against what is usual among these.

    Each of the other days is compared with the rest of them in the same way: their largest distance
    says how far days lie apart with nothing having happened, whatever their size.

    Args:
        column: its name.
        by_day: values of `day` and of the days before it.
        day: the day.
        params: of drift.

    Returns:
        None with fewer than `mix_days` other days, or without any value.
    """
    there = {d: s.drop_nulls() for d, s in by_day.items()}
    before = {d: s for d, s in there.items() if d < day and not s.is_empty()}
    today = there.get(day)
    if today is None or today.is_empty() or len(before) < params.mix_days:
        return None
    usual = [
        distance(pl.concat([s for other, s in before.items() if other != d]), values)
        for d, values in before.items()
    ]
    value = distance(pl.concat(list(before.values())), today)
    threshold = max(params.least_distance, params.above_usual * max(usual))
    return Distance(column, method_of(today), value, threshold)
