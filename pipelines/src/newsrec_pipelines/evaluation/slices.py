"""Slices: the lists of readers, articles and regions that an average over all would hide."""

from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from newsrec_pipelines.schemas import UNKNOWN


def slices(lists: pl.DataFrame) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Name of each slice that is not empty, and which lists are in it.

    - ``cold readers``: at most `backtest.cold_reads` articles of hers were known at 00:00.
    - ``cold articles``: nobody, or at most `backtest.cold_article_clicks` readers, had opened any
      of the articles that she opened, when the list was made.
    - ``region: R``, for each region that is known.

    Args:
        lists: as in `EvaluatedLists.lists`.
    """
    regions = lists["region"].unique().drop_nulls().sort().to_list()
    named = [
        ("cold readers", pl.col("cold_reader")),
        ("cold articles", pl.col("cold_article")),
        *((f"region: {r}", pl.col("region") == r) for r in regions if r != UNKNOWN),
    ]
    for name, condition in named:
        mask = lists.select(condition.fill_null(False)).to_series().to_numpy()
        if mask.any():
            yield name, mask
