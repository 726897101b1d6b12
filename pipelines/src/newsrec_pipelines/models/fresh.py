"""The newest articles: of chosen categories, then of categories that a reader reads, then any."""

from typing import Any, Final, Self

import numpy as np
from scipy.sparse import csr_matrix

from newsrec_pipelines.config import Params
from newsrec_pipelines.features.types import Pairs, TrainingData
from newsrec_pipelines.models.feedback import Weights
from newsrec_pipelines.models.protocols import Rows, State, Vectors
from newsrec_pipelines.models.request_rows import RequestRows
from newsrec_pipelines.models.sparse import ragged, values_at

# How near a category is to a reader: what she chose comes before what she reads.
_CHOSEN: Final = 2.0
_READ: Final = 1.0


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
        self._place = np.empty(len(age), np.int64)
        self._place[np.argsort(self._age_hours, kind="stable")] = np.arange(len(age))
        self._lists: dict[int, tuple[Rows, Rows]] = {}

    def of_pairs(self, pairs: Pairs) -> Vectors:
        """``nearness + 1 / (1 + age_hours)``: 2 is a chosen category, 1 one that she reads."""
        category = self._request.category_of_article[pairs.article_row]
        near = values_at(self._nearness, pairs.user_row, category)
        return (near + 1 / (1 + self._age_hours[pairs.article_row])).astype(np.float32)

    def best(self, user_rows: Rows, k: int) -> Pairs:
        """The first unread articles in this order."""
        scope = self._request.scope
        groups = scope.group_of_reader[user_rows]
        found = [np.zeros((2, 0), np.int64)]
        for group in np.unique(groups).tolist():
            row = np.flatnonzero(groups == group)
            wanted = k + scope.seen_counts(user_rows[row])
            found.append(self._pool(group, user_rows, row, wanted))
        row, article = np.hstack(found)
        pairs = Pairs(user_rows[row], article)
        unread = scope.unread(pairs)
        row, article = row[unread], article[unread]
        near = values_at(self._nearness, user_rows[row], self._request.category_of_article[article])
        order = np.lexsort((self._place[article], -near, row))
        _, place = ragged(np.bincount(row, minlength=len(user_rows)))
        first = order[place < k]
        return Pairs(user_rows[row[first]], article[first])

    def _pool(self, group: int, user_rows: Rows, row: Rows, wanted: Rows) -> Rows:
        """The newest of her categories and of all, so many of each; shape (2, pairs), each once."""
        articles, starts = self._by_category(group)
        near = self._nearness[user_rows[row]]
        reader, _ = ragged(np.diff(near.indptr))
        # Her categories, and one that stands for all.
        reader = np.concatenate([reader, np.arange(len(row))])
        category = np.concatenate([near.indices, np.full(len(row), len(starts) - 2)])
        counts = np.minimum(starts[category + 1] - starts[category], wanted[reader])
        one, place = ragged(counts)
        keys = row[reader[one]] * len(self._place) + articles[starts[category[one]] + place]
        return np.array(np.divmod(np.unique(keys), len(self._place)))

    def _by_category(self, group: int) -> tuple[Rows, Rows]:
        """Articles of each category and of all, the newest first, and where each list starts."""
        if group not in self._lists:
            rows = self._request.scope.articles_of(group)
            rows = rows[np.argsort(self._place[rows])]
            category = self._request.category_of_article[rows]
            counts = np.bincount(category, minlength=len(self._request.categories))
            starts = np.cumsum([0, *counts, len(rows)])
            articles = np.concatenate([rows[np.argsort(category, kind="stable")], rows])
            self._lists[group] = articles, starts
        return self._lists[group]


def _nearness(request: RequestRows, weights: Weights) -> csr_matrix:
    """How near each category is to each reader, shape (readers, categories)."""
    seen = request.reads(weights)
    candidate = request.articles.rows(seen.article_ids)[seen.read_row]
    good = (candidate >= 0) & (seen.weight > 0)
    shape = (len(request.users), len(request.categories))
    read = csr_matrix(
        (
            np.ones(good.sum(), np.float32),
            (seen.user_row[good], request.category_of_article[candidate[good]]),
        ),
        shape=shape,
    )
    read.data[:] = _READ
    return (_CHOSEN * request.choices).maximum(read).tocsr()
