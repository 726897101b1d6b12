"""Drift of readers and articles on a day: their mixes, and each reader's own taste."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import polars as pl

from newsrec_pipelines.monitoring import mixes, preference_drift
from newsrec_pipelines.monitoring.mixes import Distance
from newsrec_pipelines.monitoring.observed import Observed, sampled
from newsrec_pipelines.parameters import DriftParams

PREFERENCE_DRIFT: Final = "preference_drift"


@dataclass(frozen=True)
class Finding:
    """One row of the table drift.

    Attributes:
        subject: readers, articles or model.
        name: of the column or measure.
        method: how it was measured.
        value: the distance, or the share that is lost.
        threshold: from which on it is drift.
        drifted: whether it is.
        detail: in words.
    """

    subject: str
    name: str
    method: str
    value: float | None
    threshold: float | None
    drifted: bool
    detail: str


@dataclass(frozen=True)
class Compared:
    """A day beside the days before it.

    Attributes:
        subject: readers or articles.
        reference: rows of the days before.
        current: rows of the day.
        distances: of the columns that could be compared.
    """

    subject: str
    reference: pl.DataFrame
    current: pl.DataFrame
    distances: tuple[Distance, ...]


def compare(observed: Observed, day: date, params: DriftParams, seed: int) -> list[Compared]:
    """Readers' views and articles of the day beside those of the days before."""
    opened = observed.opened.select(
        "day",
        "category",
        "publisher",
        "language",
        # An hour is a name: 23 and 0 are neighbours.
        hour=pl.col("hour").cast(pl.String).str.zfill(2),
        log_dwell=pl.col("dwell_seconds").log1p().cast(pl.Float64),
    )
    articles = observed.articles.select(
        "day", "category", "publisher", "language", log_length=pl.col("length").log1p()
    )
    return [
        _compared("readers", opened, day, params, seed),
        _compared("articles", articles, day, params, seed),
    ]


def findings(compared: list[Compared]) -> list[Finding]:
    """Rows of the table out of distances."""
    return [
        Finding(
            c.subject,
            d.column,
            d.method,
            d.value,
            d.threshold,
            d.drifted,
            f"{d.column} of {c.subject} lies {d.value:.3f} from the days before, "
            f"up to {d.threshold:.3f} is usual",
        )
        for c in compared
        for d in c.distances
    ]


def of_preferences(observed: Observed, day: date, params: DriftParams) -> Finding | None:
    """Whether readers still choose by their own past; None when nobody can tell.

    It is drift when more than `taste_lost` of the preference is gone with confidence: at the low
    end of the interval.
    """
    found = preference_drift.preferences(observed.opened, observed.places, params)
    lost = preference_drift.lost(found, day, params)
    if lost is None:
        return None
    return Finding(
        "readers",
        PREFERENCE_DRIFT,
        "conditional logit",
        lost.at_least,
        params.taste_lost,
        lost.at_least >= params.taste_lost,
        f"{lost.share:.0%} (at least {lost.at_least:.0%}) of the preference for the categories "
        f"that {found[day].readers} readers used to open is gone",
    )


def _compared(
    subject: str, rows: pl.DataFrame, day: date, params: DriftParams, seed: int
) -> Compared:
    first = day - timedelta(days=params.reference_days)
    window = rows.filter(pl.col("day").is_between(first, day))
    # The same number of rows of each day at the most: a distance depends on the sample's size.
    days = {d: sampled(f, params.sample, seed) for (d,), f in window.group_by("day")}
    before = [days[d] for d in sorted(days) if d < day]
    empty = rows.clear()
    return Compared(
        subject,
        sampled(pl.concat([empty, *before]), params.sample, seed).drop("day"),
        days.get(day, empty).drop("day"),
        tuple(_distances(days, day, params)),
    )


def _distances(
    days: dict[date, pl.DataFrame], day: date, params: DriftParams
) -> Iterator[Distance]:
    for column in next(iter(days.values())).drop("day").columns if days else []:
        by_day = {d: frame[column] for d, frame in sorted(days.items())}
        if found := mixes.compare(column, by_day, day, params):
            yield found
