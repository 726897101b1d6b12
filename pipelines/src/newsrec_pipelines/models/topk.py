"""The best articles of readers by the product of their vectors, and by lists that they share."""

import threading
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from newsrec_pipelines.features.types import Pairs
from newsrec_pipelines.models.eligibility import Eligibility
from newsrec_pipelines.models.sparse import ragged

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]

# Vectors that are gathered at once: few enough to stay in the caches of a core.
_GATHERED: Final = 1 << 12
# Readers of one matrix product: more would not fit into the caches either.
_READERS: Final = 256
_LONGEST_BLOCK: Final = 64
_BLOCKS: Final = 16  # for each article that is looked for, if there are as many articles
_of_thread = threading.local()


def products(users: Vectors, articles: Vectors, user_row: Rows, article_row: Rows) -> Vectors:
    """``users[user_row[i]] @ articles[article_row[i]]``, shape (pairs,).

    Each is summed by itself, so that it does not depend on which other pairs are asked for, as the
    last bits of a matrix product do.
    """
    scores = np.empty(len(user_row), np.float32)
    for start in range(0, len(scores), _GATHERED):
        part = slice(start, start + _GATHERED)
        np.einsum("ij,ij->i", users[user_row[part]], articles[article_row[part]], out=scores[part])
    return scores


class Dots:
    """A bound scorer that is the dot product of two vectors; zeros are for what is not known."""

    def __init__(
        self, users: Vectors, articles: Vectors, eligibility: Callable[[], Eligibility]
    ) -> None:
        """Keep the vectors.

        Args:
            users: shape (readers, k).
            articles: shape (articles, k).
            eligibility: which articles readers may get; asked only for candidates.
        """
        self.users = users
        self.articles = articles
        self._eligibility = eligibility
        self._of_group: dict[int, tuple[Rows, Rows, Nearest]] = {}

    def of_pairs(self, pairs: Pairs) -> Vectors:
        """The products, shape (pairs,)."""
        return products(self.users, self.articles, *pairs)

    def best(self, user_rows: Rows, k: int) -> Pairs:
        """The articles with the highest positive products, found exactly; of equal ones the first.

        Computes on one core: callers with more of them cut the readers into blocks.
        """
        eligibility = self._eligibility()
        known = np.flatnonzero(self.users[user_rows].any(axis=1))
        groups = eligibility.group_of_reader[user_rows[known]]
        found = [np.zeros((2, 0), np.int64)]
        for group in np.unique(groups).tolist():
            place = known[groups == group]
            rows, column_of, nearest = self._articles(group)
            readers = user_rows[place]
            seen = eligibility.seen(readers)
            without = Pairs(ragged(np.diff(seen.indptr))[0], column_of[seen.indices])
            row, column, _ = nearest.best(self.users[readers], k, without)
            found.append(np.array([place[row], rows[column]]))
        place, article = np.hstack(found)
        order = np.argsort(place, kind="stable")
        return Pairs(user_rows[place[order]], article[order])

    def _articles(self, group: int) -> tuple[Rows, Rows, "Nearest"]:
        """Rows of a group's articles, the place of each article among them (or -1), and these."""
        if group not in self._of_group:
            rows = self._eligibility().articles_of(group)
            rows = rows[self.articles[rows].any(axis=1)]
            column_of = np.full(len(self.articles), -1)
            column_of[rows] = np.arange(len(rows))
            self._of_group[group] = rows, column_of, Nearest(self.articles[rows])
        return self._of_group[group]


class Nearest:
    """Articles laid out for the search of those with the largest products, which is exact.

    A matrix product says which articles can be among the `k` best of a reader. It is cut into
    blocks: if `k` blocks have a maximum of at least `t`, the `k`-th best is at least `t`. The few
    that are left are multiplied anew, one by one, so that who is found does not depend on which
    readers are asked for together.
    """

    def __init__(self, articles: Vectors) -> None:
        """Keep them.

        Args:
            articles: shape (articles, dimensions); those of zeros are never found.
        """
        self._articles = articles
        self._columns = np.ascontiguousarray(articles.T)
        # A sum of n products is wrong by at most n u |x| |y|, with u = eps / 2 (N. Higham: Accuracy
        # and Stability of Numerical Algorithms, 2002, section 3.1). Two sums are compared, each by
        # two ways of computing it.
        norm = float(np.linalg.norm(articles, axis=1).max(initial=0.0))
        self._rounding = 2 * articles.shape[1] * float(np.finfo(np.float32).eps) * norm

    def best(
        self, users: Vectors, k: int, without: Pairs | None = None
    ) -> tuple[Rows, Rows, Vectors]:
        """Up to `k` articles of each user with the largest positive products, by falling product.

        Of equal ones the first come first. Computes on as many cores as BLAS may.

        Args:
            users: shape (users, dimensions).
            k: how many of each user.
            without: rows of users, rising, and of articles that they do not get; -1 is none.

        Returns:
            Rows of users, rising; rows of articles; and their products.
        """
        found = [self._best(users, n, k, without) for n in range(0, len(users), _READERS)]
        nothing = np.zeros(0, np.int64)
        row, column = (np.concatenate([nothing, *(f[i] for f in found)]) for i in range(2))
        return row, column, np.concatenate([np.zeros(0, np.float32), *(f[2] for f in found)])

    def _best(
        self, users: Vectors, first: int, k: int, without: Pairs | None
    ) -> tuple[Rows, Rows, Vectors]:
        part = users[first : first + _READERS]
        size = self._columns.shape[1]
        scores = _buffer(len(part) * size).reshape(len(part), size)
        np.matmul(part, self._columns, out=scores)
        if without is not None:
            here = slice(*np.searchsorted(without.user_row, [first, first + len(part)]))
            user, article = without.user_row[here] - first, without.article_row[here]
            scores[user[article >= 0], article[article >= 0]] = -np.inf
        slack = self._rounding * np.linalg.norm(part, axis=1)
        # What is not positive is not wanted, so that zero is as good a bound.
        least = np.maximum(_kth_largest(scores, k), 0.0) - slack
        row, column = np.divmod(np.flatnonzero(scores >= least[:, None]), max(size, 1))
        score = products(part, self._articles, row, column)
        order = np.lexsort((column, -score, row))
        order = order[score[order] > 0]
        _, place = ragged(np.bincount(row[order], minlength=len(part)))
        order = order[place < k]
        return first + row[order], column[order], score[order]


def _kth_largest(scores: Vectors, k: int) -> Vectors:
    """A bound that at least `k` scores of each row reach, if there are as many; shape (rows,)."""
    rows, size = scores.shape
    if size < k:
        return np.full(rows, -np.inf, np.float32)
    length = min(max(size // (_BLOCKS * k), 1), _LONGEST_BLOCK)
    blocks = size // length
    # Neighbours are of different blocks, so that the maxima are taken of whole rows.
    maxima = scores[:, : blocks * length].reshape(rows, length, blocks).max(axis=1)
    maxima = np.hstack([maxima, scores[:, blocks * length :]])
    return np.partition(maxima, -k, axis=1)[:, -k]


def _buffer(size: int) -> Vectors:
    """Memory of this thread: new pages for each product would take longer than the product."""
    buffer: Vectors | None = getattr(_of_thread, "buffer", None)
    if buffer is None or len(buffer) < size:
        buffer = _of_thread.buffer = np.empty(size, np.float32)
    return buffer[:size]


def first_unread(
    user_rows: Rows, lists: list[Rows], list_of_reader: Rows, eligibility: Eligibility, k: int
) -> Pairs:
    """The first `k` articles of a list that each reader has not read.

    Args:
        user_rows: readers.
        lists: article rows, the best first.
        list_of_reader: which of them is a reader's, shape (user_rows,).
        eligibility: knows what was read.
        k: how many a reader.
    """
    if not len(user_rows) or not lists:
        return Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64))
    lengths = np.array([len(rows) for rows in lists])
    starts = np.cumsum(lengths) - lengths
    # As many as she can have read of them, and k more.
    counts = np.minimum(lengths[list_of_reader], k + eligibility.seen_counts(user_rows))
    reader, place = ragged(counts)
    article = np.concatenate(lists)[starts[list_of_reader[reader]] + place]
    unread = eligibility.unread(Pairs(user_rows[reader], article))
    reader, article = reader[unread], article[unread]
    _, place = ragged(np.bincount(reader, minlength=len(user_rows)))
    first = place < k
    return Pairs(user_rows[reader[first]], article[first])
