"""What a scorer is: fitted on the past, then bound to one request, whose pairs it scores."""

from collections.abc import Mapping
from typing import Any, Protocol, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from newsrec_pipelines.features.types import Pairs, TrainingData
from newsrec_pipelines.models.request_rows import RequestRows
from newsrec_pipelines.parameters import Params

__all__ = ["BoundScorer", "Encoder", "Pairs", "Rows", "Scorer", "State", "Vectors"]

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]
# What an artefact keeps: arrays (saved as .npy), texts (.txt) and values that JSON can say (.json).
State = Mapping[str, Any]


class BoundScorer(Protocol):
    """A scorer bound to one request; what all its readers share is computed once.

    `user_rows` are rows of the request's readers. A score does not depend on which other readers or
    pairs are asked for, so that slates are the same however the readers are cut into blocks.
    """

    def of_pairs(self, pairs: Pairs) -> Vectors:
        """Shape (pairs,); 0 where nothing is known."""

    def best(self, user_rows: Rows, k: int) -> Pairs:
        """Up to `k` candidates of each reader, in the order of `user_rows`.

        Articles that the reader may not get (see `eligibility.Eligibility`) are not among them.
        There are fewer than `k`, or none, when the scorer knows nothing in favour of more.
        """


class Scorer(Protocol):
    """Learns from the past how well an article suits a reader."""

    name: str

    @classmethod
    def fit(cls, data: TrainingData, params: Params, previous: Self | None = None) -> Self:
        """Learn from `data`, and from nothing else.

        Args:
            data: what was known.
            params: everything that changes the result.
            previous: a scorer of the same class, fitted earlier, to start from (warm start).
        """

    @classmethod
    def from_state(cls, state: State, params: Params) -> Self:
        """The fitted scorer that `state` came from."""

    def state(self) -> State:
        """All that was learnt."""

    def at(self, request: RequestRows) -> BoundScorer:
        """This scorer, bound to the request's moment, readers and articles."""


class Encoder(Protocol):
    """Texts to vectors of unit length; zeros for articles without any known word."""

    def embed(self, articles: pl.DataFrame) -> Vectors:
        """Shape (articles, k)."""

    def state(self) -> State:
        """All that was learnt."""
