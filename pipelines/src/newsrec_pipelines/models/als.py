"""Collaborative scorer: implicit-feedback ALS with dwell as confidence."""

from typing import Any, Self

import numpy as np
import polars as pl
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from newsrec_pipelines.config import AlsParams, Params
from newsrec_pipelines.features.types import Request, TrainingData
from newsrec_pipelines.models.feedback import Weights, feedback
from newsrec_pipelines.models.index import Index
from newsrec_pipelines.models.protocols import State, Vectors


class Als:
    """Matrix factorisation of who read what.

    Y. Hu, Y. Koren, C. Volinsky: Collaborative Filtering for Implicit Feedback Datasets (2008).
    A pair that was read has the preference 1 with the confidence ``c = 1 + alpha r``, where ``r``
    is its weight in `feedback`; a hidden article has the preference 0 with ``c = 1 + alpha``.

    Only articles have learnt factors. Readers are folded in from the history in the request by one
    least-squares step (equation 4 of the paper), so that a new read counts at once, and readers
    who joined after the training are no exception.
    """

    name = "als"

    def __init__(self, articles: Index, factors: Vectors, weights: Weights, params: Params) -> None:
        self.articles = articles
        self.factors = factors
        self.weights = weights
        self._params = params.als
        self._seed = params.training.seed

    @classmethod
    def fit(cls, data: TrainingData, params: Params) -> Self:
        """Factorise the reads of the training data."""
        weights = Weights.of(data.reads, params)
        seen = feedback(data.reads, weights)
        articles = Index(seen["article_id"].unique().sort())
        users = Index(seen["user_id"].unique().sort())
        if not len(seen):
            empty = np.zeros((0, params.als.embedding_size), np.float32)
            return cls(articles, empty, weights, params)
        confidence = _confidence(seen, users, articles, params.als)
        with threadpool_limits(1, "blas"):  # implicit has threads of its own; BLAS's slow them down
            als = _solver(params.als, params.training.seed)
            als.fit(confidence, show_progress=False)
        return cls(articles, als.item_factors.astype(np.float32), weights, params)

    @classmethod
    def from_state(cls, state: State, params: Params) -> Self:
        """The scorer that was saved."""
        return cls(Index(state["articles"]), state["factors"], Weights(**state["weights"]), params)

    def state(self) -> dict[str, Any]:
        """Ids and factors of the articles, and how dwell was weighted."""
        return {
            "articles": self.articles.ids.to_list(),
            "factors": self.factors,
            "weights": vars(self.weights),
        }

    def user_vectors(self, request: Request) -> Vectors:
        """Factors of the readers, solved from their history; zeros for cold readers."""
        users = Index(request.users["user_id"])
        if not len(users) or not len(self.articles):
            return np.zeros((len(users), self.factors.shape[1]), np.float32)
        seen = feedback(request.history, self.weights)
        confidence = _confidence(seen, users, self.articles, self._params)
        with threadpool_limits(1, "blas"):
            als = _solver(self._params, self._seed)
            als.item_factors = self.factors
            return als.recalculate_user(np.arange(len(users)), confidence).astype(np.float32)

    def article_vectors(self, request: Request) -> Vectors:
        """Factors of the articles; zeros for those that nobody had read."""
        return self.vectors_of(request.articles["article_id"])

    def vectors_of(self, article_ids: pl.Series) -> Vectors:
        """Factors of articles, shape (ids, k); zeros for those that nobody had read."""
        rows = self.articles.rows(article_ids)
        vectors = np.zeros((len(rows), self.factors.shape[1]), np.float32)
        vectors[rows >= 0] = self.factors[rows[rows >= 0]]
        return vectors


def _solver(params: AlsParams, seed: int) -> AlternatingLeastSquares:
    return AlternatingLeastSquares(
        factors=params.embedding_size,
        regularization=params.reg,
        iterations=params.epochs,
        random_state=seed,
    )


def _confidence(seen: pl.DataFrame, users: Index, articles: Index, params: AlsParams) -> csr_matrix:
    rows, columns = users.rows(seen["user_id"]), articles.rows(seen["article_id"])
    known = (rows >= 0) & (columns >= 0)
    weight = seen["weight"].to_numpy()[known]
    # implicit's convention: a negative value is the confidence that the reader does not want it.
    confidence = np.copysign(1 + params.alpha * np.abs(weight), weight).astype(np.float32)
    return csr_matrix(
        (confidence, (rows[known], columns[known])), shape=(len(users), len(articles))
    )
