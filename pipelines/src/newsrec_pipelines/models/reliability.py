"""Reliability: how far publishers can be trusted, and what follows for their places in a slate.

The rule is written for a publisher's editor in docs/explanation/slates.md.
"""

from typing import Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from newsrec_pipelines.parameters import SlateParams

# Of articles whose publisher is held back: none above this place, and so many in a slate.
HELD_BACK_FROM: Final = 4
MOST_HELD_BACK: Final = 1


class Standing(NamedTuple):
    """What the publisher's reliability means for each article; shape (articles,)."""

    recommended: NDArray[np.bool_]
    held_back: NDArray[np.bool_]


def reliability_of(publishers: pl.Series, params: SlateParams) -> pl.Series:
    """The rating of each publisher by name, 0 to 1; ``unrated_reliability`` where there is none.

    Args:
        publishers: names, as articles carry them.
        params: the ratings.

    Returns:
        Float64, as long as `publishers`.
    """
    rated = params.reliability
    return publishers.replace_strict(
        list(rated),
        list(rated.values()),
        default=params.unrated_reliability,
        return_dtype=pl.Float64,
    ).alias("reliability")


def standing(publishers: pl.Series, params: SlateParams) -> Standing:
    """Who is recommended at all, and who is held back: see `HELD_BACK_FROM`, `MOST_HELD_BACK`."""
    reliability = reliability_of(publishers, params).to_numpy()
    return Standing(
        recommended=reliability >= params.least_reliability,
        held_back=reliability < params.held_back_below,
    )
