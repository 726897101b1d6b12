"""Slates by the model, in blocks of readers, checked before anybody may see them."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

import polars as pl

from newsrec_pipelines.errors import ModelError
from newsrec_pipelines.features.types import SLATE_SCHEMA, Request
from newsrec_pipelines.schemas import UNKNOWN


class Model(Protocol):
    """What scoring needs of a model."""

    def predict(self, request: Request) -> pl.DataFrame:
        """Slates for the request's readers, as `SLATE_SCHEMA`; readers may be missing."""

    def similar(self, articles: pl.DataFrame, k: int) -> pl.DataFrame:
        """``article_id``, and up to `k` nearest others: ``article_ids``, ``scores``."""


def blocks(request: Request, readers_per_block: int) -> Iterator[Request]:
    """The request cut by readers: each part with its own readers' history and features only."""
    for users in request.users.iter_slices(readers_per_block):
        ids = users.select("user_id")
        yield replace(
            request,
            users=users,
            history=request.history.join(ids, on="user_id", how="semi"),
            user_features=request.user_features.join(ids, on="user_id", how="semi"),
            user_category_features=request.user_category_features.join(
                ids, on="user_id", how="semi"
            ),
        )


def predict(model: Model, request: Request, depth: int) -> pl.DataFrame:
    """The model's slates for one block, cut to `depth`, without the empty ones.

    Raises:
        ModelError: when a slate breaks a rule of publishing: such a model is not fit to publish.
    """
    slates = model.predict(request)
    if slates.schema != SLATE_SCHEMA:
        raise ModelError(f"the model's slates have the columns {dict(slates.schema)}")
    slates = slates.filter(pl.col("article_ids").list.len() > 0)
    _check(slates, request)
    # The model was trained with a depth of its own; what is published is decided here.
    return slates.with_columns(pl.exclude("user_id").list.head(depth))


def _check(slates: pl.DataFrame, request: Request) -> None:
    length = pl.col("article_ids").list.len()
    uneven = slates.filter(
        pl.any_horizontal(
            (pl.col(c).list.len() != length).fill_null(True)
            for c in ("scores", "propensities", "reasons")
        )
    )
    placed = slates.select("user_id", article_id="article_ids").explode("article_id")
    languages = placed.join(
        request.users.select("user_id", reads="language"), on="user_id", how="left"
    ).join(request.articles.select("article_id", written="language"), on="article_id", how="left")
    unreadable = (
        (pl.col("reads") != pl.col("written"))
        & (pl.col("reads") != UNKNOWN)
        & (pl.col("written") != UNKNOWN)
    )
    no_numbers = slates.filter(
        pl.any_horizontal(
            ~pl.col(c).list.eval(pl.element().is_finite().fill_null(False)).list.all()
            for c in ("scores", "propensities")
        )
    )
    broken = {
        "slates of readers not asked for": slates.join(request.users, on="user_id", how="anti"),
        "second slates of a reader": slates.filter(pl.col("user_id").is_duplicated()),
        "slates with lists of unequal length": uneven,
        "slates with scores or propensities that are no numbers": no_numbers,
        "places for articles that are no candidates": placed.join(
            request.articles, on="article_id", how="anti"
        ),
        "places for articles that the reader cannot read": languages.filter(unreadable),
        "places for articles twice in a slate": placed.filter(pl.struct(pl.all()).is_duplicated()),
        "places for articles already read": placed.join(
            request.history, on=["user_id", "article_id"], how="semi"
        ),
    }
    for what, rows in broken.items():
        if rows.height:
            raise ModelError(f"the model is not fit to publish: {rows.height} {what}")


def similar(model: Model, request: Request, depth: int) -> pl.DataFrame:
    """Neighbours of each candidate among the candidates; none for articles without any."""
    neighbours = model.similar(request.articles, depth)
    return neighbours.filter(pl.col("article_ids").list.len() > 0)
