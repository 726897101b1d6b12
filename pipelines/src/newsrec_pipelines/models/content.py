"""Content scorer: what an article is about, and what a reader has read about."""

from typing import Any, Final, Self

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix

from newsrec_pipelines.features.types import Request, TrainingData
from newsrec_pipelines.models.encoders import encoder_from_state, fit_encoder
from newsrec_pipelines.models.feedback import Weights
from newsrec_pipelines.models.index import Index
from newsrec_pipelines.models.protocols import Encoder, State, Vectors
from newsrec_pipelines.models.request_rows import RequestRows
from newsrec_pipelines.models.text import unit
from newsrec_pipelines.models.topk import Dots
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.schemas import UNKNOWN

# What a reader's chosen categories weigh against what she read: as much as one whole, fresh read.
_CHOICE_WEIGHT: Final = 1.0
_MAX_READ: Final = 300_000  # articles whose vectors are kept
_MAX_DOCUMENTS: Final = 100_000  # the newest; more do not move the centre of a category


class Content:
    """What title, abstract and category say, by an encoder of texts.

    The reader's vector is ``unit(sum_i w_i 2^(-age_i / half_life) x_i + centroid)`` over the
    articles ``x_i`` she read, with ``w_i`` from `feedback`; ``centroid`` is the mean of the
    centroids of her chosen categories. So cold readers are where their choice is, and the choice
    fades as reading tells more. Vectors have unit norm: a score is a cosine.
    """

    name = "content"

    def __init__(
        self,
        text: Encoder,
        read: pl.DataFrame,
        read_vectors: Vectors,
        centroids: tuple[list[str], Vectors],
        weights: Weights,
        params: Params,
    ) -> None:
        self.text = text
        self.read = read  # article_id, title
        self.read_vectors = read_vectors
        self.categories = Index(centroids[0])
        self.centroids = centroids[1]
        self.weights = weights
        self._half_life_days = params.content.half_life_days
        self._embedded: tuple[pl.DataFrame, Vectors] | None = None

    @classmethod
    def fit(cls, data: TrainingData, params: Params, previous: Self | None = None) -> Self:
        """Learn the embedding from the articles, and embed those that anybody read."""
        text = fit_encoder(data.articles, params.content, params.training.seed)
        # The last that anybody read: older ones say little of what a reader wants now.
        last = data.reads.group_by("article_id").agg(pl.col("read_at").max())
        last = last.sort("read_at", "article_id").tail(_MAX_READ)
        read = data.articles.join(last, on="article_id", how="semi", maintain_order="left")
        newest = data.articles.sort("published_at", "article_id").tail(_MAX_DOCUMENTS)
        return cls(
            text,
            read.select("article_id", "title"),
            text.embed(read),
            _centroids(newest["category"], text.embed(newest)),
            Weights.of(data.reads, params),
            params,
        )

    @classmethod
    def from_state(cls, state: State, params: Params) -> Self:
        """The scorer that was saved."""
        return cls(
            encoder_from_state(state, params.content),
            pl.DataFrame(state["read"], schema={"article_id": pl.String, "title": pl.String}),
            state["read_vectors"],
            (state["categories"], state["centroids"]),
            Weights(**state["weights"]),
            params,
        )

    def state(self) -> dict[str, Any]:
        """The encoder, the read articles, the categories and how dwell was weighted."""
        return {
            **self.text.state(),
            "read": self.read.to_dict(as_series=False),
            "read_vectors": self.read_vectors,
            "categories": self.categories.ids.to_list(),
            "centroids": self.centroids,
            "weights": vars(self.weights),
        }

    def at(self, request: RequestRows) -> Dots:
        """Where each reader's reading points to, times what the articles are about."""
        return Dots(
            self._interests(request),
            self.embed(request.request.articles),
            lambda: request.eligibility,
        )

    def embed(self, articles: pl.DataFrame) -> Vectors:
        """Shape (articles, k). The last frame is remembered: readers come in blocks."""
        if self._embedded is None or not self._embedded[0].equals(articles):
            self._embedded = (articles, self.text.embed(articles))
        return self._embedded[1]

    def known_articles(self, request: Request) -> tuple[pl.DataFrame, Vectors]:
        """``article_id`` and ``title`` of articles that a history may name, and their vectors.

        Articles that appeared after the training are known from the request.
        """
        new = ~request.articles["article_id"].is_in(self.read["article_id"].implode())
        read = pl.concat(
            [self.read, request.articles.filter(new).select("article_id", "title")],
        )
        return read, np.vstack([self.read_vectors, self.embed(request.articles)[new.to_numpy()]])

    def _interests(self, request: RequestRows) -> Vectors:
        """Unit norm; zeros when nothing is known of a reader."""
        known_articles, vectors = self.known_articles(request.request)
        seen = request.reads(self.weights)
        columns = Index(known_articles["article_id"]).rows(seen.article_ids)[seen.read_row]
        known = columns >= 0
        decayed = seen.weight * 0.5 ** (np.maximum(seen.age_days, 0.0) / self._half_life_days)
        matrix = csr_matrix(
            (decayed[known].astype(np.float32), (seen.user_row[known], columns[known])),
            shape=(len(request.users), len(vectors)),
        )
        return unit(matrix @ vectors + _CHOICE_WEIGHT * self._choices(request))

    def _choices(self, request: RequestRows) -> Vectors:
        """Means of the centroids of the chosen categories, unit norm; zeros without any choice."""
        of_category = np.zeros((len(request.categories), self.centroids.shape[1]), np.float32)
        rows = self.categories.rows(request.categories.ids)
        of_category[rows >= 0] = self.centroids[rows[rows >= 0]]
        return unit(request.choices @ of_category)


def _centroids(category: pl.Series, vectors: Vectors) -> tuple[list[str], Vectors]:
    categories = category.filter(category != UNKNOWN).unique().sort()
    rows = Index(categories).rows(category)
    sums = np.zeros((len(categories), vectors.shape[1]), np.float32)
    np.add.at(sums, rows[rows >= 0], vectors[rows >= 0])
    return categories.to_list(), unit(sums)
