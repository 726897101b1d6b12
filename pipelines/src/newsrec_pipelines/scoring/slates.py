"""Slates by the model, in blocks of readers, checked before anybody may see them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import polars as pl

from newsrec_pipelines.errors import ModelError
from newsrec_pipelines.features.types import SLATE_SCHEMA, Request
from newsrec_pipelines.models.index import Index
from newsrec_pipelines.schemas import UNKNOWN


class Block(Protocol):
    """Slates of some readers, and what led to them; see `models.news.Block`."""

    @property
    def users(self) -> pl.DataFrame:
        """The readers: the next rows of the request's."""

    @property
    def slates(self) -> pl.DataFrame:
        """One row a reader, `SLATE_SCHEMA`; readers may be missing."""

    @property
    def placed(self) -> pl.DataFrame:
        """One row a placed article, in the order of the slates and their places."""

    @property
    def candidates(self) -> int:
        """How many pairs were ranked."""


class Model(Protocol):
    """What scoring needs of a model."""

    def predict_blocks(
        self, request: Request, readers_per_block: int, threads: int
    ) -> Iterator[Block]:
        """Slates for the request's readers, in their order."""

    def similar(self, articles: pl.DataFrame, k: int) -> pl.DataFrame:
        """``article_id``, and up to `k` nearest others: ``article_ids``, ``scores``."""


@dataclass(frozen=True)
class Made:
    """A block that may be published: without empty slates, cut to the depth that is published.

    Attributes:
        readers: how many were asked for.
        slates: as `SLATE_SCHEMA`.
        placed: what led to each place, as `Block.placed`.
        candidates: how many pairs were ranked.
    """

    readers: int
    slates: pl.DataFrame
    placed: pl.DataFrame
    candidates: int


def predict(
    model: Model, request: Request, depth: int, readers_per_block: int, threads: int = 1
) -> Iterator[Made]:
    """The model's slates for all readers of the request, block by block.

    The model was trained with a depth of its own; what is published is decided by `depth`.

    Raises:
        ModelError: when a slate breaks a rule of publishing: such a model is not fit to publish.
    """
    rules = Rules(request)
    asked = 0
    for block in model.predict_blocks(request, readers_per_block, threads):
        expected = request.users["user_id"].slice(asked, block.users.height)
        if not expected.equals(block.users["user_id"]):
            raise ModelError("the model is not fit to publish: it answers other readers than asked")
        rules.check(block, asked)
        asked += block.users.height
        yield Made(
            block.users.height,
            block.slates.filter(pl.col("article_ids").list.len() > 0).with_columns(
                pl.exclude("user_id").list.head(depth)
            ),
            # A block without any candidate has no columns either.
            block.placed.filter(pl.col("place") <= depth) if block.placed.height else block.placed,
            block.candidates,
        )
    if asked < request.users.height:
        raise ModelError(
            f"the model is not fit to publish: {asked} readers answered of {request.users.height}"
        )


class Rules:
    """What no slate may break, prepared once for all blocks of a request.

    They are checked apart from the model: a model with a fault must not publish it.
    """

    def __init__(self, request: Request) -> None:
        self._articles = Index(request.articles["article_id"])
        languages = Index(
            pl.concat([request.articles["language"], request.users["language"]]).unique()
        )
        self._unknown = int(languages.rows(pl.Series([UNKNOWN]))[0])
        self._written = languages.rows(request.articles["language"])
        self._reads = languages.rows(request.users["language"])
        self._region, self._meant_for = request.users["region"], request.articles["regions"]
        self._read = self._pairs_read(request)

    def check(self, block: Block, first: int) -> None:
        """Check the block whose first reader is row `first` of the request.

        Raises:
            ModelError: saying what is wrong with how many slates or places.
        """
        slates = block.slates
        if slates.schema != SLATE_SCHEMA:
            raise ModelError(f"the model's slates have the columns {dict(slates.schema)}")
        reader = Index(block.users["user_id"]).rows(slates["user_id"])
        _none("slates of readers not asked for", reader < 0)
        _none("second slates of a reader", slates["user_id"].is_duplicated())
        length = pl.col("article_ids").list.len()
        lists = ("scores", "propensities", "reasons")
        same = ((pl.col(c).list.len() == length).fill_null(False) for c in lists)
        uneven = ~pl.all_horizontal(length.is_not_null(), *same)
        _none("slates with lists of unequal length", slates.select(uneven).to_series())
        places = slates.select("article_ids", "scores", "propensities").explode(
            "article_ids", "scores", "propensities", empty_as_null=False
        )
        _none(
            "places whose score or propensity is no number",
            places.select(
                ~pl.all_horizontal(pl.col("scores", "propensities").is_finite().fill_null(False))
            ).to_series(),
        )
        user_row = first + np.repeat(reader, slates["article_ids"].list.len())
        self._check_places(places["article_ids"], user_row)
        self._check_evidence(block)

    def _check_places(self, article_ids: pl.Series, user_row: np.ndarray) -> None:
        article_row = self._articles.rows(article_ids)
        _none("places for articles that are no candidates", article_row < 0)
        reads, written = self._reads[user_row], self._written[article_row]
        unreadable = (reads != written) & (reads != self._unknown) & (written != self._unknown)
        _none("places for articles that the reader cannot read", unreadable)
        _none("places for articles of other regions", self._elsewhere(user_row, article_row))
        pairs = self._pair(user_row, article_row)
        _none("places for articles twice in a slate", np.diff(np.sort(pairs)) == 0)
        # `np.isin` would look at all that was ever read, for each block anew.
        at = np.searchsorted(self._read[:-1], pairs)
        _none("places for articles already read", self._read[at] == pairs)

    def _elsewhere(self, user_row: np.ndarray, article_row: np.ndarray) -> pl.Series:
        """Whether the article is meant for regions, and the reader's, which is known, is none."""
        region, regions = self._region.gather(user_row), self._meant_for.gather(article_row)
        named = regions.list.len().fill_null(0) > 0
        pair = pl.DataFrame({"region": region.filter(named), "regions": regions.filter(named)})
        return pair.select(
            ~pl.col("regions").list.contains(pl.col("region")) & (pl.col("region") != UNKNOWN)
        ).to_series()

    def _check_evidence(self, block: Block) -> None:
        placed = block.slates["article_ids"].explode(empty_as_null=False)
        kept = block.placed["article_id"] if block.placed.height else placed.clear()
        if not placed.equals(kept):
            raise ModelError(
                "the model is not fit to publish: what it tells of its places is about others"
            )

    def _pairs_read(self, request: Request) -> np.ndarray:
        """Sorted, with one more at the end, which is no pair."""
        article_row = self._articles.rows(request.history["article_id"])
        known = article_row >= 0
        users = Index(request.users["user_id"])
        user_row = users.rows(request.history["user_id"].filter(pl.Series(known)))
        pairs = self._pair(user_row, article_row[known])
        return np.append(np.sort(pairs[user_row >= 0]), -1)

    def _pair(self, user_row: np.ndarray, article_row: np.ndarray) -> np.ndarray:
        return user_row * np.int64(len(self._articles)) + article_row


def _none(what: str, broken: pl.Series | np.ndarray) -> None:
    count = int(broken.sum())
    if count:
        raise ModelError(f"the model is not fit to publish: {count} {what}")


def similar(model: Model, request: Request, depth: int) -> pl.DataFrame:
    """Neighbours of each candidate among the candidates; none for articles without any."""
    neighbours = model.similar(request.articles, depth)
    return neighbours.filter(pl.col("article_ids").list.len() > 0)
