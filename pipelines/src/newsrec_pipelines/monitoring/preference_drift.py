"""Whether readers still like what they used to like: each one against her own days before."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from newsrec_pipelines.parameters import DriftParams

_NORMAL_95 = 1.96


@dataclass(frozen=True)
class Preference:
    """How much a reader's own past decides what she opens of a list, over the readers of a day.

    Attributes:
        day: the day.
        readers: who opened something, and whose habits are known.
        score: sum of the score of the likelihood at zero.
        information: sum of its information.
        error: standard error of `value`; readers are independent of each other, lists are not.
    """

    day: date
    readers: int
    score: float
    information: float
    error: float

    @property
    def value(self) -> float:
        """Log odds of being opened that a category gains when all her views were of it."""
        return self.score / self.information


@dataclass(frozen=True)
class Lost:
    """How much of the usual preference is gone on a day.

    Attributes:
        share: 0 is none, 1 all of it; below 0 it has grown.
        at_least: the low end of its interval.
        days: usual days that it is compared with.
    """

    share: float
    at_least: float
    days: int


def preferences(
    opened: pl.DataFrame, places: pl.DataFrame, params: DriftParams
) -> dict[date, Preference]:
    """The preference of each day on which enough readers can be evaluated.

    A conditional logit (McFadden 1974) of which place of a list is opened, with one variable: the
    share that the article's category had among the reader's views of the `taste_days` before. It is
    estimated by one Newton step from zero, which only needs sums. Places are weighted by how often
    they are opened in all lists: else what our slates put on top would look liked. The list is
    given: neither what was on offer nor how well it was chosen counts, only what the reader chose
    of it. And the mix of categories over all readers may stay the same while each one's moves.

    Args:
        opened: views (`observed.Observed`).
        places: places of lists, likewise.
        params: how much must be known of how many readers.
    """
    attention = (
        places.group_by("position").agg(weight=pl.col("opened").mean()).filter(pl.col("weight") > 0)
    )
    found = {}
    for day in places["day"].unique().sort():
        if preference := _of_day(day, opened, places, attention, params):
            found[day] = preference
    return found


def lost(found: dict[date, Preference], day: date, params: DriftParams) -> Lost | None:
    """How much of the preference of the days before is gone; None when nobody can tell.

    Nobody can where readers show no preference on usual days, or where there are too few days.
    """
    first = day - timedelta(days=params.reference_days)
    before = [p for d, p in found.items() if first <= d < day]
    today = found.get(day)
    information = sum(p.information for p in before)
    if today is None or len(before) < params.least_days or not information:
        return None
    usual = sum(p.score for p in before) / information
    error = float(np.sqrt(sum((p.error * p.information) ** 2 for p in before))) / information
    if usual - _NORMAL_95 * error <= 0:
        return None
    high = today.value + _NORMAL_95 * today.error
    return Lost(1 - today.value / usual, 1 - high / usual, len(before))


def _of_day(
    day: date,
    opened: pl.DataFrame,
    places: pl.DataFrame,
    attention: pl.DataFrame,
    params: DriftParams,
) -> Preference | None:
    first = day - timedelta(days=params.taste_days)
    past = opened.filter(pl.col("day").is_between(first, day, closed="left"))
    known = past.group_by("user_id").len("views").filter(pl.col("views") >= params.taste_views)
    habits = past.group_by("user_id", "category").len("of_category")
    lists = (
        places.filter(pl.col("day") == day)
        .join(known, on="user_id")
        .join(attention, on="position", nulls_equal=True)
        .join(habits, on=["user_id", "category"], how="left")
        .with_columns(habit=pl.col("of_category").fill_null(0) / pl.col("views"))
    )
    weight, habit = pl.col("weight"), pl.col("habit")
    readers = (
        lists.group_by("user_id", "impression_id")
        .agg(
            clicks=pl.col("opened").sum(),
            chosen=habit.filter("opened").sum(),
            mean=(habit * weight).sum() / weight.sum(),
            square=(habit**2 * weight).sum() / weight.sum(),
        )
        .filter(pl.col("clicks") > 0)
        .group_by("user_id")
        .agg(
            score=(pl.col("chosen") - pl.col("clicks") * pl.col("mean")).sum(),
            information=(pl.col("clicks") * (pl.col("square") - pl.col("mean") ** 2)).sum(),
        )
        .sort("user_id")
    )
    information = float(readers["information"].sum())
    if readers.height < params.taste_readers or information <= 0:
        return None
    score = float(readers["score"].sum())
    rest = readers["score"] - score / information * readers["information"]
    error = float(np.sqrt((rest.to_numpy() ** 2).sum())) / information
    return Preference(day, readers.height, score, information, error)
