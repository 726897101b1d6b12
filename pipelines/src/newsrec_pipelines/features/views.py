"""Views: what readers opened and how long they read, as one row a view however it was reported."""

from datetime import UTC, date, datetime, time, timedelta

import polars as pl

OPENING = ("click", "read")


def day_start(day: date) -> datetime:
    """The first moment of a day, UTC."""
    return datetime.combine(day, time(), UTC)


def views(reads: pl.DataFrame) -> pl.DataFrame:
    """One row a view: a click and the read that follows it share `view_id` and are one view.

    Args:
        reads: clean reads, with the columns of `schemas.READS` and `available_at`.

    Returns:
        `user_id`, `article_id`, `view`; `opened_at`, when we first knew of it; `dwell_at`, when we
        first knew its dwell, and `dwell_ms`, both null while that is unknown. Sorted by the key.
        A report without `view_id` is a view of its own; likes, shares and so on open nothing.
    """
    key = ["user_id", "article_id", "view"]
    reports = reads.filter(pl.col("kind").is_in(OPENING)).select(
        "user_id",
        "article_id",
        pl.coalesce("view_id", pl.concat_str(pl.lit("event:"), "event_id")).alias("view"),
        "event_id",
        "available_at",
        # Whole milliseconds add up to the same sum in any order.
        (pl.col("dwell_seconds").cast(pl.Float64) * 1000).round().cast(pl.Int64).alias("dwell_ms"),
    )
    opened = reports.group_by(key).agg(pl.col("available_at").min().alias("opened_at"))
    dwelt = (
        reports.filter(pl.col("dwell_ms").is_not_null())
        .sort(*key, "available_at", "event_id")
        .unique(key, keep="first", maintain_order=True)
        .select(*key, pl.col("available_at").alias("dwell_at"), "dwell_ms")
    )
    return opened.join(dwelt, on=key, how="left").sort(key)


def available_on(day: date, moment: str) -> pl.Expr:
    """Whether the moment in a column lies within the day."""
    start = day_start(day)
    return (pl.col(moment) >= start) & (pl.col(moment) < start + timedelta(days=1))
