"""The best articles of readers by the product of their vectors, and by lists that they share."""

from collections.abc import Callable
from typing import Final

import numpy as np
from implicit.cpu.topk import topk
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from newsrec_pipelines.features.types import Pairs
from newsrec_pipelines.models.scope import Scope
from newsrec_pipelines.models.sparse import ragged

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]

_BLOCK_PAIRS: Final = 1 << 16
_PADDED: Final = 16


class Dots:
    """An opinion that is the dot product of two vectors; zeros are for what is not known."""

    def __init__(self, users: Vectors, articles: Vectors, scope: Callable[[], Scope]) -> None:
        """Keep the vectors.

        Args:
            users: shape (readers, k).
            articles: shape (articles, k).
            scope: which articles readers may get; asked only for candidates.
        """
        self.users = users
        self.articles = articles
        self._scope = scope
        self._of_group: dict[int, tuple[Rows, Vectors]] = {}

    def of_pairs(self, pairs: Pairs) -> Vectors:
        """The products, shape (pairs,).

        Each is summed by itself, so that it does not depend on which other pairs are asked for, as
        the last bits of a matrix product do.
        """
        scores = np.empty(len(pairs.user_row), np.float32)
        for start in range(0, len(scores), _BLOCK_PAIRS):
            part = slice(start, start + _BLOCK_PAIRS)
            users, articles = (
                self.users[pairs.user_row[part]],
                self.articles[pairs.article_row[part]],
            )
            np.einsum("ij,ij->i", users, articles, out=scores[part])
        return scores

    def best(self, user_rows: Rows, k: int) -> Pairs:
        """The articles with the highest positive products, found exactly; of equal ones the first.

        Computes on one core: callers with more of them cut the readers into blocks.
        """
        scope = self._scope()
        known = np.flatnonzero(self.users[user_rows].any(axis=1))
        groups = scope.group_of_reader[user_rows[known]]
        found = [np.zeros((2, 0), np.int64)]
        for group in np.unique(groups).tolist():
            place = known[groups == group]
            rows, vectors = self._articles(group)
            if len(rows):
                readers = user_rows[place]
                column, score = product_topk(
                    self.users[readers], vectors, k, scope.seen(readers)[:, rows]
                )
                good = score > 0
                found.append(np.array([np.repeat(place, good.sum(axis=1)), rows[column[good]]]))
        place, article = np.hstack(found)
        order = np.argsort(place, kind="stable")
        return Pairs(user_rows[place[order]], article[order])

    def _articles(self, group: int) -> tuple[Rows, Vectors]:
        if group not in self._of_group:
            # implicit takes the last of equal ones.
            rows = self._scope().articles_of(group)[::-1]
            self._of_group[group] = rows, self.articles[rows]
        return self._of_group[group]


def product_topk(
    users: Vectors, articles: Vectors, k: int, without: csr_matrix | None = None, threads: int = 1
) -> tuple[NDArray[np.int32], Vectors]:
    """Columns and scores of the `k` largest products, shape (users, min(k, articles)).

    Args:
        users: shape (users, dimensions).
        articles: shape (articles, dimensions); not empty.
        k: how many of each user.
        without: non-zeros are left out: they score the lowest float32. Shape (users, articles).
        threads: 0 is one a core. BLAS has threads of its own.
    """
    # BLAS sums the last row of an odd number, or a single one, in another order: then a reader's
    # score would depend on the others of her block.
    padding = -len(users) % _PADDED
    if without is not None:
        starts = np.pad(without.indptr, (0, padding), mode="edge")
        without = csr_matrix(
            (without.data, without.indices, starts), shape=(len(users) + padding, len(articles))
        )
    columns, scores = topk(
        articles,
        np.pad(users, ((0, padding), (0, 0))),
        min(k, len(articles)),
        filter_query_items=without,
        num_threads=threads,
    )
    return columns[: len(users)], scores[: len(users)]


def first_unread(
    user_rows: Rows, lists: list[Rows], list_of_reader: Rows, scope: Scope, k: int
) -> Pairs:
    """The first `k` articles of a list that each reader has not read.

    Args:
        user_rows: readers.
        lists: article rows, the best first.
        list_of_reader: which of them is a reader's, shape (user_rows,).
        scope: knows what was read.
        k: how many a reader.
    """
    if not len(user_rows) or not lists:
        return Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64))
    lengths = np.array([len(rows) for rows in lists])
    starts = np.cumsum(lengths) - lengths
    # As many as she can have read of them, and k more.
    counts = np.minimum(lengths[list_of_reader], k + scope.seen_counts(user_rows))
    reader, place = ragged(counts)
    article = np.concatenate(lists)[starts[list_of_reader[reader]] + place]
    unread = scope.unread(Pairs(user_rows[reader], article))
    reader, article = reader[unread], article[unread]
    _, place = ragged(np.bincount(reader, minlength=len(user_rows)))
    first = place < k
    return Pairs(user_rows[reader[first]], article[first])
