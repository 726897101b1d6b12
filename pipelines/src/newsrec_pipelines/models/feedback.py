"""How much a reader got out of an article: reads summed up to one weight per pair."""

from dataclasses import dataclass
from typing import Final

import polars as pl

from newsrec_pipelines.config import Params

# Whoever does one of these did read the article, however long the page was open.
_LIKED: Final = ("like", "bookmark", "comment", "follow", "share")


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


def feedback(reads: pl.DataFrame, weights: Weights) -> pl.DataFrame:
    """One row per reader and article that she opened or hid.

    The weight is -1 when she hid it, 1 when she liked, bookmarked, shared or discussed it, else
    ``min(dwell / full_dwell, 1)`` with the longest known dwell of her views, else the weight of a
    click. A click and the read that reports its dwell are thus one view, not two.

    Returns:
        ``user_id``, ``article_id``, ``weight`` (float32), ``last_read_at``, sorted by the ids.
    """
    keys = ("user_id", "article_id")
    return reads.group_by(keys).agg(*views(weights)).sort(keys)


def views(weights: Weights) -> tuple[pl.Expr, pl.Expr]:
    """``weight`` and ``last_read_at`` of all views of one article by one reader; see `feedback`."""
    kind = pl.col("kind")
    weight = (
        pl.when(kind.eq("hide").any())
        .then(-1.0)
        .when(kind.is_in(_LIKED).any())
        .then(1.0)
        .otherwise(weights.of_dwell(pl.col("dwell_seconds").max()))
        .cast(pl.Float32)
    )
    return weight.alias("weight"), pl.col("read_at").max().alias("last_read_at")
