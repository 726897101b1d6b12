"""Counters of what a reader saw of an article: a row for each time she saw or opened it."""

from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from newsrec_pipelines.features.raw import STAMP, schema
from newsrec_pipelines.features.views import available_on

_KEYS = ("user_id", "article_id")


def exposure_events(views: pl.DataFrame, impressions: pl.DataFrame, day: date) -> pl.DataFrame:
    """When readers were shown articles, and opened them, on a day.

    Args:
        views: what `features.views.views` returns; only what became known on `day` counts.
        impressions: with `user_id`, `article_ids` and `available_at`; likewise.
        day: the day.

    Returns:
        `user_id`, `article_id`, `at`, `exposures` and `opens`; sorted by reader, article and time.
    """
    shown = (
        impressions.filter(available_on(day, "available_at"))
        .select(
            "user_id",
            pl.col("article_ids").list.unique(maintain_order=True).alias("article_id"),
            pl.col("available_at").alias("at"),
            pl.lit(1, pl.Int32).alias("exposures"),
            pl.lit(0, pl.Int32).alias("opens"),
        )
        .explode("article_id")
        .drop_nulls("article_id")
    )
    opened = views.filter(available_on(day, "opened_at")).select(
        *_KEYS,
        pl.col("opened_at").alias("at"),
        pl.lit(0, pl.Int32).alias("exposures"),
        pl.lit(1, pl.Int32).alias("opens"),
    )
    return (
        pl.concat([shown, opened])
        .group_by(*_KEYS, "at")
        .agg(pl.col("exposures", "opens").sum())
        .sort(*_KEYS, "at")
    )


def exposure_history(events: pl.DataFrame, state: pl.DataFrame | None) -> pl.DataFrame:
    """Running sums of the events of a day, over the state before it.

    Args:
        events: what `exposure_events` returns.
        state: the last row of each reader and article before the day, or None; others are ignored.

    Returns:
        `user_id`, `article_id`, `event_timestamp` and `stamped_at` (a microsecond after the event,
        since a point-in-time join also takes what is stamped at the very moment asked),
        `exposures_total`, `opens_total`, `last_seen_at` (null when she opened it without having
        been shown it). Sorted by reader, article and time.
    """
    if state is None:
        state = pl.DataFrame(schema=schema("exposure_history"))
    names = ("exposures_total", "opens_total", "last_seen_at")
    before = state.select(*_KEYS, *(pl.col(name).alias(f"{name}_before") for name in names))
    rows = events.join(before, on=_KEYS, how="left", maintain_order="left")
    new = rows.select(
        (pl.col("user_id").ne_missing(pl.col("user_id").shift()))
        | (pl.col("article_id").ne_missing(pl.col("article_id").shift()))
    )
    start = _starts(new.to_series().to_numpy())
    shown = rows["exposures"].to_numpy()
    # The last event of the same reader and article that was an exposure, -1 is none.
    last = np.maximum.accumulate(np.where(shown > 0, np.arange(len(shown)), -1))
    last = np.where(last >= start, last, -1)
    seen = rows["at"].gather(np.maximum(last, 0)).set(pl.Series(last < 0), None)
    stamp = (pl.col("at") + pl.duration(microseconds=1)).cast(STAMP)
    return rows.select(
        *_KEYS,
        stamp.alias("event_timestamp"),
        stamp.alias("stamped_at"),
        *(
            (
                pl.Series(_running(rows[f"{n}s"].to_numpy(), start), dtype=pl.Int32)
                + pl.col(f"{n}s_total_before").fill_null(0)
            ).alias(f"{n}s_total")
            for n in ("exposure", "open")
        ),
        pl.coalesce(seen, "last_seen_at_before").alias("last_seen_at"),
    )


def _starts(new: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The first row of each row's group; `new` says where groups begin."""
    return np.maximum.accumulate(np.where(new, np.arange(len(new)), 0))


def _running(count: NDArray[np.int32], start: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sums of each group so far."""
    sums = np.concatenate([[0], np.cumsum(count)])
    running: NDArray[np.int64] = sums[1:] - sums[start]
    return running
