"""What a slate is beside relevant: novel, and diverse; a value a reader."""

from typing import Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from newsrec_pipelines.evaluation.metrics import DEPTH, Values

BEYOND_METRICS: Final = ("novelty", "diversity")


class Background(NamedTuple):
    """What was known of the candidates when the slates were made.

    Attributes:
        article_ids: the candidates.
        openers: shape (candidates,), readers who had opened each.
        readers: how many readers had opened anything.
        vectors: shape (candidates, k), what each is about, of unit length; zeros where unknown.
    """

    article_ids: pl.Series
    openers: NDArray[np.int64]
    readers: int
    vectors: NDArray[np.float32]


def beyond_metrics(slates: pl.DataFrame, background: Background) -> dict[str, Values]:
    """Novelty and diversity of the first ten places of each slate.

    - ``novelty``: mean over the places of ``-log2 p``, where ``p = (openers + 1) / (readers + 1)``
      is the share of readers who had opened the article before (the self-information of Zhou et
      al. 2010, PNAS 107:4511); 0 for what everybody has read.
    - ``diversity``: mean over the pairs of places of ``1 - cos`` of the articles' vectors
      (intra-list distance; Smyth & McClave 2001, Ziegler et al. 2005).

    Args:
        slates: ``user_id``, ``article_ids``; of candidates.
        background: what was known of the candidates.

    Returns:
        `BEYOND_METRICS` -> shape (slates,), in their order. NaN for an empty slate, for the
        diversity of a single article, and for any diversity when no article has a vector.
    """
    places = slates.select(article_id=pl.col("article_ids").list.head(DEPTH))
    length = places["article_id"].list.len().to_numpy().astype(np.int64)
    owner = np.repeat(np.arange(len(length)), length)
    rows = (
        places.select(pl.col("article_id").explode(empty_as_null=False))
        .join(
            pl.DataFrame({"article_id": background.article_ids}).with_row_index("row"),
            on="article_id",
            how="left",
            maintain_order="left",
        )["row"]
        .to_numpy()
    )
    surprise = -np.log2((background.openers + 1) / (background.readers + 1))
    novelty = _sums(owner, surprise[rows], len(length))
    # The sum over ordered pairs of cosines is |sum of vectors|^2 less that of each with itself.
    vectors = background.vectors.astype(np.float64)
    summed = np.stack(
        [_sums(owner, column[rows], len(length)) for column in vectors.T]
        or [np.zeros(len(length))],
        axis=1,
    )
    itself = _sums(owner, (vectors**2).sum(axis=1)[rows], len(length))
    cosines = (summed**2).sum(axis=1) - itself
    known = bool(np.any(background.vectors))
    return {
        "novelty": _divided(novelty, length.astype(np.float64)),
        "diversity": 1 - _divided(cosines, (length * (length - 1) * known).astype(np.float64)),
    }


def _sums(owner: NDArray[np.int64], values: Values, count: int) -> Values:
    return np.asarray(np.bincount(owner, values, count), dtype=np.float64)


def _divided(values: Values, by: Values) -> Values:
    return np.divide(values, by, out=np.full(len(values), np.nan), where=by > 0)
