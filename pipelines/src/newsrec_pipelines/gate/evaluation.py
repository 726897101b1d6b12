"""Second step: the slates that each model would have made of the day, by what was read on it."""

import hashlib
import json
import time as clock
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Any, Final, Protocol

import numpy as np
import polars as pl

from newsrec_pipelines.errors import ModelError
from newsrec_pipelines.evaluation.comparison import compare
from newsrec_pipelines.evaluation.daily import newly_opened
from newsrec_pipelines.evaluation.day import Day
from newsrec_pipelines.evaluation.evaluated_lists import EvaluatedLists
from newsrec_pipelines.evaluation.lists import about_readers
from newsrec_pipelines.evaluation.metrics import SLATE_METRICS, Values, coverage, slate_metrics
from newsrec_pipelines.features.examples import available_before
from newsrec_pipelines.features.types import Request
from newsrec_pipelines.gate.steps import (
    CHALLENGER,
    POPULARITY,
    REFIT,
    SERVING,
    DayEvaluation,
    Difference,
    Estimate,
    Measured,
    Trained,
)
from newsrec_pipelines.models import artifacts, kind
from newsrec_pipelines.models.artifacts import read_manifest
from newsrec_pipelines.models.feedback import Weights
from newsrec_pipelines.models.popularity import Popularity
from newsrec_pipelines.models.single_scorer import SingleScorerModel
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.store import Store

# Who is compared with whom, as far as both are there.
_PAIRS: Final = (
    (CHALLENGER, REFIT),
    (CHALLENGER, SERVING),
    (CHALLENGER, POPULARITY),
    (REFIT, SERVING),
)
_READERS: Final = 1000


class Predictor(Protocol):
    """What is evaluated."""

    def predict(self, request: Request) -> pl.DataFrame:
        """Slates, as `features.types.SLATE_SCHEMA`."""


class PopularModel(SingleScorerModel):
    """What is read now, as a model: the least that the first one has to reach."""

    name = POPULARITY
    scorer = Popularity


@dataclass(frozen=True)
class System:
    """A model that is evaluated, its version, and the bytes of its artefact."""

    model: Predictor
    version: str | None
    size: int


def evaluate(store: Store, params: Params, trained: Trained) -> DayEvaluation:
    """Evaluate all that knew nothing of the day. Labels are what is known by now.

    Raises:
        ModelError: when a model cannot be loaded that was trained just now.
    """
    start = datetime.combine(trained.day, time(), UTC)
    loaded = _load(store, trained, start)
    if not loaded:
        why = "no model was trained to the evening before"
        return _not_evaluated(trained.day, digest(trained), why, {})
    systems = {name: one.system for name, one in loaded.items()}
    if SERVING not in trained.versions:
        popular = PopularModel.produce_model(available_before(store, start, params), params)
        systems[POPULARITY] = System(popular, None, 0)
    # Each model leaves out what is too old for it; none may lack what it would have served.
    oldest = max(one.model.params.slate.max_age_hours for one in loaded.values())
    wide = params.slate.model_copy(update={"max_age_hours": oldest})
    day = Day.load(store, params.model_copy(update={"slate": wide}), trained.day, lists=False)
    return evaluate_systems(day, systems, params, digest(trained))


def digest(trained: Trained) -> str:
    """Tells what was evaluated."""
    content = json.dumps(trained.json_object(), sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def evaluate_systems(
    day: Day,
    systems: Mapping[str, System],
    params: Params,
    of: str,
    cpu_seconds: Callable[[], float] = clock.process_time,
) -> DayEvaluation:
    """Evaluate systems by the readers who were known and opened something new on the day.

    Args:
        day: what happened, and what was known when it began.
        systems: by name.
        params: weights of dwell, slices, resamples.
        of: hash of what is evaluated.
        cpu_seconds: what the processor has spent so far, on all cores.
    """
    relevant = newly_opened(day, Weights.of(day.reads, params))
    users = day.request.users.join(relevant, on="user_id", how="semi").sort("user_id")
    counts = {
        "readers of the day": day.reads["user_id"].n_unique(),
        "candidates": day.request.articles.height,
        "articles opened anew": relevant.height,
        "readers evaluated": users.height,
    }
    if users.is_empty() or day.request.articles.is_empty():
        why = "no reader known before read anything new"
        return _not_evaluated(day.start.date(), of, why, counts)
    history = day.request.history.join(users, on="user_id", how="semi")
    request = replace(day.request, users=users, history=history)
    relevant = relevant.join(users, on="user_id", how="semi")
    # A version that is two systems answers once: its difference is nothing at all.
    once = {id(one): one for one in systems.values()}
    given = {key: _Answer.of(one, request, cpu_seconds) for key, one in once.items()}
    answers = {name: given[id(one)] for name, one in systems.items()}
    dwelt = bool(day.reads["dwell_seconds"].is_not_null().any()) and relevant["gain"].max() != 0
    metric = "dwell_ndcg@10" if dwelt else "slate_ndcg@10"
    metrics = SLATE_METRICS if dwelt else tuple(m for m in SLATE_METRICS if m != "dwell_ndcg@10")
    evaluated = EvaluatedLists(
        metrics=metrics,
        lists=about_readers(request, params)
        .sort("user_id")
        .with_columns(cold_article=pl.lit(False), day=pl.lit(day.start.date())),
        values={name: _values(a.slates, relevant, metrics) for name, a in answers.items()},
    )
    tables = {
        name: compare(evaluated, name, params.backtest, params.training.seed) for name in systems
    }
    table = next(iter(tables.values()))
    return DayEvaluation(
        day=day.start.date(),
        of=of,
        metric=metric,
        missing=None if dwelt else "the data has no dwell: every opened article counts the same",
        counts=counts,
        measured={
            name: Measured(
                version=systems[name].version,
                coverage=coverage(answer.slates, request.articles.height) or 0.0,
                megabytes=systems[name].size / 1e6,
                seconds=answer.seconds * _READERS / max(users.height, _READERS),
                not_finite=answer.not_finite,
                metrics={m: Estimate(**e) for m, e in table["systems"][name].items()},
            )
            for name, answer in answers.items()
        },
        differences=[
            _difference(tables[one], one, other, metric)
            for one, other in _PAIRS
            if one in systems and other in systems
        ],
    )


@dataclass(frozen=True)
class _Answer:
    slates: pl.DataFrame
    seconds: float
    not_finite: int

    @classmethod
    def of(cls, system: System, request: Request, cpu_seconds: Callable[[], float]) -> "_Answer":
        began = cpu_seconds()
        slates = system.model.predict(request)
        seconds = cpu_seconds() - began
        numbers = slates.select("scores", "propensities").explode(
            "scores", "propensities", empty_as_null=False
        )
        wrong = sum(int((~np.isfinite(column.to_numpy())).sum()) for column in numbers)
        return cls(slates.select("user_id", "article_ids"), seconds, wrong)


def _not_evaluated(day: date, of: str, why: str, counts: dict[str, int]) -> DayEvaluation:
    return DayEvaluation(
        day=day, of=of, metric=None, missing=why, counts=counts, measured={}, differences=[]
    )


@dataclass(frozen=True)
class _Loaded:
    model: kind.Model
    system: System


def _load(store: Store, trained: Trained, start: datetime) -> dict[str, _Loaded]:
    """Systems that knew nothing of the day, each version loaded once."""
    loaded: dict[str, _Loaded] = {}
    systems = {}
    for name, version in trained.versions.items():
        try:
            if read_manifest(store, version).as_of > start:
                continue
            if version not in loaded:
                model = kind.load(store, version)
                system = System(model, version, artifacts.size(store, version))
                loaded[version] = _Loaded(model, system)
        except ModelError:
            # A champion that is damaged by now is what a new one should replace.
            if name != SERVING:
                raise
            continue
        systems[name] = loaded[version]
    return systems


def _values(slates: pl.DataFrame, relevant: pl.DataFrame, metrics: tuple[str, ...]) -> Values:
    found = slate_metrics(slates, relevant)
    return np.column_stack([found[metric] for metric in metrics])


def _difference(table: dict[str, Any], one: str, other: str, metric: str) -> Difference:
    means = {"all": table["systems"][other][metric]["value"]}
    slices = {}
    for found in table["slices"]:
        if metric in found["differences"][other]:
            slices[found["slice"]] = Estimate(**found["differences"][other][metric])
            means[found["slice"]] = found["systems"][other][metric]["value"]
    return Difference(
        of=one,
        above=other,
        all=Estimate(**table["differences"][other][metric]),
        slices=slices,
        means=means,
    )
