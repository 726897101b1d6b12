"""Diversity: how much alike two articles are by topic, and what a score is worth beside that.

Maximal marginal relevance (Carbonell & Goldstein 1998): the next place goes to the candidate with
the highest ``(1 - diversity) * relevance - diversity * similarity``, where the similarity is that
to the most similar article placed before.
"""

from typing import Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from newsrec_pipelines.models.protocols import Rows, Vectors
from newsrec_pipelines.schemas import UNKNOWN

# They add up to 1, the similarity of an article to itself.
_SAME_CATEGORY: Final = np.float32(0.6)
_SAME_SUBCATEGORY: Final = np.float32(0.3)
_SAME_PUBLISHER: Final = np.float32(0.1)
# Scores are scaled over the best so many times the depth of a slate: a candidate far below, which
# no slate would hold, must not decide what a difference at the top is worth.
_COMPETING_SLATES: Final = 3

Codes = NDArray[np.int32]


class Topics(NamedTuple):
    """Numbers of category, subcategory and publisher; the same shape; -1 is unknown."""

    category: Codes
    subcategory: Codes
    publisher: Codes

    @classmethod
    def of(cls, articles: pl.DataFrame) -> "Topics":
        """Shape (articles,). A subcategory is one within its category."""
        inner = articles.select(
            pl.when(pl.col("subcategory").is_not_null()).then(
                pl.struct("category", "subcategory").rank("dense")
            )
        ).to_series()
        return cls(_codes(articles["category"]), _filled(inner), _codes(articles["publisher"]))

    def at(self, index: Rows | tuple[Rows, Rows]) -> "Topics":
        """Those at an index of NumPy's."""
        return Topics(*(codes[index] for codes in self))


def similarity(candidates: Topics, placed: Topics) -> Vectors:
    """0 to 1: how much alike each candidate is to the article just placed for its reader.

    Args:
        candidates: shape (readers, candidates).
        placed: shape (readers, 1).
    """
    category, subcategory, publisher = (
        c == np.where(p < 0, np.int32(-2), p) for c, p in zip(candidates, placed, strict=True)
    )
    alike: Vectors = category * _SAME_CATEGORY
    alike += subcategory * _SAME_SUBCATEGORY
    alike += publisher * _SAME_PUBLISHER
    return alike


def relevance(scores: NDArray[np.float64], depth: int) -> Vectors:
    """Scores of each reader from 1, the best, to 0, the last that competes; below 0 after it.

    Args:
        scores: shape (readers, candidates), NaN where there is no candidate.
        depth: of the slate.
    """
    if not scores.shape[1]:
        return scores.astype(np.float32)
    order = np.sort(-scores, axis=1)  # NaN last
    best = -order[:, :1]
    competing = order[:, : _COMPETING_SLATES * depth]
    # `fmax` ignores NaN.
    last = -np.fmax.reduce(competing, axis=1, keepdims=True)
    spread = np.where(best > last, best - last, 1.0)
    scaled: Vectors = ((scores - last) / spread).astype(np.float32)
    return scaled


def _codes(names: pl.Series) -> Codes:
    known = names.to_frame("name").select(
        pl.when(pl.col("name") != UNKNOWN).then(pl.col("name").rank("dense"))
    )
    return _filled(known.to_series())


def _filled(ranks: pl.Series) -> Codes:
    return ranks.cast(pl.Int32).fill_null(-1).to_numpy()
