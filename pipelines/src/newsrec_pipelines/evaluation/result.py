"""The result of a back-test as one JSON object; docs/reference/evaluation.md describes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from newsrec_pipelines.evaluation import descriptions
from newsrec_pipelines.evaluation.comparison import compare
from newsrec_pipelines.evaluation.evaluated_lists import EvaluatedLists
from newsrec_pipelines.evaluation.exploration_policies import OffPolicy
from newsrec_pipelines.evaluation.metrics import Values
from newsrec_pipelines.parameters import Params

SCHEMA: Final = 1
OURS: Final = "news"


@dataclass(frozen=True)
class Backtest:
    """What a back-test found.

    Attributes:
        first: the first day that was evaluated.
        last: the last one.
        train_until: the last day that the one model knew; None when each day had its own.
        data_hash: of all that the last model knew.
        sampled_negatives: the ranker was trained on drawn negatives, for want of impressions.
        moments_checked: at how many moments features were made again in a store without a future.
        evaluated: mode -> what was evaluated.
        missing: mode -> why it was not evaluated.
        off_policy: what other shares of exploration would have earned on these days.
    """

    first: date
    last: date
    train_until: date | None
    data_hash: str
    sampled_negatives: bool
    moments_checked: int
    evaluated: Mapping[str, EvaluatedLists]
    missing: Mapping[str, str]
    off_policy: OffPolicy

    def as_json(self, params: Params, git_commit: str) -> dict[str, Any]:
        """Everything, with intervals, differences, slices, ablation and days."""
        seed = params.training.seed
        systems = [
            s for s in descriptions.SYSTEMS if any(s in j.values for j in self.evaluated.values())
        ]
        metrics = [
            m for m in descriptions.METRICS if any(_gives(j, m) for j in self.evaluated.values())
        ]
        return {
            "schema": SCHEMA,
            "first_day": str(self.first),
            "last_day": str(self.last),
            "train_until": None if self.train_until is None else str(self.train_until),
            "ours": OURS,
            "git_commit": git_commit,
            "data_hash": self.data_hash,
            "params": params.model_dump(mode="json"),
            "bootstrap": {
                "of": "readers",
                "resamples": params.backtest.bootstrap,
                "confidence": params.backtest.confidence,
                "seed": seed,
            },
            "sampled_negatives": self.sampled_negatives,
            "leaks": {"moments": self.moments_checked, "found": 0},
            "systems": {s: descriptions.SYSTEMS[s] for s in systems},
            "metrics": {m: descriptions.METRICS[m] for m in metrics},
            "modes": {
                mode: {
                    "counts": dict(evaluated.counts),
                    "metrics": [m for m in descriptions.METRICS if _gives(evaluated, m)],
                    "missing": self._missing(evaluated),
                    **compare(evaluated, OURS, params.backtest, seed),
                }
                for mode, evaluated in self.evaluated.items()
            },
            "not_evaluated": dict(self.missing),
            "off_policy": self.off_policy.as_json(),
        }

    def _missing(self, evaluated: EvaluatedLists) -> dict[str, str]:
        """Metric -> why there is no number."""
        ours = evaluated.values[OURS]
        return {
            metric: f"{descriptions.NOT_AVAILABLE}: {descriptions.REASONS[metric]}"
            for n, metric in enumerate(evaluated.metrics)
            if not _any(ours, n)
        }


def _gives(evaluated: EvaluatedLists, metric: str) -> bool:
    return metric in evaluated.metrics or any(metric in m for m in evaluated.of_days.values())


def _any(values: Values, column: int) -> bool:
    return bool((values[:, column] == values[:, column]).any())


def means(table: Mapping[str, Any], metrics: Sequence[str]) -> dict[str, float | None]:
    """Metric -> value of one system's estimates; None where there is no number."""
    return {m: table[m]["value"] if m in table else None for m in metrics}
