"""Windows for the moment asked: sums of the last buckets of an article's rings."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from newsrec_pipelines.features.raw import STAMP
from newsrec_pipelines.parameters import FeatureParams

# Length of a window, in minutes. Those of minutes come from the fine rings, a day from the coarse
# ones, longer ones from the rings of days and the hours of the day so far.
SPANS: Final = {"10m": 10, "1h": 60, "3h": 180, "24h": 1440, "7d": 7 * 1440, "30d": 30 * 1440}
WINDOWS: Final[dict[str, tuple[str, str]]] = {
    f"{measure}_{span}": (measure, span)
    for measure, spans in (
        ("clicks", tuple(SPANS)),
        ("exposures", tuple(SPANS)),
        ("dwell", ("3h", "24h", "7d")),
        ("reads", ("24h", "7d")),
    )
    for span in spans
}
_FINE = ("10m", "1h", "3h")
_DAYS = ("7d", "30d")
_ROWS_AT_ONCE = 50_000  # bounds the memory of the dense rings

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def ring_columns(windows: Sequence[str] = tuple(WINDOWS)) -> list[str]:
    """The rings that these windows are summed from."""
    rings = [ring for name in windows for ring in _rings(*WINDOWS[name])]
    return list(dict.fromkeys(rings))


def article_windows(rows: pl.DataFrame, asked: str, params: FeatureParams) -> pl.DataFrame:
    """Add, as Float64, every window that can be summed from the rings that `rows` has.

    Windows up to 3 hours end with the last fine bucket that had ended when asked. "24 hours" are
    the coarse bucket so far and the ones before it, and longer windows the day so far and the whole
    days before it. So the value is that of a full window at the end of such a bucket, and after as
    much silence it is zero. A row that is null (an article without any activity) or stamped after
    the moment asked gives zeros.

    Args:
        rows: `stamped_at` and rings of the article view, and `day_stamped_at` (the `stamped_at` of
            the view of days) when there are rings of days; any may be null. The column `asked`.
        asked: name of the column with the moments asked for.
        params: resolution of the buckets.
    """
    names = [n for n, of in WINDOWS.items() if set(_rings(*of)) <= set(rows.columns)]
    parts = [
        pl.DataFrame(_sums(part, names, asked, params), schema=dict.fromkeys(names, pl.Float64))
        for part in rows.iter_slices(_ROWS_AT_ONCE)
    ]
    sums = pl.concat(parts) if parts else pl.DataFrame(schema=dict.fromkeys(names, pl.Float64))
    return rows.hstack(sums)


def _rings(measure: str, span: str) -> list[str]:
    if span in _FINE:
        return [f"{measure}_fine"]
    return [f"{measure}_coarse", *([f"{measure}_days"] if span in _DAYS else [])]


def _sums(
    rows: pl.DataFrame, names: list[str], asked: str, params: FeatureParams
) -> dict[str, Floats]:
    newest = _Newest(rows, asked, params)
    return {name: newest.window(*WINDOWS[name]) for name in names}


class _Newest:
    """How many elements of each ring lie within a window, and their sum."""

    def __init__(self, rows: pl.DataFrame, asked: str, params: FeatureParams) -> None:
        self._rows = rows
        self._params = params
        self._moment = rows[asked].dt.epoch("s").to_numpy()
        self._cumulative: dict[str, Floats] = {}
        fine, self._coarse = params.fine_bucket_minutes * 60, params.coarse_bucket_minutes * 60
        ended = self._moment // fine * fine
        stamped, self._known = self._stamps("stamped_at")
        self._silent_fine = (ended - stamped) // fine
        # Both are rounded up to the end of their coarse bucket.
        self._silent_coarse = -(-ended // self._coarse) - -(-stamped // self._coarse)
        self._day = ended // 86_400
        self._coarse_today = -(-(ended - self._day * 86_400) // self._coarse)
        if "day_stamped_at" in rows.columns:
            day_stamped, self._day_known = self._stamps("day_stamped_at")
            self._silent_days = self._day - day_stamped // 86_400

    def window(self, measure: str, span: str) -> Floats:
        minutes = SPANS[span]
        if span in _FINE:
            count = minutes // self._params.fine_bucket_minutes - self._silent_fine
            return self._sum(f"{measure}_fine", count, self._known)
        coarse = f"{measure}_coarse"
        if span not in _DAYS:
            count = minutes // self._params.coarse_bucket_minutes - self._silent_coarse
            return self._sum(coarse, count, self._known)
        today = self._sum(coarse, self._coarse_today - self._silent_coarse, self._known)
        whole_days = minutes // 1440 - (self._coarse_today > 0) - self._silent_days
        return today + self._sum(f"{measure}_days", whole_days, self._day_known)

    def _stamps(self, column: str) -> tuple[Ints, NDArray[np.bool_]]:
        stamps = self._rows[column].cast(STAMP)
        stamped = stamps.dt.epoch("s").fill_null(0).to_numpy()
        return stamped, stamps.is_not_null().to_numpy() & (stamped <= self._moment)

    def _sum(self, ring: str, count: Ints, known: NDArray[np.bool_]) -> Floats:
        """Sum of the newest `count` elements, of the rows that are known."""
        if ring not in self._cumulative:
            self._cumulative[ring] = self._from_the_end(ring)
        sums = self._cumulative[ring]
        count = np.where(known, np.clip(count, 0, sums.shape[1] - 1), 0)
        return sums[np.arange(len(sums)), count]

    def _from_the_end(self, ring: str) -> Floats:
        """Column k holds the sum of the newest k elements."""
        kind = ring.rpartition("_")[2]
        length = {
            "fine": self._params.fine_buckets,
            "coarse": self._params.coarse_buckets,
            "days": self._params.days,
        }[kind]
        dense = _dense(self._rows[ring], length)
        sums = np.zeros((len(dense), length + 1))
        np.cumsum(dense[:, ::-1], axis=1, out=sums[:, 1:])
        return sums


def _dense(ring: pl.Series, length: int) -> Floats:
    zeros = pl.Series([[0.0] * length], dtype=pl.List(pl.Float64))
    return (
        ring.cast(pl.List(pl.Float64))
        .to_frame("ring")
        .select(pl.col("ring").fill_null(pl.lit(zeros).first()))
        .to_series()
        .list.to_array(length)
        .to_numpy()
    )
