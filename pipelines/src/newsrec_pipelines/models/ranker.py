"""The ranker: a linear blend of pair features and scorers' scores, kept as JSON."""

from collections.abc import Sequence
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from newsrec_pipelines.config import RankerParams
from newsrec_pipelines.errors import ModelError
from newsrec_pipelines.models.protocols import State

Matrix = NDArray[np.float64]

# Counts, seconds and hours have long tails.
_LOGARITHMIC: Final = frozenset(
    {
        "age_hours",
        "clicks_1h",
        "clicks_3h",
        "clicks_24h",
        "exposures_3h",
        "exposures_24h",
        "dwell_24h",
        "mean_dwell_24h",
        "user_reads",
        "user_dwell",
        "hours_since_last_read",
    }
)


class Ranker:
    """Logistic regression with soft labels on standardised columns.

    The label of an example is the share ``r`` of a whole read that came of it: 0 when it was not
    clicked, ``min(dwell / full_dwell, 1)`` when it was. Minimised is the cross-entropy
    ``-r log p - (1 - r) log(1 - p)``, so that ``p`` estimates the expected share of a read, and a
    click that was left at once is evidence against the article, almost as strong as no click.

    Articles at the top of a list are clicked for being there. During training the position is one
    more column, whose effect is thrown away afterwards: every pair is scored as if at the top.

    Attributes:
        names: the columns, in order.
        mean: shape (columns,), subtracted (after the logarithm, where there is one).
        scale: shape (columns,), divided by.
        coefficients: shape (columns,), of the standardised columns.
        intercept: log-odds of an average pair at the top of a list.
    """

    def __init__(
        self,
        names: Sequence[str],
        mean: Matrix,
        scale: Matrix,
        coefficients: Matrix,
        intercept: float,
    ) -> None:
        self.names = tuple(names)
        self.mean = mean
        self.scale = scale
        self.coefficients = coefficients
        self.intercept = intercept

    @classmethod
    def fit(
        cls,
        columns: Matrix,
        names: Sequence[str],
        share_read: Matrix,
        position: Matrix,
        scorers: Sequence[str],
        params: RankerParams,
    ) -> Self:
        """Learn from examples.

        Args:
            columns: shape (examples, columns).
            names: the columns' names.
            share_read: shape (examples,), from 0 to 1.
            position: shape (examples,), 1 is the top, NaN where the order is unknown.
            scorers: names of the columns that are blended with equal weights when the examples
                teach nothing, since none or all of them were read.
            params: strength of the L2 regularisation.

        Raises:
            ModelError: when a column or label is not a finite number.
        """
        prepared = _logarithms(columns, names)
        if not (np.isfinite(prepared).all() and np.isfinite(share_read).all()):
            raise ModelError("the examples of the ranker hold values that are not finite numbers")
        if not 0 < share_read.sum() < len(share_read):
            return cls._untaught(prepared, names, scorers)
        mean, scale = _standards(prepared)
        place = np.nan_to_num(np.log(position))[:, None]  # log 1 is 0: the top
        inputs = np.hstack([(prepared - mean) / scale, place])
        learnt = LogisticRegression(C=1 / params.reg, max_iter=1000)
        with threadpool_limits(1, "blas"):  # the same sums in the same order, on any machine
            learnt.fit(
                np.vstack([inputs, inputs]),
                np.repeat([1, 0], len(inputs)),
                sample_weight=np.concatenate([share_read, 1 - share_read]),
            )
        return cls(names, mean, scale, learnt.coef_[0, :-1], float(learnt.intercept_[0]))

    @classmethod
    def _untaught(cls, prepared: Matrix, names: Sequence[str], scorers: Sequence[str]) -> Self:
        if len(prepared):
            mean, scale = _standards(prepared)
        else:
            mean, scale = np.zeros(len(names)), np.ones(len(names))
        equal = np.array([1.0 if name in scorers else 0.0 for name in names])
        return cls(names, mean, scale, equal, 0.0)

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The ranker that was saved."""
        columns = state["columns"]
        mean, scale, coefficients = (
            np.array([column[key] for column in columns])
            for key in ("mean", "scale", "coefficient")
        )
        names = [column["name"] for column in columns]
        return cls(names, mean, scale, coefficients, state["intercept"])

    def state(self) -> dict[str, Any]:
        """Everything, readable: one object a column."""
        keys = ("name", "mean", "scale", "coefficient")
        values = (self.names, self.mean.tolist(), self.scale.tolist(), self.coefficients.tolist())
        rows = zip(*values, strict=True)
        return {
            "columns": [dict(zip(keys, row, strict=True)) for row in rows],
            "intercept": self.intercept,
        }

    def score(self, columns: Matrix) -> Matrix:
        """Expected share of a read for each row of `columns`, between 0 and 1; shape (rows,)."""
        standardised = (_logarithms(columns, self.names) - self.mean) / self.scale
        # No BLAS: its last bits depend on the number of rows, and slates would on the blocks.
        log_odds = np.einsum("ij,j->i", standardised, self.coefficients) + self.intercept
        return 1 / (1 + np.exp(-np.clip(log_odds, -500, 500)))


def _logarithms(columns: Matrix, names: Sequence[str]) -> Matrix:
    tailed = np.array([name in _LOGARITHMIC for name in names], dtype=bool)
    prepared = columns.astype(np.float64, copy=True)
    prepared[:, tailed] = np.log1p(prepared[:, tailed])
    return prepared


def _standards(prepared: Matrix) -> tuple[Matrix, Matrix]:
    scale = prepared.std(axis=0)
    # A column that never varies teaches nothing now and must not explode when it varies later.
    return prepared.mean(axis=0), np.where(scale > 1e-9, scale, 1.0)
