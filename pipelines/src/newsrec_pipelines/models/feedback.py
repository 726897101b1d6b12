"""How much a reader got out of an article: reads summed up to one weight per pair."""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from newsrec_pipelines.models.index import coded
from newsrec_pipelines.parameters import Params

# Whoever does one of these did read the article, however long the page was open.
_LIKED: Final = ("like", "bookmark", "comment", "follow", "share")
# What a view says, beside a share of a whole read.
_UNKNOWN: Final = -1.0
_SAID_SO: Final = 2.0
_HIDDEN: Final = 3.0


@dataclass(frozen=True)
class Weights:
    """How dwell becomes a weight.

    Attributes:
        full_dwell_seconds: dwell that counts as one whole read.
        click: what a click with unknown dwell counts, of one whole read.
    """

    full_dwell_seconds: float
    click: float

    @classmethod
    def of(cls, reads: pl.DataFrame, params: Params) -> "Weights":
        """The weights for data like `reads`; without any known dwell, a click is a whole read.

        They are learnt once and kept by the model, since a part of the readers must not be weighted
        otherwise than all of them.
        """
        has_dwell = reads["dwell_seconds"].is_not_null().any()
        return cls(
            params.training.full_dwell_seconds, params.training.click_weight if has_dwell else 1.0
        )

    def of_dwell(self, dwell_seconds: pl.Expr) -> pl.Expr:
        """``min(dwell / full, 1)``, and the weight of a click where dwell is unknown."""
        share = (dwell_seconds / self.full_dwell_seconds).clip(0.0, 1.0)
        return share.fill_null(self.click).cast(pl.Float32)


class Summed(NamedTuple):
    """One weight per reader and article, sorted by their rows; the arrays have the same length.

    Attributes:
        user_row: int64.
        article_row: int64.
        weight: float32, see `feedback`.
        last_read_at: microseconds since 1970, int64.
    """

    user_row: NDArray[np.int64]
    article_row: NDArray[np.int64]
    weight: NDArray[np.float32]
    last_read_at: NDArray[np.int64]


def feedback(reads: pl.DataFrame, weights: Weights) -> pl.DataFrame:
    """One row per reader and article that she opened or hid.

    The weight is -1 when she hid it, 1 when she liked, bookmarked, shared or discussed it, else
    ``min(dwell / full_dwell, 1)`` with the longest known dwell of her views, else the weight of a
    click. A click and the read that reports its dwell are thus one view, not two.

    Returns:
        ``user_id``, ``article_id``, ``weight`` (float32), ``last_read_at``, sorted by the ids.
    """
    (users, user_row), (articles, article_row) = coded(reads["user_id"]), coded(reads["article_id"])
    seen = summed(reads, user_row, article_row, weights)
    last = pl.Series("last_read_at", seen.last_read_at, dtype=pl.Int64)
    return pl.DataFrame(
        [
            users.ids.gather(seen.user_row).alias("user_id"),
            articles.ids.gather(seen.article_row).alias("article_id"),
            pl.Series("weight", seen.weight, dtype=pl.Float32),
            last.cast(reads["read_at"].dtype),
        ]
    )


def summed(
    reads: pl.DataFrame,
    user_row: NDArray[np.int64],
    article_row: NDArray[np.int64],
    weights: Weights,
) -> Summed:
    """`feedback` in rows instead of ids.

    Args:
        reads: ``kind``, ``dwell_seconds`` and ``read_at`` (in microseconds).
        user_row: of each read; not negative.
        article_row: of each read; not negative.
        weights: how dwell is weighted.
    """
    kind, dwell = pl.col("kind"), pl.col("dwell_seconds").fill_nan(None)
    # One number that says more than any smaller one, so that a maximum sums up the views.
    evidence = reads.select(
        pl.when(kind == "hide")
        .then(_HIDDEN)
        .when(kind.is_in(_LIKED))
        .then(_SAID_SO)
        .otherwise((dwell / weights.full_dwell_seconds).clip(0.0, 1.0).fill_null(_UNKNOWN))
        .cast(pl.Float32)
    )
    width = int(article_row.max(initial=0)) + 1
    keys = user_row * width + article_row
    order = np.argsort(keys)
    keys = keys[order]
    starts = np.flatnonzero(np.diff(keys, prepend=-1))
    most = _largest(evidence.to_series().to_numpy()[order], starts)
    said = {_HIDDEN: -1.0, _SAID_SO: 1.0, _UNKNOWN: weights.click}
    weight = np.select([most == value for value in said], list(said.values()), most)
    last = _largest(reads["read_at"].to_physical().to_numpy()[order], starts)
    return Summed(*np.divmod(keys[starts], width), weight.astype(np.float32), last)


def _largest(values: NDArray[Any], starts: NDArray[np.int64]) -> NDArray[Any]:
    return np.maximum.reduceat(values, starts) if len(starts) else values
