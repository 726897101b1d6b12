"""Collaborative scorer: implicit-feedback ALS with dwell as confidence."""

from typing import Any, Final, Self

import numpy as np
import polars as pl
from implicit.cpu.als import AlternatingLeastSquares
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from newsrec_pipelines.features.types import TrainingData
from newsrec_pipelines.models.feedback import Weights, summed
from newsrec_pipelines.models.index import Index, coded
from newsrec_pipelines.models.protocols import Encoder, Rows, State, Vectors
from newsrec_pipelines.models.request_rows import RequestRows
from newsrec_pipelines.models.topk import Dots
from newsrec_pipelines.parameters import AlsParams, Params

# The most read articles; more do not change what a text lets expect.
_MAX_MAPPED: Final = 50_000


class Als:
    """Matrix factorisation of who read what.

    Y. Hu, Y. Koren, C. Volinsky: Collaborative Filtering for Implicit Feedback Datasets (2008).
    A pair that was read has the preference 1 with the confidence ``c = 1 + alpha r``, where ``r``
    is its weight in `feedback`; a hidden article has the preference 0 with ``c = 1 + alpha``.

    Only articles have learnt factors. Readers are folded in from the history in the request by one
    least-squares step (equation 4 of the paper), so that a new read counts at once, and readers
    who joined after the training are no exception.

    An article that nobody has read gets the factors ``[x, 1] B`` that its text vector ``x`` lets
    expect (Z. Gantner et al.: Learning Attribute-to-Feature Mappings for Cold-Start
    Recommendations, 2010). ``B`` is a ridge regression of the learnt factors on the texts, in which
    an article counts as often as it was read.
    """

    name = "als"

    def __init__(
        self, articles: Index, factors: Vectors, mapping: Vectors, weights: Weights, params: Params
    ) -> None:
        """Keep what was learnt.

        Args:
            articles: those that were read.
            factors: shape (articles, k).
            mapping: ``B``, shape (text dimensions + 1, k); (0, k) when no text was known.
            weights: how dwell was weighted.
            params: all of them.
        """
        self.articles = articles
        self.factors = factors
        self.mapping = mapping
        self.weights = weights
        self._params = params.als
        self._seed = params.training.seed

    @classmethod
    def fit(
        cls,
        data: TrainingData,
        params: Params,
        previous: Self | None = None,
        texts: Encoder | None = None,
    ) -> Self:
        """Factorise the reads of the training data.

        Args:
            data: what was known.
            params: everything that changes the result.
            previous: factors to start from.
            texts: for the factors of articles that nobody has read; without, they are zeros.
        """
        weights = Weights.of(data.reads, params)
        nothing = np.zeros((0, params.als.embedding_size), np.float32)
        if data.reads.is_empty():
            return cls(Index([]), nothing, nothing, weights, params)
        users, user_row = coded(data.reads["user_id"])
        articles, article_row = coded(data.reads["article_id"])
        seen = summed(data.reads, user_row, article_row, weights)
        confidence = _confidence(
            seen.weight, (seen.user_row, seen.article_row), (len(users), len(articles)), params.als
        )
        factors = _factorise(confidence, _start(articles, previous, params.als), params)
        mapping = nothing
        if texts is not None:
            reads = np.bincount(confidence.indices, minlength=len(articles))
            mapping = _mapping(articles, factors, reads, data.articles, texts, params.als)
        return cls(articles, factors, mapping, weights, params)

    @classmethod
    def from_state(cls, state: State, params: Params) -> Self:
        """The scorer that was saved."""
        return cls(
            Index(state["articles"]),
            state["factors"],
            state["mapping"],
            Weights(**state["weights"]),
            params,
        )

    def state(self) -> dict[str, Any]:
        """Ids and factors of the articles, factors from texts, and how dwell was weighted."""
        return {
            "articles": self.articles.ids.to_list(),
            "factors": self.factors,
            "mapping": self.mapping,
            "weights": vars(self.weights),
        }

    def at(self, request: RequestRows, texts: Vectors | None = None) -> Dots:
        """Factors of the readers, solved from their history, times those of the articles.

        Args:
            request: what was asked.
            texts: vectors of its articles, by the encoder of `fit`, for those that nobody has read.
        """
        articles = self.vectors_of(request.articles.ids, texts)
        return Dots(self._fold_in(request), articles, lambda: request.eligibility)

    def vectors_of(self, article_ids: pl.Series, texts: Vectors | None = None) -> Vectors:
        """Factors of articles, shape (ids, k).

        Args:
            article_ids: the articles.
            texts: their vectors, shape (ids, text dimensions). Without them, or without a known
                word, the factors of an article that nobody has read are zeros.
        """
        rows = self.articles.rows(article_ids)
        vectors = np.zeros((len(rows), self.factors.shape[1]), np.float32)
        vectors[rows >= 0] = self.factors[rows[rows >= 0]]
        if texts is not None and len(self.mapping):
            unread = (rows < 0) & texts.any(axis=1)
            vectors[unread] = texts[unread] @ self.mapping[:-1] + self.mapping[-1]
        return vectors

    def _fold_in(self, request: RequestRows) -> Vectors:
        """Factors of the readers; zeros for cold readers."""
        if not len(request.users) or not len(self.articles):
            return np.zeros((len(request.users), self.factors.shape[1]), np.float32)
        seen = request.reads(self.weights)
        columns = self.articles.rows(seen.article_ids)[seen.read_row]
        known = columns >= 0
        confidence = _confidence(
            seen.weight[known],
            (seen.user_row[known], columns[known]),
            (len(request.users), len(self.articles)),
            self._params,
        )
        with threadpool_limits(1, "blas"):
            als = _solver(self._params, self._seed)
            als.item_factors = self.factors
            return als.recalculate_user(np.arange(len(request.users)), confidence)


def _solver(params: AlsParams, seed: int) -> AlternatingLeastSquares:
    return AlternatingLeastSquares(
        factors=params.embedding_size,
        regularization=params.reg,
        iterations=params.epochs,
        random_state=seed,
    )


def _confidence(
    weight: Vectors, cells: tuple[Rows, Rows], shape: tuple[int, int], params: AlsParams
) -> csr_matrix:
    # implicit's convention: a negative value is the confidence that the reader does not want it.
    confidence = np.copysign(1 + params.alpha * np.abs(weight), weight).astype(np.float32)
    return csr_matrix((confidence, cells), shape=shape)


def _start(articles: Index, previous: Als | None, params: AlsParams) -> Vectors | None:
    """Earlier factors of the articles, zeros for new ones; None without any to start from."""
    if previous is None or previous.factors.shape[1] != params.embedding_size:
        return None
    factors = previous.vectors_of(articles.ids)
    return factors if factors.any() else None


def _factorise(confidence: csr_matrix, start: Vectors | None, params: Params) -> Vectors:
    """Factors of the articles, shape (articles, k)."""
    with threadpool_limits(1, "blas"):  # implicit has threads of its own; BLAS's slow them down
        als = _solver(params.als, params.training.seed)
        if start is not None:
            # Readers from the articles that are known, then all articles from the readers.
            als.item_factors = start
            als.user_factors = als.recalculate_user(np.arange(confidence.shape[0]), confidence)
            als.item_factors = als.recalculate_item(
                np.arange(confidence.shape[1]), confidence.T.tocsr()
            )
            als.iterations = params.als.warm_epochs
        als.fit(confidence, show_progress=False)
    return np.asarray(als.item_factors, np.float32)


def _mapping(
    articles: Index,
    factors: Vectors,
    reads: Rows,
    texts_of: pl.DataFrame,
    texts: Encoder,
    params: AlsParams,
) -> Vectors:
    """``B`` of `Als`, from the articles that were read most."""
    rows = articles.rows(texts_of["article_id"])
    known = np.flatnonzero(rows >= 0)
    most = known[np.argsort(-reads[rows[known]], kind="stable")[:_MAX_MAPPED]]
    rows = rows[most]
    return _ridge(texts.embed(texts_of[most]), factors[rows], reads[rows], params.content_reg)


def _ridge(texts: Vectors, factors: Vectors, weight: NDArray[np.int64], reg: float) -> Vectors:
    """``argmin_B sum_i weight_i |f_i - [x_i, 1] B|^2 + reg |B|^2``, shape (dimensions + 1, k)."""
    with_text = texts.any(axis=1)
    inputs = np.hstack([texts, np.ones((len(texts), 1), np.float32)])[with_text].astype(np.float64)
    if not len(inputs):
        return np.zeros((0, factors.shape[1]), np.float32)
    weighted = inputs.T * weight[with_text]
    with threadpool_limits(1, "blas"):  # sums in another order would make other artefacts
        normal = weighted @ inputs + reg * np.eye(inputs.shape[1])
        return np.linalg.solve(normal, weighted @ factors[with_text]).astype(np.float32)
