"""Whether the features of evaluated examples knew more than what was known at their moments."""

from typing import Final

import polars as pl

from newsrec_pipelines.errors import DataError
from newsrec_pipelines.features.leaks import find_leaks
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.store import Store

_MOMENTS: Final = 14  # of a back-test; each takes the counting of a day


def check_leaks(store: Store, params: Params, shown: pl.DataFrame, days: int) -> int:
    """Make some examples of a day again in a store that knows only what came before them.

    Args:
        store: where the clean partitions and the counters lie.
        params: windows, and the seed of the sample.
        shown: examples of a day, with their pair features.
        days: of the back-test; they share its sample.

    Returns:
        How many moments were looked at.

    Raises:
        DataError: when a feature differs, since it knew what it could not know.
    """
    moments = max(1, _MOMENTS // days)
    leaks = find_leaks(store, params, shown, moments)
    if leaks.is_empty():
        return min(moments, shown["asked_at"].n_unique())
    first = leaks.row(0, named=True)
    names = ", ".join(leaks["feature"].unique().sort())
    raise DataError(
        f"features know the future: {names}; {first['feature']} of {first['article_id']}, shown at "
        f"{first['asked_at']:%Y-%m-%d %H:%M:%S} UTC, is {first['value']:g}, but what was known "
        f"before makes it {first['expected']:g}"
    )
