"""Whether the features of judged examples knew more than what was known at their moments."""

from typing import Final

import polars as pl

from newsrec_pipelines.config import Params
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.features.leaks import find_leaks
from newsrec_pipelines.store import Store

_SAMPLE: Final = 200  # examples of a back-test that are made again


def check_leaks(store: Store, params: Params, shown: pl.DataFrame, days: int) -> int:
    """Make some examples of a day again by what was known before each of them alone.

    Args:
        store: where the clean partitions and the counters lie.
        params: windows, and the seed of the sample.
        shown: examples of a day, with their pair features.
        days: of the back-test; they share its sample.

    Returns:
        How many examples were made again.

    Raises:
        DataError: when a feature differs, since it knew what it could not know.
    """
    many = min(shown.height, max(1, _SAMPLE // days))
    sample = shown.sample(many, seed=params.training.seed)
    leaks = find_leaks(store, params, sample, many)
    if leaks.is_empty():
        return many
    raise DataError(f"a feature knew the future: {leaks.row(0, named=True)}")
