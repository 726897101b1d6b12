"""Candidates: the union of the best few articles by each scorer."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from newsrec_pipelines.features.types import Pairs
from newsrec_pipelines.models.eligibility import Eligibility
from newsrec_pipelines.models.protocols import BoundScorer, Rows
from newsrec_pipelines.parameters import CandidateParams

__all__ = ["Candidates", "Eligibility", "retrieve"]


class Candidates(NamedTuple):
    """Pairs worth ranking.

    Attributes:
        pairs: sorted by the rows of readers and of articles, each pair once.
        sources: which scorers found the pair, by their names; bool, shape (pairs,).
    """

    pairs: Pairs
    sources: dict[str, NDArray[np.bool_]]


def retrieve(
    bound_scorers: Mapping[str, BoundScorer], user_rows: Rows, params: CandidateParams
) -> Candidates:
    """The union of the best articles by each bound scorer, as many of each as `params` says."""
    wanted: dict[str, int] = params.model_dump()
    found = {
        name: o.best(user_rows, wanted[name]) for name, o in bound_scorers.items() if wanted[name]
    }
    width = 1 + max((int(p.article_row.max(initial=0)) for p in found.values()), default=0)
    keys = {name: p.user_row * width + p.article_row for name, p in found.items()}
    union = np.unique(np.concatenate([np.zeros(0, np.int64), *keys.values()]))
    sources = {name: np.zeros(len(union), dtype=bool) for name in bound_scorers}
    for name, key in keys.items():
        sources[name][np.searchsorted(union, key)] = True
    return Candidates(Pairs(*np.divmod(union, width)), sources)
