"""A request in rows: what its scorers share, computed once for all of them."""

from functools import cached_property
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from newsrec_pipelines.features.types import Pairs, Request
from newsrec_pipelines.models.eligibility import Eligibility
from newsrec_pipelines.models.feedback import Weights, summed
from newsrec_pipelines.models.index import Index, coded
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


class _History(NamedTuple):
    """Reads of the request's readers, and their rows of readers and of `article_ids`."""

    reads: pl.DataFrame
    article_ids: pl.Series
    user_row: NDArray[np.int64]
    read_row: NDArray[np.int64]


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
    def eligibility(self) -> Eligibility:
        """Which articles each reader may get."""
        history = self._history
        columns = self.articles.rows(history.article_ids)[history.read_row]
        known = columns >= 0
        return Eligibility(
            self.request.users,
            self.request.articles,
            Pairs(history.user_row[known], columns[known]),
        )

    def reads(self, weights: Weights) -> Reads:
        """The history, summed up to one weight per reader and article."""
        if weights not in self._reads:
            history = self._history
            seen = summed(history.reads, history.user_row, history.read_row, weights)
            asked = pl.Series([self.request.as_of]).dt.epoch("us").item()
            age_days = (asked - seen.last_read_at) / 86.4e9
            self._reads[weights] = Reads(
                history.article_ids, seen.user_row, seen.article_row, seen.weight, age_days
            )
        return self._reads[weights]

    def forget_reads(self) -> None:
        """Free the history, gigabytes of many readers; `eligibility` stays."""
        _ = self.eligibility  # is made of the history, and kept
        self.__dict__.pop("_history", None)
        self._reads.clear()

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
    def _history(self) -> _History:
        reads = self.request.history
        users = self.users.rows(reads["user_id"])
        if (users < 0).any():
            reads, users = reads.filter(users >= 0), users[users >= 0]
        articles, read_row = coded(reads["article_id"])
        return _History(reads, articles.ids, users, read_row)
