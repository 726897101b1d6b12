"""Co-reading scorer: what readers of an article read on the same day."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, Self

import numpy as np
import polars as pl
from implicit._nearest_neighbours import all_pairs_knn
from scipy.sparse import csr_matrix

from newsrec_pipelines.features.types import Pairs, TrainingData
from newsrec_pipelines.models.eligibility import Eligibility
from newsrec_pipelines.models.feedback import Weights, summed
from newsrec_pipelines.models.index import Index, coded
from newsrec_pipelines.models.protocols import Rows, State, Vectors
from newsrec_pipelines.models.request_rows import RequestRows
from newsrec_pipelines.models.sparse import largest, ragged, values_at
from newsrec_pipelines.parameters import CoReadParams, Params

# Of one reader and day: more is no person's reading, and pairs grow with the square.
_LONGEST_BASKET: Final = 50
# Days whose reads weigh less than a hundredth change nothing.
_HALF_LIVES: Final = 7


class CoRead:
    """Item-to-item collaborative filtering over the baskets of a reader's day.

    B. Sarwar et al.: Item-based Collaborative Filtering Recommendation Algorithms (2001), with the
    cosine shrunk towards zero where few have read an article:
    ``s_ij = sum_b d_b w_bi w_bj / sqrt((n_i + shrinkage) (n_j + shrinkage))``, with
    ``n_i = sum_b d_b w_bi^2``, where ``w`` is the weight of a read (see `feedback`) in the basket
    ``b`` of one reader and day, and ``d_b = 2^(-age / half_life)``. An article keeps its nearest
    neighbours. A reader's score is ``sum_i w_i s_ij`` over her last reads ``i``; what she hid
    counts against its neighbours.
    """

    name = "coread"

    def __init__(
        self, articles: Index, similar: csr_matrix, weights: Weights, params: Params
    ) -> None:
        self.articles = articles
        self.similar = similar
        self.weights = weights
        self._params = params.coread

    @classmethod
    def fit(cls, data: TrainingData, params: Params, previous: Self | None = None) -> Self:
        """Count who read what on the same day."""
        weights = Weights.of(data.reads, params)
        oldest = data.as_of - timedelta(days=_HALF_LIVES * params.coread.half_life_days)
        reads = data.reads.filter(pl.col("read_at") >= oldest)
        articles, article_row = coded(reads["article_id"])
        matrix = _baskets(reads, article_row, len(articles), weights, data.as_of, params.coread)
        return cls(articles, _neighbours(matrix, params.coread), weights, params)

    @classmethod
    def from_state(cls, state: State, params: Params) -> Self:
        """The scorer that was saved."""
        size = len(state["articles"])
        similar = csr_matrix(
            (state["similarities"], state["neighbours"], state["starts"]), shape=(size, size)
        )
        return cls(Index(state["articles"]), similar, Weights(**state["weights"]), params)

    def state(self) -> dict[str, Any]:
        """Articles, their neighbours, and how dwell was weighted."""
        return {
            "articles": self.articles.ids.to_list(),
            "similarities": self.similar.data,
            "neighbours": self.similar.indices,
            "starts": self.similar.indptr,
            "weights": vars(self.weights),
        }

    def at(self, request: RequestRows) -> "Neighbourhood":
        """What the neighbours of each reader's last reads are."""
        size = len(request.articles)
        rows = self.articles.rows(request.articles.ids)
        known = np.flatnonzero(rows >= 0)
        to_candidates = csr_matrix(
            (np.ones(len(known), np.float32), (rows[known], known)),
            shape=(len(self.articles), size),
        )
        return Neighbourhood(
            self._last_reads(request), self.similar @ to_candidates, lambda: request.eligibility
        )

    def _last_reads(self, request: RequestRows) -> csr_matrix:
        """Weights of the last reads, shape (readers, known articles)."""
        seen = request.reads(self.weights)
        columns = self.articles.rows(seen.article_ids)[seen.read_row]
        order = np.lexsort((seen.read_row, seen.age_days, seen.user_row))
        _, place = ragged(np.bincount(seen.user_row, minlength=len(request.users)))
        last = order[place < self._params.recent_reads]
        last = last[columns[last] >= 0]
        return csr_matrix(
            (seen.weight[last], (seen.user_row[last], columns[last])),
            shape=(len(request.users), len(self.articles)),
        )


class Neighbourhood:
    """Sums of similarities to what a reader read last."""

    def __init__(
        self, reads: csr_matrix, similar: csr_matrix, eligibility: Callable[[], Eligibility]
    ) -> None:
        """Keep both factors.

        Args:
            reads: weights, shape (readers, known articles).
            similar: shape (known articles, candidates).
            eligibility: which articles readers may get.
        """
        self._reads = reads
        self._similar = similar
        self._eligibility = eligibility

    def of_pairs(self, pairs: Pairs) -> Vectors:
        """The sum of each pair."""
        users, row = np.unique(pairs.user_row, return_inverse=True)
        return values_at(self._scores(users), row, pairs.article_row)

    def best(self, user_rows: Rows, k: int) -> Pairs:
        """The articles with the highest positive sums."""
        eligibility = self._eligibility()
        scores = self._scores(user_rows)
        row, column = ragged(np.diff(scores.indptr))[0], scores.indices.astype(np.int64)
        scores.data[~eligibility.allows(Pairs(user_rows[row], column))] = 0.0
        row, column = largest(scores, k)
        return Pairs(user_rows[row], column)

    def _scores(self, user_rows: Rows) -> csr_matrix:
        scores = self._reads[user_rows] @ self._similar
        scores.sort_indices()
        return scores


def _baskets(
    reads: pl.DataFrame,
    article_row: Rows,
    articles: int,
    weights: Weights,
    as_of: datetime,
    params: CoReadParams,
) -> csr_matrix:
    """Decayed weights of what a reader read on a day, shape (baskets, articles)."""
    _, user_row = coded(reads["user_id"])
    age = as_of - reads["read_at"].dt.truncate("1d")
    day = np.maximum(age.dt.total_days().to_numpy(), 0)
    days = int(day.max(initial=0)) + 1
    seen = summed(reads, user_row * days + day, article_row, weights)
    # The longest read ones of each basket.
    order = np.lexsort((seen.article_row, -seen.weight, seen.user_row))
    order = order[seen.weight[order] > 0]
    baskets, basket = np.unique(seen.user_row[order], return_inverse=True)
    _, place = ragged(np.bincount(basket, minlength=len(baskets)))
    order, basket = order[place < _LONGEST_BASKET], basket[place < _LONGEST_BASKET]
    # Each basket is multiplied by itself, hence the root.
    decay = np.sqrt(0.5 ** (seen.user_row[order] % days / params.half_life_days))
    return csr_matrix(
        (seen.weight[order] * decay, (basket, seen.article_row[order])),
        shape=(len(baskets), articles),
    )


def _neighbours(baskets: csr_matrix, params: CoReadParams) -> csr_matrix:
    """Similarities of the nearest of each article, shape (articles, articles)."""
    size = baskets.shape[1]
    if not baskets.nnz:
        return csr_matrix((size, size), dtype=np.float32)
    norm = np.asarray(baskets.multiply(baskets).sum(axis=0)).ravel()
    shrunk = baskets.multiply(1 / np.sqrt(norm + params.shrinkage)).tocsr()
    # One more, since an article is near to itself, if not always nearest.
    nearest = all_pairs_knn(shrunk, params.neighbours + 1, show_progress=False)
    others = csr_matrix(
        (np.where(nearest.row != nearest.col, nearest.data, 0.0), (nearest.row, nearest.col)),
        shape=(size, size),
        dtype=np.float32,
    )
    rows, columns = largest(others, params.neighbours)
    similar = csr_matrix((values_at(others, rows, columns), (rows, columns)), shape=(size, size))
    similar.sort_indices()
    return similar
