"""The ranker: LambdaMART on lists that readers were shown, kept as LightGBM's text."""

from collections.abc import Sequence
from typing import Any, Final, Self

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from newsrec_pipelines.errors import ModelError
from newsrec_pipelines.models.protocols import State
from newsrec_pipelines.parameters import RankerParams

Matrix = NDArray[np.float32]
Values = NDArray[np.float64]

_TRUNCATION: Final = 30  # pairs count when one of them is among the first so many


class Ranker:
    """Gradient-boosted trees on the lambda gradients of nDCG.

    C. Burges: From RankNet to LambdaRank to LambdaMART (2010). Lists are what readers were shown,
    so an article that was passed over is a real negative. Relevance is graded by dwell, and the
    gain of a grade is proportional to it, as in the dwell-weighted nDCG that evaluates the model.

    LambdaMART divides the gains of a list by the best that its order could give, so a list with one
    click of a few seconds would count as much as one with a long read. Lists are therefore weighted
    by their highest relevance, and at least by ``params.least_weight``.

    Articles at the top of a list are opened for being there. Where the order of lists is known,
    LightGBM learns the bias of each position beside the trees (Hu et al. 2019: Unbiased LambdaMART)
    and leaves it out of the scores.

    Attributes:
        names: the columns, in order.
        used: those that the trees may look at.
        scorers: columns that are summed when there was nothing to learn from.
        text: the model in LightGBM's format; empty when there was nothing to learn from.
    """

    def __init__(
        self, names: Sequence[str], used: Sequence[str], scorers: Sequence[str], text: str
    ) -> None:
        self.names = tuple(names)
        self.used = tuple(used)
        self.scorers = tuple(scorers)
        self.text = text
        self._used = [self.names.index(name) for name in self.used]
        self._summed = [self.names.index(name) for name in self.scorers]
        self._booster = lgb.Booster(model_str=text) if text else None

    @classmethod
    def fit(
        cls,
        columns: Matrix,
        names: Sequence[str],
        starts: NDArray[np.int64],
        grades: NDArray[np.int64],
        position: Values,
        scorers: Sequence[str],
        params: RankerParams,
        seed: int,
        used: Sequence[str] | None = None,
    ) -> Self:
        """Learn from lists.

        Args:
            columns: shape (examples, columns); the examples of a list are neighbours.
            names: the columns' names.
            starts: shape (lists + 1,), the first example of each list, and the end.
            grades: shape (examples,), from 0 to ``params.grades``.
            position: shape (examples,), 1 is the top, NaN where the order is unknown.
            scorers: names of the columns that are summed up instead when no list has examples of
                different grades.
            params: of the trees.
            seed: of their samples.
            used: names of the columns that the trees may look at; all of them if None.

        Raises:
            ModelError: when a column is not a finite number.
        """
        used = tuple(names) if used is None else tuple(used)
        if not np.isfinite(columns).all():
            broken = [n for n, c in zip(names, columns.T, strict=True) if not np.isfinite(c).all()]
            raise ModelError(
                f"the examples of the ranker hold values that are no finite numbers: {broken}"
            )
        if not used or not _varied(starts, grades):
            return cls(names, used, scorers, "")
        indices = [list(names).index(name) for name in used]
        data = lgb.Dataset(
            np.ascontiguousarray(columns[:, indices]),
            label=grades,
            group=np.diff(starts),
            weight=_weights(starts, grades, params),
            position=_places(position),
            feature_name=list(used),
            params={"verbosity": -1, "max_bin": 255},
            free_raw_data=True,
        )
        booster = lgb.train(_settings(params, seed), data, num_boost_round=params.trees)
        return cls(names, used, scorers, booster.model_to_string())

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The ranker that was saved.

        Raises:
            ModelError: when the text is no model of LightGBM.
        """
        try:
            return cls(state["names"], state["used"], state["scorers"], state["text"])
        except lgb.basic.LightGBMError as e:
            raise ModelError(f"the ranker is no model of LightGBM: {e}") from e

    def state(self) -> dict[str, Any]:
        """Names of columns, and the trees as LightGBM's text."""
        return {
            "names": list(self.names),
            "used": list(self.used),
            "scorers": list(self.scorers),
            "text": self.text,
        }

    @property
    def trees(self) -> int:
        """How many trees a score sums up."""
        return self._booster.num_trees() if self._booster else 0

    def score(self, columns: Matrix, threads: int = 0) -> Values:
        """Raw score of each row of `columns`, shape (rows,); only their order has a meaning.

        Args:
            columns: shape (rows, columns).
            threads: of LightGBM; 0 is as many as there are cores.
        """
        if self._booster is None or not len(columns):
            return columns[:, self._summed].sum(axis=1, dtype=np.float64)
        raw = self._booster.predict(self._seen(columns), raw_score=True, num_threads=threads)
        return np.asarray(raw, dtype=np.float64)

    def contributions(self, columns: Matrix) -> Values:
        """How much each column adds to the raw score of a row: SHAP values of the trees.

        S. Lundberg et al.: From local explanations to global understanding with explainable AI for
        trees (2020), by LightGBM; about 1,000 rows a second.

        Returns:
            Shape (rows, columns + 1); the last is the expected score, and a row sums up to its
            score.
        """
        shares = np.zeros((len(columns), len(self.names) + 1))
        if self._booster is None or not len(columns):
            shares[:, self._summed] = columns[:, self._summed]
            return shares
        found = np.asarray(self._booster.predict(self._seen(columns), pred_contrib=True))
        shares[:, self._used] = found[:, :-1]
        shares[:, -1] = found[:, -1]
        return shares

    def importance(self) -> dict[str, float]:
        """Gain of the splits on each used column, as a share of all."""
        if self._booster is None:
            return {}
        gain = self._booster.feature_importance("gain")
        return dict(zip(self.used, (gain / max(gain.sum(), 1e-12)).tolist(), strict=True))

    def _seen(self, columns: Matrix) -> Matrix:
        if len(self._used) == columns.shape[1]:
            return np.ascontiguousarray(columns)
        return np.ascontiguousarray(columns[:, self._used])


def _settings(params: RankerParams, seed: int) -> dict[str, Any]:
    return {
        "objective": "lambdarank",
        "label_gain": [grade / params.grades for grade in range(params.grades + 1)],
        "lambdarank_truncation_level": _TRUNCATION,
        "lambdarank_position_bias_regularization": params.position_reg,
        "learning_rate": params.learning_rate,
        "num_leaves": params.leaves,
        "min_data_in_leaf": params.min_leaf,
        "lambda_l2": params.reg,
        "feature_fraction": params.feature_share,
        "bagging_fraction": params.bagging_share,
        "bagging_freq": 1 if params.bagging_share < 1 else 0,
        # Rows, not lists: bagging by query is not deterministic on more than one thread (4.7.0).
        "bagging_by_query": False,
        "seed": seed,
        # Sums are split by the number of threads, so their last bits depend on it.
        "num_threads": params.threads,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }


def _weights(
    starts: NDArray[np.int64], grades: NDArray[np.int64], params: RankerParams
) -> NDArray[np.float32]:
    """The weight of each example's list, shape (examples,); 1 on average."""
    highest = np.maximum.reduceat(grades, starts[:-1]) / params.grades
    weights = np.repeat(np.maximum(highest, params.least_weight), np.diff(starts))
    return np.asarray(weights / weights.mean(), np.float32)


def _varied(starts: NDArray[np.int64], grades: NDArray[np.int64]) -> bool:
    """Whether any list has examples of different grades: only those train."""
    if len(starts) < 2:
        return False
    lowest = np.minimum.reduceat(grades, starts[:-1])
    return bool((np.maximum.reduceat(grades, starts[:-1]) > lowest).any())


def _places(position: Values) -> NDArray[np.int64] | None:
    """Positions as LightGBM wants them; one place for all of unknown order, None without any."""
    known = np.isfinite(position)
    if not known.any():
        return None
    return np.where(known, np.nan_to_num(position), 0).astype(np.int64)
