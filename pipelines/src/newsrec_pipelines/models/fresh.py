"""The newest articles: of chosen categories, then of categories that a reader reads, then any."""

from typing import Any, Final, Self

import numpy as np
from scipy.sparse import csr_matrix

from newsrec_pipelines.features.types import Pairs, TrainingData
from newsrec_pipelines.models.feedback import Weights
from newsrec_pipelines.models.protocols import Rows, State, Vectors
from newsrec_pipelines.models.request_rows import RequestRows
from newsrec_pipelines.models.sparse import ragged, values_at
from newsrec_pipelines.parameters import Params

# How near a category is to a reader: what she chose comes before what she reads.
_CHOSEN: Final = 2.0
_READ: Final = 1.0
# Of all that she read: a category that she reads, not one that she once strayed into.
_MUCH: Final = 0.1


class Fresh:
    """Nothing but age and category.

    New articles that nobody has read, in data without texts, have no other way to a reader.
    """

    name = "fresh"

    def __init__(self, weights: Weights) -> None:
        self.weights = weights

    @classmethod
    def fit(cls, data: TrainingData, params: Params, previous: Self | None = None) -> Self:
        """Learn how dwell is weighted."""
        return cls(Weights.of(data.reads, params))

    @classmethod
    def from_state(cls, state: State, params: Params) -> Self:
        """The scorer that was saved."""
        return cls(Weights(**state["weights"]))

    def state(self) -> dict[str, Any]:
        """How dwell was weighted."""
        return {"weights": vars(self.weights)}

    def at(self, request: RequestRows) -> "Newest":
        """How new the candidates are, and how near their categories are to each reader."""
        return Newest(request, _nearness(request, self.weights))


class Newest:
    """Newest first, in the order of how near the category is."""

    def __init__(self, request: RequestRows, nearness: csr_matrix) -> None:
        """Keep the order of the articles.

        Args:
            request: what was asked.
            nearness: shape (readers, categories).
        """
        self._request = request
        self._nearness = nearness
        age = (request.request.as_of - request.request.articles["published_at"]).dt.total_seconds()
        self._age_hours = np.maximum(age.to_numpy() / 3600, 0.0)
        # Place of each article when all are sorted, the newest first; no two are equal.
        self._newest = np.argsort(self._age_hours, kind="stable")
        self._place = np.empty(len(age), np.int64)
        self._place[self._newest] = np.arange(len(age))
        self._lists: dict[int, tuple[Rows, Rows]] = {}

    def of_pairs(self, pairs: Pairs) -> Vectors:
        """``nearness + 1 / (1 + age_hours)``: 2 is a chosen category, 1 one that she reads."""
        category = self._request.category_of_article[pairs.article_row]
        near = values_at(self._nearness, pairs.user_row, category)
        return (near + 1 / (1 + self._age_hours[pairs.article_row])).astype(np.float32)

    def best(self, user_rows: Rows, k: int) -> Pairs:
        """The first unread articles in this order."""
        left = np.arange(len(user_rows))
        found = [np.zeros((2, 0), np.int64)]
        # Most readers find enough in the categories that they chose; the rest are asked again.
        for least in (_CHOSEN, _READ, 0.0):
            row, article = self._first(user_rows[left], least, k)
            enough = np.bincount(row, minlength=len(left)) == k
            done = enough[row] | (least == 0.0)
            found.append(np.array([left[row[done]], article[done]]))
            left = left[~enough]
        row, article = np.hstack(found)
        order = np.argsort(row, kind="stable")
        return Pairs(user_rows[row[order]], article[order])

    def _first(self, user_rows: Rows, least: float, k: int) -> tuple[Rows, Rows]:
        """The first `k` of the categories that are at least so near, or of all; rows of both."""
        eligibility = self._request.eligibility
        groups = eligibility.group_of_reader[user_rows]
        keys = [np.zeros(0, np.int64)]
        for group in np.unique(groups).tolist():
            row = np.flatnonzero(groups == group)
            # As many of each category as she can have read of all, and k more.
            wanted = k + eligibility.seen_counts(user_rows[row])
            keys.append(self._pool(group, user_rows[row], row, wanted, least))
        # Sorted by reader, nearness and age; an article of a near category is also one of all.
        key = np.unique(np.concatenate(keys))
        row, rest = np.divmod(key, 3 * max(len(self._newest), 1))
        article = self._newest[rest % max(len(self._newest), 1)]
        unread = eligibility.unread(Pairs(user_rows[row], article))
        row, article = row[unread], article[unread]
        _, place = ragged(np.bincount(row, minlength=len(user_rows)))
        return row[place < k], article[place < k]

    def _pool(self, group: int, user_rows: Rows, row: Rows, wanted: Rows, least: float) -> Rows:
        """One number a pair, in the order of readers, nearness and age."""
        articles, starts = self._by_category(group)
        near = self._nearness[user_rows]
        reader, _ = ragged(np.diff(near.indptr))
        good = near.data >= least
        reader, category, value = reader[good], near.indices[good], near.data[good]
        if least == 0.0:  # the list of all articles, as if it were one more category
            everyone = np.arange(len(row))
            reader = np.concatenate([reader, everyone])
            category = np.concatenate([category, np.full(len(row), len(starts) - 2)])
        one, place = ragged(np.minimum(starts[category + 1] - starts[category], wanted[reader]))
        article = articles[starts[category[one]] + place]
        if least == 0.0:
            value = values_at(near, reader[one], self._request.category_of_article[article])
        else:
            value = value[one]
        size = len(self._newest)
        tier = (_CHOSEN - value).astype(np.int64)
        return (row[reader[one]] * 3 + tier) * size + self._place[article]

    def _by_category(self, group: int) -> tuple[Rows, Rows]:
        """Articles of each category and of all, the newest first, and where each list starts."""
        if group not in self._lists:
            rows = self._request.eligibility.articles_of(group)
            rows = rows[np.argsort(self._place[rows])]
            category = self._request.category_of_article[rows]
            counts = np.bincount(category, minlength=len(self._request.categories))
            starts = np.cumsum([0, *counts, len(rows)])
            articles = np.concatenate([rows[np.argsort(category, kind="stable")], rows])
            self._lists[group] = articles, starts
        return self._lists[group]


def _nearness(request: RequestRows, weights: Weights) -> csr_matrix:
    """How near each category is to each reader, shape (readers, categories)."""
    user, category = (
        np.concatenate(r)
        for r in zip(_of_last_reads(request, weights), _of_counters(request), strict=True)
    )
    read = csr_matrix(
        (np.ones(len(user), np.float32), (user, category)),
        shape=(len(request.users), len(request.categories)),
    )
    read.data[:] = _READ
    return (_CHOSEN * request.choices).maximum(read).tocsr()


def _of_last_reads(request: RequestRows, weights: Weights) -> tuple[Rows, Rows]:
    """Rows of readers and categories of the candidates that they have read already."""
    seen = request.reads(weights)
    candidate = request.articles.rows(seen.article_ids)[seen.read_row]
    good = (candidate >= 0) & (seen.weight > 0)
    return seen.user_row[good], request.category_of_article[candidate[good]]


def _of_counters(request: RequestRows) -> tuple[Rows, Rows]:
    """Rows of readers and categories of which they have read much before."""
    counters = request.request.features.user_category
    reads = counters["reads_decayed"].fill_null(0.0).to_numpy()
    user = request.users.rows(counters["user_id"])
    category = request.categories.rows(counters["category"])
    total = np.bincount(user[user >= 0], reads[user >= 0], minlength=len(request.users))
    good = (user >= 0) & (category >= 0) & (reads > 0)
    good[good] = reads[good] >= _MUCH * total[user[good]]
    return user[good], category[good]
