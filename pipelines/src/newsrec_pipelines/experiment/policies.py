"""What the two groups are shown: the model's slates, or what is popular now in their region."""

from typing import Final, Protocol

import polars as pl

from newsrec_pipelines.features.types import Request
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.schemas import UNKNOWN
from newsrec_pipelines.scoring.popular import popular_slates

PLACES: Final = 10  # what a visitor sees of a slate
# As deep as `popular_slates` goes: what a reader has read and what the rules forbid comes off.
_DEPTH: Final = 50

LISTS = pl.Schema(
    {
        "user_id": pl.String(),
        "article_ids": pl.List(pl.String),
        "propensities": pl.List(pl.Float32),
    }
)


class Model(Protocol):
    """What the experiment needs of a model."""

    def predict(self, request: Request) -> pl.DataFrame:
        """Slates, as `features.types.SLATE_SCHEMA`."""


def ours(model: Model, request: Request) -> pl.DataFrame:
    """The model's slates, cut to `PLACES`; `LISTS`, without the empty ones."""
    slates = model.predict(request).filter(pl.col("article_ids").list.len() > 0)
    return slates.select(
        "user_id",
        pl.col("article_ids").list.head(PLACES),
        pl.col("propensities").list.head(PLACES),
    ).cast(LISTS)


def popular(request: Request, params: Params) -> pl.DataFrame:
    """Popularity by recency, by the same rules: unread, readable, eligible, a publisher's limit.

    Reads weigh by their dwell, decay with ``popularity.half_life_hours``, and count in their own
    region above all; see `scoring.popular`.

    Returns:
        `LISTS`, without the empty ones; nothing is left to chance, so propensities are 1.
    """
    deep = params.model_copy(update={"slate": params.slate.model_copy(update={"depth": _DEPTH})})
    lists = popular_slates(request, deep).drop("scores")
    articles = request.articles.select("article_id", "publisher", "regions")
    order = pl.int_range(pl.len())
    placed = (
        request.users.select("user_id", "region", "language")
        .join(lists, on=["region", "language"], maintain_order="left")
        .explode("article_ids")
        .rename({"article_ids": "article_id"})
        .join(articles, on="article_id", maintain_order="left")
        .join(request.history, on=["user_id", "article_id"], how="anti", maintain_order="left")
        .filter(_eligible())
        .with_columns(of_publisher=order.over("user_id", "publisher"))
        .with_columns(
            beyond=(pl.col("of_publisher") >= params.slate.max_per_publisher)
            & (pl.col("publisher") != UNKNOWN)
        )
        .sort("beyond", maintain_order=True)
    )
    return (
        placed.group_by("user_id", maintain_order=True)
        .agg(article_ids=pl.col("article_id").head(PLACES))
        .with_columns(propensities=pl.col("article_ids").list.eval(pl.lit(1.0, pl.Float32)))
        .sort("user_id")
        .cast(LISTS)
    )


def _eligible() -> pl.Expr:
    regions, region = pl.col("regions"), pl.col("region")
    everywhere = regions.is_null() | (regions.list.len() == 0) | (region == UNKNOWN)
    return everywhere | regions.list.contains(region).fill_null(False)
