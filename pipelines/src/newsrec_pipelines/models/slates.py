"""Slates out of scored pairs: order, at most so many of a publisher, and depth."""

import polars as pl

from newsrec_pipelines.config import SlateParams
from newsrec_pipelines.features.types import SLATE_SCHEMA
from newsrec_pipelines.schemas import UNKNOWN


def place(pairs: pl.DataFrame, params: SlateParams) -> pl.DataFrame:
    """The pairs that make it into a slate, in its order.

    Pairs are taken by falling `score`, those with `first` before the others; equal ones by the
    article's id, so that the same pairs give the same slate. A publisher that has its
    ``max_per_publisher`` places gets more only where the slate would be short otherwise, at its
    end. Articles of unknown publisher are not counted.

    Args:
        pairs: ``user_row``, ``article_id``, ``publisher``, ``score``, ``first`` and others.
        params: depth and the limit.
    """
    ordered = pairs.sort(
        "user_row", "first", "score", "article_id", descending=[False, True, True, False]
    )
    of_publisher = pl.int_range(pl.len()).over("user_row", "publisher")
    beyond = (of_publisher >= params.max_per_publisher) & (pl.col("publisher") != UNKNOWN)
    return (
        ordered.with_columns(beyond=beyond)
        .sort("user_row", "beyond", maintain_order=True)
        .with_columns(rank=pl.int_range(pl.len()).over("user_row"))
        .filter(pl.col("rank") < params.depth)
    )


def as_slates(placed: pl.DataFrame, users: pl.DataFrame) -> pl.DataFrame:
    """One row a reader, as `SLATE_SCHEMA`; readers without any article get empty lists.

    Args:
        placed: in the order of the slates: ``user_row``, ``article_id``, ``score``, ``reason``.
        users: the readers; `user_row` counts them.
    """
    lists = placed.group_by("user_row", maintain_order=True).agg(
        article_ids=pl.col("article_id"),
        scores=pl.col("score").cast(pl.Float32),
        # The order is deterministic: whoever is placed is placed with certainty.
        propensities=pl.lit(1.0, pl.Float32).repeat_by(pl.len()).first(),
        reasons=pl.col("reason"),
    )
    slates = (
        users.select("user_id")
        .with_row_index("user_row")
        .join(lists, on="user_row", how="left", maintain_order="left")
        .with_columns(pl.exclude("user_id", "user_row").fill_null([]))
    )
    return slates.select(SLATE_SCHEMA.names()).cast(SLATE_SCHEMA)


def empty(users: pl.DataFrame) -> pl.DataFrame:
    """A slate without articles for each reader."""
    return users.select(
        "user_id",
        **{name: pl.lit([], dtype) for name, dtype in SLATE_SCHEMA.items() if name != "user_id"},
    ).cast(SLATE_SCHEMA)
