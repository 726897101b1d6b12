"""What a scorer is: vectors for readers and articles, whose dot product is the score of a pair."""

from collections.abc import Mapping
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from newsrec_pipelines.config import Params
from newsrec_pipelines.features.types import Request, TrainingData

Vectors = NDArray[np.float32]
# What an artefact keeps: arrays (saved as .npy) and values that JSON can say (saved as .json).
State = Mapping[str, Any]


class Scorer(Protocol):
    """One opinion on how well an article suits a reader.

    A pair's score is the dot product of its two vectors, so that candidates are the top k of a
    matrix product now, and of an approximate index when there are too many articles for that.
    """

    name: str

    @classmethod
    def fit(cls, data: TrainingData, params: Params) -> Self:
        """Learn from `data`, and from nothing else."""

    @classmethod
    def from_state(cls, state: State, params: Params) -> Self:
        """The fitted scorer that `state` came from."""

    def state(self) -> State:
        """All that was learnt."""

    def user_vectors(self, request: Request) -> Vectors:
        """Shape (readers, k), in the order of ``request.users``; zeros when nothing is known."""

    def article_vectors(self, request: Request) -> Vectors:
        """Shape (articles, k), in the order of ``request.articles``; zeros when unknown."""
