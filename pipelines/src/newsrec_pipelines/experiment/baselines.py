"""Ours beside every baseline by the hidden truth: what their slates would be worth to readers.

What readers opened on a front page tells first of all what stood there: on such a log, whoever
foretells the front page looks good. A simulated world can be asked instead what each slate would
have been worth, had her visits of the day seen it and nothing else.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import polars as pl

from newsrec_pipelines.datasets.world.slate_days import worth
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.evaluation.ablation import parts
from newsrec_pipelines.evaluation.backtest import rankers_of
from newsrec_pipelines.evaluation.comparison import compare
from newsrec_pipelines.evaluation.day import Day
from newsrec_pipelines.evaluation.evaluated_lists import EvaluatedLists, Part
from newsrec_pipelines.evaluation.lists import about_readers
from newsrec_pipelines.evaluation.metrics import Values
from newsrec_pipelines.evaluation.result import OURS
from newsrec_pipelines.evaluation.slate_systems import SlateSystems
from newsrec_pipelines.evaluation.walk import Made, Walk
from newsrec_pipelines.experiment.policies import PLACES
from newsrec_pipelines.features.examples import build_request
from newsrec_pipelines.models.ranker import Ranker
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.progress import track
from newsrec_pipelines.store import Store

METRIC: Final = "expected_seconds"
_DAY: Final = timedelta(days=1)


def compare_baselines(store: Store, params: Params, first: date, last: date) -> dict[str, Any]:
    """Seconds a reader-day that each system's slates would be worth, and what ours is better by.

    Every system is made anew each day of what was known at its 00:00 UTC, as in a back-test; slates
    are cut to the places that a visitor sees. On the last day ours is also made without each part.

    Args:
        store: of a simulated world, with its days after the ETL.
        params: everything that changes the result; ``world`` must be the store's.
        first: the first day that is evaluated.
        last: the last one.

    Returns:
        The sections of `evaluation.comparison.compare`, by the metric `METRIC`.

    Raises:
        DataError: when nothing was known before a day, or nobody known came.
    """
    walk = Walk(store, params)
    evaluated: list[EvaluatedLists] = []
    days = [first + n * _DAY for n in range((last - first).days + 1)]
    for day in track(days, "baselines"):
        made = walk.made_at(datetime.combine(day, time(), UTC))
        evaluated += _evaluate(store, params, made, day, taken_apart=day == last)
        if day < last:
            # Its lists train the models of the days after it.
            walk.learn(
                Day.load(store, params, day).ranker_training_set(store, params, made.scorers), made
            )
    if not evaluated:
        raise DataError(f"nobody who was known came from {first} to {last}")
    found = compare(EvaluatedLists.concat(evaluated), OURS, params.backtest, params.training.seed)
    return {"ours": OURS, "first_day": str(first), "last_day": str(last), **found}


def _evaluate(
    store: Store, params: Params, made: Made, day: date, *, taken_apart: bool
) -> list[EvaluatedLists]:
    request = build_request(store, made.data.as_of, params)
    rankers = rankers_of(made)
    systems = SlateSystems(request, made.model(rankers[OURS]), params)
    slates = systems.slates(rankers, _without(made, params, rankers) if taken_apart else {})
    seconds = {system: _worth(params, day, lists) for system, lists in slates.items()}
    came = about_readers(request, params).join(seconds[OURS].select("user_id"), on="user_id")
    came = came.sort("user_id")
    if came.is_empty():
        return []
    values: dict[str | Part, Values] = {
        system: came.select("user_id")
        .join(found, on="user_id", how="left", maintain_order="left")
        .select(pl.col(METRIC).fill_null(0.0))
        .to_numpy()
        for system, found in seconds.items()
    }
    return [
        EvaluatedLists(
            metrics=(METRIC,),
            lists=came.with_columns(day=pl.lit(day), cold_article=pl.lit(False)),
            values={s: v for s, v in values.items() if not isinstance(s, Part)},
            without={s: v for s, v in values.items() if isinstance(s, Part)},
        )
    ]


def _without(made: Made, params: Params, rankers: dict[str, Ranker]) -> dict[Part, Ranker]:
    return {
        part: rankers[OURS] if part.kind == "source" else made.ranker(off=(part.name,))
        for part in parts(params)
    }


def _worth(params: Params, day: date, lists: pl.DataFrame) -> pl.DataFrame:
    """``user_id`` and the seconds of all of a reader's visits of the day together."""
    seen = lists.select("user_id", pl.col("article_ids").list.head(PLACES))
    return (
        worth(params.world, day, seen)
        .group_by("user_id")
        .agg(pl.col(METRIC).sum().cast(pl.Float64))
    )


def table(result: dict[str, Any]) -> list[str]:
    """Lines for people: seconds a reader-day, and what ours is better by, with its interval."""
    lines = [f"{result['lists']:,} reader-days of {result['readers']:,} readers"]
    rows = [
        (name, estimates[METRIC], result["differences"].get(name, {}).get(METRIC))
        for name, estimates in result["systems"].items()
    ]
    rows += [
        (
            f"without {row['without']} ({row['kind']})",
            row["metrics"][METRIC],
            row["differences"][METRIC],
        )
        for row in result["ablation"]
    ]
    for name, found, better in rows:
        ends = (
            ""
            if better is None
            else (f"   {better['value']:+8.2f} ({better['low']:+.2f} to {better['high']:+.2f})")
        )
        lines.append(f"{name:<28}{found['value']:>9.2f}{ends}")
    return lines
