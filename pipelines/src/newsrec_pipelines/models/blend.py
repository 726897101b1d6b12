"""The scorers side by side, and the columns that the ranker blends."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from newsrec_pipelines.config import Params
from newsrec_pipelines.features.pairs import PAIR_FEATURES
from newsrec_pipelines.features.types import Request, TrainingData
from newsrec_pipelines.models.als import Als
from newsrec_pipelines.models.content import Content
from newsrec_pipelines.models.index import Index
from newsrec_pipelines.models.popularity import Popularity
from newsrec_pipelines.models.protocols import Scorer, Vectors

SCORERS: Final = (Popularity.name, Als.name, Content.name)
COLUMNS: Final = (*PAIR_FEATURES, *SCORERS)

Rows = NDArray[np.integer]


@dataclass(frozen=True)
class Scorers:
    """One fitted scorer of each kind."""

    popularity: Popularity
    als: Als
    content: Content

    @property
    def all(self) -> tuple[Scorer, ...]:
        """In the order of `SCORERS`."""
        return (self.popularity, self.als, self.content)

    @classmethod
    def fit(cls, data: TrainingData, params: Params) -> Self:
        """Fit each of them to the same data."""
        return cls(Popularity.fit(data, params), Als.fit(data, params), Content.fit(data, params))

    @classmethod
    def from_states(cls, states: Mapping[str, Mapping[str, Any]], params: Params) -> Self:
        """The scorers whose states were saved under their names."""
        return cls(
            Popularity.from_state(states[Popularity.name], params),
            Als.from_state(states[Als.name], params),
            Content.from_state(states[Content.name], params),
        )

    def columns_of_examples(self, request: Request, examples: pl.DataFrame) -> NDArray[np.float64]:
        """Shape (examples, `COLUMNS`): features and popularity of the examples' own moments.

        Readers and articles that the request does not hold score zero.
        """
        users = Index(request.users["user_id"]).rows(examples["user_id"])
        articles = Index(request.articles["article_id"]).rows(examples["article_id"])
        known = (users >= 0) & (articles >= 0)
        region, category = (
            pl.Series([None if row < 0 else values[row] for row in rows.tolist()], dtype=pl.String)
            for values, rows in (
                (request.users["region"].to_list(), users),
                (request.articles["category"].to_list(), articles),
            )
        )
        scores = [self.popularity.pair_scores(examples, region, category)]
        for scorer in (self.als, self.content):
            found = np.zeros(examples.height, np.float32)
            found[known] = dots(
                scorer.user_vectors(request),
                scorer.article_vectors(request),
                users[known],
                articles[known],
            )
            scores.append(found)
        return columns(examples, scores)


def columns(features: pl.DataFrame, scores: list[Vectors]) -> NDArray[np.float64]:
    """Shape (pairs, `COLUMNS`): pair features, then scores in the order of `SCORERS`."""
    parts = [features.select(PAIR_FEATURES).cast(pl.Float64).to_numpy(), *scores]
    return np.column_stack(parts).astype(np.float64)


def dots(users: Vectors, articles: Vectors, user_rows: Rows, article_rows: Rows) -> Vectors:
    """Scores of pairs, shape (pairs,).

    Each is summed by itself, so that it does not depend on which other pairs are asked for, as
    the last bits of a matrix product do.
    """
    return np.einsum("ij,ij->i", users[user_rows], articles[article_rows])
