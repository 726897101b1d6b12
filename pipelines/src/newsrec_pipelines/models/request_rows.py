"""A request in rows: what its scorers share, computed once for all of them."""

from functools import cached_property
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from newsrec_pipelines.features.types import Pairs, Request
from newsrec_pipelines.models.feedback import Weights, views
from newsrec_pipelines.models.index import Index
from newsrec_pipelines.models.scope import Scope
from newsrec_pipelines.models.sparse import values_at


class Reads(NamedTuple):
    """What the readers of a request got out of what they read, a row per reader and article.

    Sorted by `user_row` and `read_row`; the arrays have the same length.

    Attributes:
        article_ids: all articles of the history, whether candidates or not.
        user_row: row of the request's reader.
        read_row: row in `article_ids`.
        weight: see `feedback`.
        age_days: since the last view, at the request's moment.
    """

    article_ids: pl.Series
    user_row: NDArray[np.int64]
    read_row: NDArray[np.int64]
    weight: NDArray[np.float32]
    age_days: NDArray[np.float64]


class RequestRows:
    """Row numbers instead of ids, for the readers, the articles and the history of a request.

    Attributes:
        request: what was asked.
        users: rows of readers.
        articles: rows of candidate articles.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self.users = Index(request.users["user_id"])
        self.articles = Index(request.articles["article_id"])
        self._reads: dict[Weights, Reads] = {}

    @cached_property
    def scope(self) -> Scope:
        """Which articles each reader may get."""
        history, ids = self._history
        seen = history.select("user_row", "read_row").unique()
        columns = self.articles.rows(ids)[seen["read_row"].to_numpy()]
        known = columns >= 0
        return Scope(
            self.request.users,
            self.request.articles,
            Pairs(seen["user_row"].to_numpy()[known].astype(np.int64), columns[known]),
        )

    def reads(self, weights: Weights) -> Reads:
        """The history, summed up to one weight per reader and article."""
        if weights not in self._reads:
            history, ids = self._history
            seen = (
                history.group_by("user_row", "read_row")
                .agg(*views(weights))
                .sort("user_row", "read_row")
            )
            age = (pl.lit(self.request.as_of) - pl.col("last_read_at")).dt.total_microseconds()
            self._reads[weights] = Reads(
                ids,
                seen["user_row"].to_numpy().astype(np.int64),
                seen["read_row"].to_numpy().astype(np.int64),
                seen["weight"].to_numpy(),
                seen.select(age / 86.4e9).to_series().to_numpy(),
            )
        return self._reads[weights]

    @cached_property
    def category_of_article(self) -> NDArray[np.int64]:
        """Row in `categories`, shape (articles,)."""
        return self.categories.rows(self.request.articles["category"])

    @cached_property
    def categories(self) -> Index:
        """All that a candidate belongs to or a reader chose."""
        of_articles = self.request.articles["category"]
        chosen = self.request.users["preferred_categories"].explode()
        return Index(pl.concat([of_articles, chosen]).drop_nulls().unique().sort())

    @cached_property
    def choices(self) -> csr_matrix:
        """The categories that readers chose: ones, shape (readers, categories)."""
        chosen = (
            self.request.users.select("preferred_categories")
            .with_row_index("row")
            .explode("preferred_categories")
            .drop_nulls()
            .unique(maintain_order=True)
        )
        columns = self.categories.rows(chosen["preferred_categories"])
        return csr_matrix(
            (np.ones(len(columns), np.float32), (chosen["row"].to_numpy(), columns)),
            shape=(len(self.users), len(self.categories)),
        )

    def chosen(self, pairs: Pairs) -> NDArray[np.bool_]:
        """Whether the article's category is among those that the reader chose."""
        category = self.category_of_article[pairs.article_row]
        return values_at(self.choices, pairs.user_row, category) > 0

    @cached_property
    def _history(self) -> tuple[pl.DataFrame, pl.Series]:
        history = self.request.history
        ids = history["article_id"].unique().sort()
        rows = history.select(
            "kind",
            "dwell_seconds",
            "read_at",
            user_row=pl.Series(self.users.rows(history["user_id"]), dtype=pl.Int32),
            read_row=pl.Series(Index(ids).rows(history["article_id"]), dtype=pl.Int32),
        )
        return rows.filter(pl.col("user_row") >= 0), ids
