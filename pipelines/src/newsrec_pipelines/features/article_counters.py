"""Counters of articles: a row an article and fine bucket, and one an article and day."""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import polars as pl

from newsrec_pipelines.errors import DataError
from newsrec_pipelines.features.raw import MEASURES, STAMP
from newsrec_pipelines.features.rings import Counts, Grid, day_rings, shift_in
from newsrec_pipelines.features.views import available_on, day_start
from newsrec_pipelines.parameters import FeatureParams, Params

_ARTICLES_AT_ONCE = 2_000  # bounds the memory of the dense buckets


def article_activity(
    views: pl.DataFrame, impressions: pl.DataFrame, day: date, params: FeatureParams
) -> pl.DataFrame:
    """What happened with articles on a day.

    Args:
        views: what `features.views.views` returns; only what became known on `day` counts.
        impressions: with `article_ids` and `available_at`; likewise.
        day: the day.
        params: resolution of the buckets.

    Returns:
        One row an article and fine bucket with activity: `article_id`, `slot` (0 is the first
        bucket of the day), and the measures, dwell in whole ms. Sorted by article and bucket.
    """
    zero = {name: pl.lit(0, pl.Int64).alias(name) for name in MEASURES}
    one = pl.lit(1, pl.Int64)
    opened = views.filter(available_on(day, "opened_at")).select(
        "article_id",
        pl.col("opened_at").alias("at"),
        *(zero | {"clicks": one.alias("clicks")}).values(),
    )
    dwelt = views.filter(available_on(day, "dwell_at")).select(
        "article_id",
        pl.col("dwell_at").alias("at"),
        *(
            zero | {"dwell": pl.col("dwell_ms").alias("dwell"), "reads": one.alias("reads")}
        ).values(),
    )
    shown = (
        impressions.filter(available_on(day, "available_at"))
        .select(
            pl.col("article_ids").list.unique(maintain_order=True).alias("article_id"),
            pl.col("available_at").alias("at"),
        )
        .explode("article_id")
        .drop_nulls("article_id")
        .select("article_id", "at", *(zero | {"exposures": one.alias("exposures")}).values())
    )
    seconds = pl.col("at").dt.epoch("s") - int(day_start(day).timestamp())
    slot = (seconds // (params.fine_bucket_minutes * 60)).alias("slot")
    return (
        pl.concat([opened, dwelt, shown])
        .group_by("article_id", slot)
        .agg(pl.col(name).sum() for name in MEASURES)
        .sort("article_id", "slot")
    )


def article_counters(
    activity: pl.DataFrame, state: pl.DataFrame | None, day: date, params: Params
) -> Iterator[pl.DataFrame]:
    """Totals and rings of minutes and hours, of the articles with activity on `day`.

    Args:
        activity: what `article_activity` returns of the day.
        state: the last row of each article before `day`, or None.
        day: the day.
        params: resolution of the buckets.

    Yields:
        Some articles at a time, since each row carries its rings: `article_id`, `event_timestamp`
        (end of the bucket), `stamped_at` (the same, as a feature), and for clicks, exposures, dwell
        (seconds) and reads (views with known dwell) a `_total`, a `_fine` and a `_coarse` ring.
        Sorted by article and time.

    Raises:
        DataError: when the state was made with rings of another length.
    """
    grid = Grid.of(params.features)
    code = activity.get_column("article_id").rle_id()
    chunks = activity.with_columns(chunk=code // _ARTICLES_AT_ONCE).partition_by(
        "chunk", maintain_order=True, include_key=False
    )
    for rows in chunks or [activity]:
        yield _chunk(rows, state, day, params, grid)


def article_day_counters(
    activity: pl.DataFrame, state: pl.DataFrame | None, day: date, params: Params
) -> pl.DataFrame:
    """Rings of whole days, of the articles with activity on `day`.

    Args:
        activity: what `article_activity` returns of the day.
        state: the last row of each article before `day`, or None.
        day: the day.
        params: length of the rings.

    Returns:
        `article_id`, `event_timestamp` and `stamped_at` (end of the day), and for each measure a
        ring `_days` with the last whole days; the last element is `day`. Sorted by article.

    Raises:
        DataError: when the state was made with rings of another length.
    """
    length = params.features.days
    sums = activity.group_by("article_id").agg(pl.col(name).sum() for name in MEASURES)
    sums = sums.sort("article_id")
    known = sums.select("article_id").with_row_index("code")
    prior = None if state is None else known.join(state, on="article_id").sort("code")
    end = day_start(day) + timedelta(days=1)
    rings: dict[str, pl.Series] = {}
    for name in MEASURES:
        ring = np.zeros((sums.height, length), np.int64)
        if prior is not None:
            code = prior["code"].to_numpy()
            before = np.zeros_like(ring)
            before[code] = _whole(name, _rings(prior[f"{name}_days"], length))
            age = np.full(sums.height, length, np.int64)
            age[code] = prior.select((end - pl.col("event_timestamp")).dt.total_days()).to_series()
            shift_in(ring, before, age)
        ring[:, -1] = sums[name].to_numpy()
        rings[f"{name}_days"] = _unit(name, pl.Series(ring))
    stamp = pl.lit(end).cast(STAMP)
    return sums.select(
        "article_id", stamp.alias("event_timestamp"), stamp.alias("stamped_at")
    ).with_columns(**rings)


def _chunk(
    rows: pl.DataFrame,
    state: pl.DataFrame | None,
    day: date,
    params: Params,
    grid: Grid,
) -> pl.DataFrame:
    articles = rows.get_column("article_id").unique(maintain_order=True)
    code = rows.get_column("article_id").rle_id().to_numpy().astype(np.intp)
    slot = rows.get_column("slot").to_numpy().astype(np.intp)
    prior = _Prior(articles, state, day, params.features, grid)
    stamp = (
        pl.lit(day_start(day)).cast(STAMP)
        + pl.duration(minutes=1) * (pl.col("slot") + 1) * params.features.fine_bucket_minutes
    ).cast(STAMP)
    columns: dict[str, pl.Series] = {}
    totals: dict[str, pl.Series] = {}
    for name in MEASURES:
        count = rows.get_column(name).to_numpy()
        fine, coarse = day_rings(
            code, slot, count, prior.ring(name, "fine"), prior.ring(name, "coarse"), prior.age, grid
        )
        total = _cumulative(code, count) + prior.total(name)[code]
        totals[f"{name}_total"] = _unit(name, pl.Series(total))
        columns[f"{name}_fine"] = _unit(name, pl.Series(fine))
        columns[f"{name}_coarse"] = _unit(name, pl.Series(coarse))
    return rows.select(
        "article_id", stamp.alias("event_timestamp"), stamp.alias("stamped_at")
    ).with_columns(**totals, **columns)


class _Prior:
    """The state of some articles before the day, in whole numbers (dwell in ms)."""

    def __init__(
        self,
        articles: pl.Series,
        state: pl.DataFrame | None,
        day: date,
        params: FeatureParams,
        grid: Grid,
    ) -> None:
        self._lengths = {"fine": grid.fine, "coarse": grid.coarse}
        self._n = articles.len()
        oldest = grid.coarse * grid.per_coarse
        self.age = np.full(self._n, oldest, np.int64)  # of unknown articles: rings moved out
        known = pl.DataFrame({"article_id": articles}).with_row_index("code")
        self._rows = None if state is None else known.join(state, on="article_id").sort("code")
        if self._rows is None or self._rows.is_empty():
            self._rows = None
            return
        self._code = self._rows.get_column("code").to_numpy().astype(np.intp)
        stamps = self._rows.get_column("event_timestamp").dt.epoch("s").to_numpy()
        bucket = int(timedelta(minutes=params.fine_bucket_minutes).total_seconds())
        self.age[self._code] = (int(day_start(day).timestamp()) - stamps) // bucket

    def ring(self, name: str, resolution: str) -> Counts:
        length = self._lengths[resolution]
        rings = np.zeros((self._n, length), np.int64)
        if self._rows is not None:
            column = self._rows.get_column(f"{name}_{resolution}")
            rings[self._code] = _whole(name, _rings(column, length))
        return rings

    def total(self, name: str) -> Counts:
        totals = np.zeros(self._n, np.int64)
        if self._rows is not None:
            totals[self._code] = _whole(name, self._rows.get_column(f"{name}_total").to_numpy())
        return totals


def _rings(column: pl.Series, length: int) -> np.ndarray:
    if not column.list.len().eq(length).all():
        raise DataError(
            f"the counters' rings {column.name} have not {length} buckets: they were made with "
            "other features parameters; remove counters/ and run the ETL again"
        )
    return column.list.to_array(length).to_numpy()


def _cumulative(code: np.ndarray, count: Counts) -> Counts:
    """Running sums that start anew with each article; `code` is sorted."""
    running = np.cumsum(count)
    starts = np.flatnonzero(np.diff(code, prepend=-1))
    before = np.concatenate([[0], running])[starts]
    lengths = [b - a for a, b in pairwise([*starts, len(code)])]
    return np.asarray(running - np.repeat(before, lengths), dtype=np.int64)


def _unit(name: str, values: pl.Series) -> pl.Series:
    """Whole numbers as they are stored: dwell in seconds, counts in 32 bits (totals in 64)."""
    ring = isinstance(values.dtype, pl.Array)
    if name == "dwell":
        dtype = pl.List(pl.Float64) if ring else pl.Float64()
        scaled = pl.Series(values.to_numpy() / 1000)
        return scaled.cast(dtype)
    return values.cast(pl.List(pl.Int32) if ring else pl.Int64())


def _whole(name: str, values: np.ndarray) -> Counts:
    if name == "dwell":
        return np.rint(values * 1000).astype(np.int64)
    return values.astype(np.int64)
