"""Counters of readers, also by category or publisher: a row for each that was active on a day."""

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from newsrec_pipelines.features.raw import STAMP
from newsrec_pipelines.features.views import available_on, day_start
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.schemas import UNKNOWN


def user_counters(
    views: pl.DataFrame, state: pl.DataFrame | None, day: date, params: Params
) -> pl.DataFrame:
    """What readers read until the end of `day`, for those with a view or a dwell on it.

    Args:
        views: what `features.views.views` returns; only what became known on `day` counts.
        state: the last row of each reader before `day`, or None.
        day: the day.
        params: the half-life of the decayed sums.

    Returns:
        `user_id`, `event_timestamp` and `stamped_at` (end of the day), `reads_total` (views),
        `dwell_total` (seconds), `reads_decayed` and `dwell_decayed` (the same, halved every
        `user_half_life_days`, as of the stamp), `last_read_at` (whole seconds; null when only the
        dwell of an older view became known). Sorted by reader.
    """
    rows = _sums(views, state, ["user_id"], day, params)
    seconds = pl.col("opened_at").max().dt.truncate("1s").alias("today")
    today = views.filter(available_on(day, "opened_at")).group_by("user_id").agg(seconds)
    rows = rows.join(today, on="user_id", how="left", maintain_order="left")
    before = pl.lit(None, STAMP)
    if state is not None:
        last = state.select("user_id", "last_read_at")
        rows = rows.join(last, on="user_id", how="left", maintain_order="left")
        before = pl.col("last_read_at")
    return rows.with_columns(pl.max_horizontal("today", before).alias("last_read_at")).select(
        *("user_id", "event_timestamp", "stamped_at", "reads_total", "dwell_total"),
        *("reads_decayed", "dwell_decayed", "last_read_at"),
    )


def user_counters_by(
    column: str,
    views: pl.DataFrame,
    articles: pl.DataFrame,
    state: pl.DataFrame | None,
    day: date,
    params: Params,
) -> pl.DataFrame:
    """The decayed sums of `user_counters` by the category (or publisher) of the article.

    Args:
        column: ``category`` or ``publisher``.
        views: as above.
        articles: `article_id` and `column`; an article that is not in it counts as unknown.
        state: the last row of each reader and category before `day`, or None.
        day: the day.
        params: the half-life.

    Returns:
        `user_id`, `column`, `event_timestamp`, `stamped_at`, `reads_decayed`, `dwell_decayed`.
    """
    named = views.join(
        articles.select("article_id", column), on="article_id", how="left"
    ).with_columns(pl.col(column).fill_null(UNKNOWN))
    rows = _sums(named, state, ["user_id", column], day, params)
    return rows.drop("reads_total", "dwell_total")


def _sums(
    views: pl.DataFrame, state: pl.DataFrame | None, keys: list[str], day: date, params: Params
) -> pl.DataFrame:
    end = day_start(day) + timedelta(days=1)
    # One line an addition, in an order of its own: sums of floats depend on the order.
    additions = pl.concat(
        [
            views.filter(available_on(day, "opened_at")).select(
                *(*keys, "article_id", "view"),
                pl.col("opened_at").alias("at"),
                pl.lit(1.0).alias("reads"),
                pl.lit(0.0).alias("dwell"),
            ),
            views.filter(available_on(day, "dwell_at")).select(
                *(*keys, "article_id", "view"),
                pl.col("dwell_at").alias("at"),
                pl.lit(0.0).alias("reads"),
                (pl.col("dwell_ms") / 1000).alias("dwell"),
            ),
        ]
    ).sort(*keys, "at", "article_id", "view", "reads")
    rows = additions.select(keys).unique(maintain_order=True)
    code = additions.select(pl.struct(keys).rle_id()).to_series().to_numpy()
    left = _decay(additions.get_column("at"), end, params)
    sums = {
        f"{measure}_{kind}": np.bincount(
            code, additions.get_column(measure).to_numpy() * weight, minlength=rows.height
        )
        for measure in ("reads", "dwell")
        for kind, weight in (("total", 1.0), ("decayed", left))
    }
    rows = rows.with_columns(
        **{name: pl.Series(values, dtype=pl.Float64) for name, values in sums.items()}
    )
    rows = _add_state(rows, state, keys, end, params)
    stamp = pl.lit(end).cast(STAMP)
    return rows.select(
        *keys,
        stamp.alias("event_timestamp"),
        stamp.alias("stamped_at"),
        pl.col("reads_total").round().cast(pl.Int64),
        pl.col("dwell_total").round(3),
        "reads_decayed",
        "dwell_decayed",
    )


def _add_state(
    rows: pl.DataFrame, state: pl.DataFrame | None, keys: list[str], end: datetime, params: Params
) -> pl.DataFrame:
    if state is None:
        return rows
    sums = [c for c in rows.columns if c not in keys and c in state.columns]
    days = (pl.lit(end) - pl.col("event_timestamp")).dt.total_seconds() / 86_400
    left = 0.5 ** (days / params.features.user_half_life_days)
    before = state.select(
        *keys,
        *(
            (pl.col(c) * left if c.endswith("_decayed") else pl.col(c).cast(pl.Float64)).alias(
                f"{c}_before"
            )
            for c in sums
        ),
    )
    return rows.join(before, on=keys, how="left", maintain_order="left").with_columns(
        (pl.col(c) + pl.col(f"{c}_before").fill_null(0.0)).alias(c) for c in sums
    )


def _decay(at: pl.Series, end: datetime, params: Params) -> np.ndarray:
    days = (
        at.to_frame("at")
        .select((pl.lit(end) - pl.col("at")).dt.total_microseconds() / 86_400e6)
        .to_series()
        .to_numpy()
    )
    return np.asarray(0.5 ** (days / params.features.user_half_life_days))
