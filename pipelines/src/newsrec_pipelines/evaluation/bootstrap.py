"""Intervals by resampling readers: all that one reader did stays together."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from newsrec_pipelines.parameters import BacktestParams

Values = NDArray[np.float64]

# Values are rounded to it. Their sums are then exact up to 8 million, hence the same in any order:
# on any number of cores, and whatever is resampled beside.
_STEP: Final = 2.0**-30
_CELLS: Final = 4_000_000  # of weights held at once: 32 MB


class Draws(NamedTuple):
    """Means of some columns.

    Attributes:
        point: shape (columns,), of the data; NaN for a column without any value.
        resampled: shape (resamples, columns), of each resample.
    """

    point: Values
    resampled: Values


class Bootstrap:
    """The cluster bootstrap (Davison & Hinkley 1997, section 3.8) of means over lists.

    Lists of one reader depend on each other, so readers are drawn with replacement, each with all
    her lists; the mean of a resample is over the lists in it. The same readers are drawn for every
    column and at every call: differences of columns are paired.
    """

    def __init__(self, readers: NDArray[np.int64], params: BacktestParams, seed: int) -> None:
        """Resample the readers of these lists.

        Args:
            readers: shape (lists,), from 0 on, whose list each one is.
            params: how many resamples, and the confidence of an interval.
            seed: of the resamples.
        """
        self._readers = readers
        self._count = int(readers.max()) + 1 if len(readers) else 0
        self._params = params
        self._seed = seed

    def means(self, values: Values) -> Draws:
        """The mean of each column over its values, NaN apart; not resampled of a single reader.

        Args:
            values: shape (lists, columns); NaN where a list has no value.
        """
        there = np.isfinite(values)
        sums = self._by_reader(np.rint(np.where(there, values, 0.0) / _STEP) * _STEP)
        counts = self._by_reader(there.astype(np.float64))
        resampled = np.empty((self._params.bootstrap, values.shape[1]))
        at = 0
        for weights in self._weights():
            resampled[at : at + len(weights)] = _ratio(weights @ sums, weights @ counts)
            at += len(weights)
        # One reader drawn again and again would look certain.
        resampled[:, (counts > 0).sum(axis=0) < 2] = np.nan
        return Draws(_ratio(sums.sum(axis=0), counts.sum(axis=0)), resampled)

    def interval(self, resampled: Values) -> tuple[Values, Values]:
        """The percentile interval (Efron & Tibshirani 1993, chapter 13) of each column.

        Returns:
            Low and high ends, shape (columns,); NaN where a column has no value.
        """
        tail = 100 * (1 - self._params.confidence) / 2
        low, high = np.full((2, resampled.shape[1]), np.nan)
        some = np.isfinite(resampled).any(axis=0)
        if some.any():
            low[some], high[some] = np.nanpercentile(resampled[:, some], [tail, 100 - tail], axis=0)
        return low, high

    def _by_reader(self, values: Values) -> Values:
        """Sums over the lists of each reader, shape (readers, columns)."""
        sums = np.zeros((self._count, values.shape[1]))
        for column, part in enumerate(values.T):
            sums[:, column] = np.bincount(self._readers, part, self._count)
        return sums

    def _weights(self) -> Iterator[Values]:
        """How often each reader was drawn, shape (some resamples, readers)."""
        rng = np.random.default_rng(self._seed)
        rows = max(1, _CELLS // max(self._count, 1))
        for start in range(0, self._params.bootstrap, rows):
            many = min(rows, self._params.bootstrap - start)
            yield np.stack(
                [
                    np.bincount(
                        rng.integers(0, self._count, self._count), minlength=self._count
                    ).astype(np.float64)
                    for _ in range(many)
                ]
            )


def _ratio(sums: Values, counts: Values) -> Values:
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
