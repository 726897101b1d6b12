"""Examples with labels: articles that were shown, or sampled where nobody said what was shown."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl

from newsrec_pipelines.features.views import OPENING, views
from newsrec_pipelines.parameters import Params

EXAMPLE_SCHEMA = pl.Schema(
    {
        "impression_id": pl.String(),
        "user_id": pl.String(),
        "article_id": pl.String(),
        "asked_at": pl.Datetime("us", "UTC"),
        "position": pl.Int32(),
        "clicked": pl.Boolean(),
        "dwell_seconds": pl.Float64(),
    }
)
# A read that names no impression belongs to the last one that showed the reader that article.
ATTRIBUTION = timedelta(days=1)


def shown_examples(
    impressions: pl.DataFrame, reads: pl.DataFrame, most: int, rng: np.random.Generator
) -> pl.DataFrame:
    """One row an article of each impression, with what the reader did with it.

    Args:
        impressions: clean impressions.
        reads: clean reads, with `available_at`; they may be of later days.
        most: at most so many rows; whole impressions are drawn by `rng`.
        rng: draws from the impressions in the order of their ids.

    Returns:
        EXAMPLE_SCHEMA: `position` is null when the order is unknown, `clicked` is whether a view
        belongs to it, `dwell_seconds` the sum of the known dwell of its views, else null.
    """
    shown = impressions.select(
        "impression_id",
        "user_id",
        pl.col("article_ids")
        .list.drop_nulls()
        .list.unique(maintain_order=True)
        .alias("article_id"),
        pl.col("shown_at").alias("asked_at"),
        "order_known",
    )
    rows = (
        _draw(shown, most, rng)
        .filter(pl.col("article_id").list.len() > 0)
        .with_columns(position=pl.int_ranges(1, pl.col("article_id").list.len() + 1))
        .explode("article_id", "position")
        .with_columns(position=pl.when("order_known").then("position"))
    )
    labels = _labels(rows, reads)
    return (
        rows.join(labels, on=["impression_id", "article_id"], how="left")
        .with_columns(pl.col("clicked").fill_null(False))
        .sort("asked_at", "impression_id", "position", "article_id")
        .select(EXAMPLE_SCHEMA.names())
    )


def sampled_examples(
    reads: pl.DataFrame,
    articles: pl.DataFrame,
    start: datetime,
    end: datetime,
    params: Params,
    rng: np.random.Generator,
) -> pl.DataFrame:
    """Data without impressions: each view, and articles alive at that moment that were not read.

    Only views of articles that could have been recommended count, i.e. those published within
    `slate.max_age_hours`. A drawn article that the reader is known to have read at any time is left
    out, and one that was drawn twice counts once, so there may be fewer negatives.

    Returns:
        EXAMPLE_SCHEMA; `impression_id` groups a view with its negatives, `position` is null.
    """
    alive = timedelta(hours=params.slate.max_age_hours)
    known = articles.select("article_id", "published_at").sort("published_at", "article_id")
    moments = reads.filter(pl.col("kind").is_in(OPENING)).select(
        "user_id",
        "article_id",
        pl.coalesce("view_id", pl.concat_str(pl.lit("event:"), "event_id")).alias("view"),
        pl.col("read_at").alias("asked_at"),
    )
    key = ["user_id", "article_id", "view"]
    views_read = (
        moments.group_by(key)
        .agg(pl.col("asked_at").min())
        .filter(pl.col("asked_at").is_between(start, end, closed="left"))
        .join(known, on="article_id")
        .filter(pl.col("asked_at").is_between("published_at", pl.col("published_at") + alive))
        .join(views(reads), on=key, how="left")
        .with_columns(impression_id=pl.concat_str(key, separator="/"))
        .sort("asked_at", "impression_id")
    )
    k = params.ranker.negatives_per_read
    views_read = _sample(views_read, params.ranker.max_examples // (k + 1), rng)
    positives = views_read.select(
        "impression_id",
        "user_id",
        "article_id",
        "asked_at",
        clicked=pl.lit(True),
        dwell_seconds=pl.col("dwell_ms") / 1000,
    )
    published = known["published_at"].dt.epoch("us").to_numpy()
    asked = positives["asked_at"].dt.epoch("us").to_numpy()
    low = np.searchsorted(published, asked - alive // timedelta(microseconds=1), side="left")
    high = np.searchsorted(published, asked, side="right")
    drawn = low[:, None] + (rng.random((len(asked), k)) * (high - low)[:, None]).astype(np.int64)
    negatives = (
        positives.select("impression_id", "user_id", "asked_at")
        .with_columns(
            known["article_id"]
            .gather(drawn.ravel())
            .reshape((-1, k))
            .alias("article_id")
            .cast(pl.List(pl.String))
        )
        .explode("article_id")
        .unique(maintain_order=True)
        .join(moments, on=["user_id", "article_id"], how="anti", maintain_order="left")
        .with_columns(clicked=pl.lit(False))
    )
    return (
        pl.concat([positives, negatives], how="diagonal")
        .with_columns(position=pl.lit(None, pl.Int32))
        .sort(
            "asked_at",
            "impression_id",
            "clicked",
            "article_id",
            descending=[False, False, True, False],
        )
        .select(EXAMPLE_SCHEMA.names())
    )


def _labels(rows: pl.DataFrame, reads: pl.DataFrame) -> pl.DataFrame:
    """`impression_id`, `article_id`, `clicked` (true) and `dwell_seconds` of those with a view."""
    key = ["user_id", "article_id", "view"]
    reports = reads.filter(pl.col("kind").is_in(OPENING)).with_columns(
        view=pl.coalesce("view_id", pl.concat_str(pl.lit("event:"), "event_id"))
    )
    said = reports.group_by(key).agg(
        pl.col("impression_id").drop_nulls().min(), pl.col("read_at").min()
    )
    opened = views(reads).join(said, on=key)
    named = opened.filter(pl.col("impression_id").is_not_null())
    guessed = (
        opened.filter(pl.col("impression_id").is_null())
        .drop("impression_id")
        .sort("read_at")
        .join_asof(
            rows.select("user_id", "article_id", "asked_at", "impression_id").sort(
                "asked_at", "impression_id"
            ),
            left_on="read_at",
            right_on="asked_at",
            by=["user_id", "article_id"],
            strategy="backward",
            tolerance=ATTRIBUTION,
            check_sortedness=False,
        )
        .drop_nulls("impression_id")
    )
    columns = ["impression_id", "article_id", "dwell_ms"]
    return (
        pl.concat([named.select(columns), guessed.select(columns)])
        .group_by("impression_id", "article_id")
        .agg(
            pl.lit(True).alias("clicked"),
            pl.when(pl.col("dwell_ms").count() > 0)
            .then(pl.col("dwell_ms").sum() / 1000)
            .alias("dwell_seconds"),
        )
    )


def _draw(shown: pl.DataFrame, most: int, rng: np.random.Generator) -> pl.DataFrame:
    """Whole impressions in a drawn order, as long as their articles fit."""
    ordered = shown.sort("impression_id")
    order = rng.permutation(ordered.height)
    drawn = ordered[order]
    return drawn.filter(pl.col("article_id").list.len().cum_sum() <= most)


def _sample(rows: pl.DataFrame, most: int, rng: np.random.Generator) -> pl.DataFrame:
    if rows.height <= most:
        return rows
    return rows[np.sort(rng.permutation(rows.height)[:most])]
