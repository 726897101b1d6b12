"""A back-test made of drawn numbers, for tests of its JSON and its page."""

from datetime import date, timedelta

import numpy as np
import polars as pl

from newsrec_pipelines.evaluation import descriptions
from newsrec_pipelines.evaluation.beyond_accuracy import BEYOND_METRICS
from newsrec_pipelines.evaluation.evaluated_lists import EvaluatedLists, Part
from newsrec_pipelines.evaluation.exploration_policies import OffPolicy
from newsrec_pipelines.evaluation.metrics import LIST_METRICS, SLATE_METRICS
from newsrec_pipelines.evaluation.off_policy import Estimate, Interval
from newsrec_pipelines.evaluation.result import Backtest

FIRST = date(2026, 3, 6)
# A log that speaks for one policy, and not for another.
_FOUND = Interval(41.5, 40.25, 42.75)
_ESTIMATES = {
    "as logged": Estimate(_FOUND, _FOUND, _FOUND, 4000, 4000.0, 1.0, 0.0),
    "always explore": Estimate(None, None, None, 4000, 12.0, 0.7, 0.01),
}
SYSTEMS = tuple(descriptions.SYSTEMS)


def _evaluated(metrics: tuple[str, ...], days: int = 2, dwell: bool = True) -> EvaluatedLists:
    rng = np.random.default_rng(1)
    many = 30 * days
    values = {s: rng.random((many, len(metrics))) for s in SYSTEMS}
    if not dwell and "dwell_ndcg@10" in metrics:
        for table in values.values():
            table[:, metrics.index("dwell_ndcg@10")] = np.nan
    daily = "hr@10" in metrics
    return EvaluatedLists(
        metrics=metrics,
        lists=pl.DataFrame(
            {
                "user_id": [f"u{n % 20}" for n in range(many)],
                "day": [FIRST + timedelta(days=n // 30) for n in range(many)],
                "region": ["africa", "latin_america"] * (many // 2),
                "cold_reader": [n % 7 == 0 for n in range(many)],
                "cold_article": [n % 5 == 0 for n in range(many)],
            }
        ),
        values=values,
        without={
            Part("source", "als"): values["als"],
            Part("features", "clicks"): values["random"],
            Part("scorer", "content"): values["content"],
        },
        of_days={s: {"coverage": [0.25] * days} for s in SYSTEMS} if daily else {},
        counts={"readers": 20},
    )


def make_backtest(days: int = 2, dwell: bool = True) -> Backtest:
    """Both modes, all systems, one part of each kind left out."""
    return Backtest(
        first=FIRST,
        last=FIRST + timedelta(days=days - 1),
        train_until=None,
        data_hash="ab" * 32,
        sampled_negatives=False,
        moments_checked=14,
        evaluated={
            "impressions": _evaluated(LIST_METRICS, days),
            "daily": _evaluated((*SLATE_METRICS, *BEYOND_METRICS), days, dwell),
        },
        missing={},
        off_policy=OffPolicy(_ESTIMATES) if dwell else OffPolicy({}, "no dwell is known"),
    )
