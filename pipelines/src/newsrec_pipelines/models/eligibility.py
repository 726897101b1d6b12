"""Which articles a reader may get."""

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from newsrec_pipelines.features.types import Pairs
from newsrec_pipelines.models.sparse import values_at
from newsrec_pipelines.schemas import UNKNOWN

Rows = NDArray[np.int64]


class Eligibility:
    """Which articles a reader may get: in their language, meant for their region, unread.

    Readers who may get the same articles form a group. A reader or an article of unknown language
    matches every language; an article that names no regions is meant for all, and a reader of
    unknown region may get those of every region.

    Attributes:
        group_of_reader: shape (readers,).
    """

    def __init__(self, users: pl.DataFrame, articles: pl.DataFrame, seen: Pairs) -> None:
        """Group the readers.

        Args:
            users: readers of a request.
            articles: its candidates.
            seen: what each reader has read or hidden, each pair once.
        """
        kinds = users.select("language", "region").unique().sort("language", "region")
        sets: dict[bytes, int] = {}
        self._articles_of: list[Rows] = []
        group_of_kind = []
        for language, region in kinds.iter_rows():
            rows = np.flatnonzero(_readable(articles, language, region))
            group = sets.setdefault(rows.tobytes(), len(sets))
            if group == len(self._articles_of):
                self._articles_of.append(rows)
            group_of_kind.append(group)
        kind = users.select("language", "region").join(
            kinds.with_columns(group=pl.Series(group_of_kind, dtype=pl.Int64)),
            on=["language", "region"],
            how="left",
            maintain_order="left",
        )
        self._in_group = np.zeros((len(self._articles_of), articles.height), dtype=bool)
        for group, rows in enumerate(self._articles_of):
            self._in_group[group, rows] = True
        self.group_of_reader: Rows = kind["group"].to_numpy()
        ones = np.ones(len(seen.user_row), np.float32)
        self._seen = csr_matrix((ones, seen), shape=(users.height, articles.height))
        self._seen.sort_indices()

    def articles_of(self, group: int) -> Rows:
        """Rows of the articles that readers of the group may get, rising."""
        return self._articles_of[group]

    def unread(self, pairs: Pairs) -> NDArray[np.bool_]:
        """Whether the reader has neither read nor hidden the article."""
        return values_at(self._seen, pairs.user_row, pairs.article_row) == 0

    def allows(self, pairs: Pairs) -> NDArray[np.bool_]:
        """Whether the reader may get the article."""
        group = self.group_of_reader[pairs.user_row]
        return self._in_group[group, pairs.article_row] & self.unread(pairs)

    def seen(self, user_rows: Rows) -> csr_matrix:
        """What these readers have read or hidden: ones, shape (user_rows, articles)."""
        return self._seen[user_rows]

    def seen_counts(self, user_rows: Rows) -> Rows:
        """How many of the articles each of these readers has read or hidden."""
        return np.diff(self._seen.indptr).astype(np.int64)[user_rows]


def _readable(articles: pl.DataFrame, language: str, region: str) -> NDArray[np.bool_]:
    written, meant_for = pl.col("language"), pl.lit(True)
    if "regions" in articles.columns and region != UNKNOWN:
        regions = pl.col("regions")
        meant_for = regions.is_null() | (regions.list.len() == 0) | regions.list.contains(region)
    read = written.is_in([language, UNKNOWN]) if language != UNKNOWN else pl.lit(True)
    return (
        articles.select((read & meant_for).fill_null(False).alias("may") & written.is_not_null())
        .to_series()
        .to_numpy()
    )
