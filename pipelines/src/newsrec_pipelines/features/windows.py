"""Windows for the moment asked: sums of the last buckets of an article's rings."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from newsrec_pipelines.config import FeatureParams

# Window -> (measure, hours). Up to 3 hours come from the fine rings, longer ones from the coarse.
WINDOWS: Final[dict[str, tuple[str, int]]] = {
    "clicks_1h": ("clicks", 1),
    "clicks_3h": ("clicks", 3),
    "clicks_24h": ("clicks", 24),
    "exposures_3h": ("exposures", 3),
    "exposures_24h": ("exposures", 24),
    "dwell_24h": ("dwell", 24),
    "reads_24h": ("reads", 24),
}
_FINE_HOURS = 3


def ring_columns(windows: Sequence[str] = tuple(WINDOWS)) -> list[str]:
    """The rings that these windows are summed from."""
    return list(dict.fromkeys(_ring(*WINDOWS[name]) for name in windows))


def article_windows(rows: pl.DataFrame, asked: str, params: FeatureParams) -> pl.DataFrame:
    """Add every window, as Float64, to rows of the article view.

    A window of `h` fine hours covers the `h` hours before the last fine bucket that had ended when
    asked; a coarse one the coarse bucket so far and the ones before it. So the value is that of a
    full window at the end of that bucket, and after `h` hours without activity it is zero. A row
    that is null (an article without any activity) or stamped after the moment asked gives zeros.

    Args:
        rows: `stamped_at` and the rings (either may be null), and the column `asked`.
        asked: name of the column with the moments asked for.
        params: resolution of the buckets.
    """
    fine, coarse = params.fine_bucket_minutes * 60, params.coarse_bucket_minutes * 60
    moments = rows.select(
        pl.col(asked).dt.epoch("s").alias("asked"), pl.col("stamped_at").dt.epoch("s")
    )
    known = (
        (moments["stamped_at"].is_not_null() & (moments["stamped_at"] <= moments["asked"]))
        .fill_null(False)
        .to_numpy()
    )
    ended = moments["asked"].to_numpy() // fine * fine
    stamped = moments["stamped_at"].fill_null(0).to_numpy()
    silent = (ended - stamped) // fine
    # Both are rounded up to the end of their coarse bucket.
    silent_coarse = -(-ended // coarse) - -(-stamped // coarse)
    sums = {}
    for name, (measure, hours) in WINDOWS.items():
        is_fine = hours <= _FINE_HOURS
        length = params.fine_buckets if is_fine else params.coarse_buckets
        buckets = hours * 3600 // (fine if is_fine else coarse)
        ring = _dense(rows[_ring(measure, hours)], length)
        left = np.where(known, buckets - (silent if is_fine else silent_coarse), 0)
        sums[name] = pl.Series(_newest(ring, left))
    return rows.with_columns(**sums)


def _ring(measure: str, hours: int) -> str:
    return f"{measure}_fine" if hours <= _FINE_HOURS else f"{measure}_coarse"


def _dense(ring: pl.Series, length: int) -> NDArray[np.float64]:
    zeros = pl.Series([[0.0] * length], dtype=pl.List(pl.Float64))
    return (
        ring.cast(pl.List(pl.Float64))
        .to_frame("ring")
        .select(pl.col("ring").fill_null(pl.lit(zeros).first()))
        .to_series()
        .list.to_array(length)
        .to_numpy()
    )


def _newest(ring: NDArray[np.float64], count: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sum of the newest `count` elements of each ring."""
    wanted = np.arange(ring.shape[1])[None, :] >= ring.shape[1] - count[:, None]
    return np.where(wanted, ring, 0.0).sum(axis=1)
