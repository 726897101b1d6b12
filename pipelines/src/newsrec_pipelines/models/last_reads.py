"""The last articles that each reader read, and which candidate is about the same as one of them."""

from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from newsrec_pipelines.models.content import Content
from newsrec_pipelines.models.index import Index
from newsrec_pipelines.models.protocols import Rows, Vectors
from newsrec_pipelines.models.request_rows import Reads, RequestRows

# A cosine from which two articles are about the same to a person, not only to the machine.
_ALIKE: Final = np.float32(0.7)
# What was read with a smaller weight was left at once: nobody wants to be reminded of it.
_READ: Final = 0.3
_RECENT_READS: Final = 20
# Readers whose vectors are compared together: some 10 MB.
_READERS: Final = 256
_NONE: Final = -1


class LastReads:
    """What readers of a request read last, in rows of all articles with a known text.

    These are the candidates, which know their latest title, and behind them the other articles of
    the content scorer.
    """

    def __init__(self, request: RequestRows, content: Content) -> None:
        """Find them; one row an article, hence some tens of megabytes."""
        articles = request.request.articles
        older = content.read.filter(~pl.col("article_id").is_in(articles["article_id"].implode()))
        self.titles = pl.concat([articles["title"], older["title"]])
        self._candidates = content.embed(articles)
        self._older = content.read_vectors
        self._older_rows = Index(content.read["article_id"]).rows(older["article_id"])
        known = Index(pl.concat([articles["article_id"], older["article_id"]]))
        self._last = _last(request.reads(content.weights), known, len(request.users))

    def most_alike(self, user_row: Rows, article_row: Rows) -> Rows:
        """The row of the last read that is most like each article; -1 when none is alike.

        Args:
            user_row: shape (pairs,), the pairs of a reader are neighbours.
            article_row: shape (pairs,).
        """
        changes = np.flatnonzero(np.diff(user_row, prepend=_NONE))
        counts = np.diff(changes, append=len(user_row))
        found = np.full(len(user_row), _NONE, np.int64)
        for n in range(0, len(changes), _READERS):
            start, end = changes[n], changes[n] + counts[n : n + _READERS].sum()
            found[start:end] = self._of_some(
                user_row[changes[n : n + _READERS]],
                article_row[start:end],
                counts[n : n + _READERS],
            )
        return found

    def _of_some(self, users: Rows, article_row: Rows, counts: Rows) -> Rows:
        last = self._last[users]
        reader = np.repeat(np.arange(len(users)), counts)
        place = np.arange(len(reader)) - np.repeat(np.cumsum(counts) - counts, counts)
        placed = np.zeros((len(users), counts.max(), self._candidates.shape[1]), np.float32)
        placed[reader, place] = self._candidates[article_row]
        # Not a product of matrices: its last bits depend on how many rows there are.
        cosines = np.einsum("rpk,rlk->rpl", placed, self._vectors(last))
        cosines = np.where(last[:, None, :] == _NONE, -np.inf, cosines)[reader, place]
        best = cosines.argmax(axis=1)
        alike = cosines[np.arange(len(best)), best] >= _ALIKE
        return np.where(alike, last[reader, best], _NONE)

    def _vectors(self, rows: NDArray[np.int32]) -> Vectors:
        """Of articles by their rows, zeros for -1; shape (*rows.shape, k)."""
        vectors = np.zeros((*rows.shape, self._candidates.shape[1]), np.float32)
        count = len(self._candidates)
        candidate, older = (rows >= 0) & (rows < count), rows >= count
        vectors[candidate] = self._candidates[rows[candidate]]
        vectors[older] = self._older[self._older_rows[rows[older] - count]]
        return vectors


def _last(reads: Reads, known: Index, readers: int) -> NDArray[np.int32]:
    """Rows of `known` that each reader read last, the latest first, -1 behind the last one.

    Returns:
        Shape (readers, up to `_RECENT_READS`).
    """
    row = known.rows(reads.article_ids)[reads.read_row]
    told = (row >= 0) & (reads.weight >= _READ)
    user, row, age = reads.user_row[told], row[told], reads.age_days[told]
    latest = np.lexsort((age, user))  # equal ones stay in the order of their ids
    user, row = user[latest], row[latest]
    counts = np.bincount(user, minlength=readers)
    place = np.arange(len(user)) - np.repeat(np.cumsum(counts) - counts, counts)
    recent = place < _RECENT_READS
    last = np.full((readers, min(_RECENT_READS, counts.max(initial=1))), _NONE, np.int32)
    last[user[recent], place[recent]] = row[recent]
    return last
