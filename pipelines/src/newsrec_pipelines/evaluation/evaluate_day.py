"""One day's evaluation: how a model made before the day ranks what happened on it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import numpy as np

from newsrec_pipelines.evaluation.daily import evaluate_slates, openers
from newsrec_pipelines.evaluation.day import Day
from newsrec_pipelines.evaluation.evaluated_lists import EvaluatedLists
from newsrec_pipelines.evaluation.lists import evaluate_lists
from newsrec_pipelines.evaluation.metrics import Mean
from newsrec_pipelines.evaluation.slate_evaluation import evaluate_answers
from newsrec_pipelines.models.blend import SCORERS
from newsrec_pipelines.models.kind import Model
from newsrec_pipelines.models.news import NewsModel
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.store import Store

# Ours, each score alone, and what needs no model.
SYSTEMS: Final = (NewsModel.name, *SCORERS, "clicks_3h", "clicks_24h", "newest", "random")


@dataclass(frozen=True)
class DayEvaluation:
    """What a day says about each system.

    Attributes:
        day: the day that was evaluated.
        metrics: system -> metric -> mean; a metric that the day cannot give is missing.
        counts: what there was to evaluate by.
    """

    day: date
    metrics: dict[str, dict[str, Mean]]
    counts: dict[str, int] = field(default_factory=dict)


def evaluate(store: Store, params: Params, model: Model, day: date) -> DayEvaluation:
    """Evaluate a model on the lists shown on `day`, and on the slates it would have made at 00:00.

    A model of another kind than news is evaluated by its slates only, and beside nobody.

    The caller sees to it that the model knew nothing of the day. Labels are what was known some
    days later, when late reports had come in.
    """
    if isinstance(model, NewsModel):
        return _evaluate_news(store, params, model, day)
    means, counts = evaluate_answers(Day.load(store, params, day, lists=False), model, params)
    return DayEvaluation(day, {model.name: means}, counts)


def _evaluate_news(store: Store, params: Params, model: NewsModel, day: date) -> DayEvaluation:
    metrics: dict[str, dict[str, Mean]] = {system: {} for system in SYSTEMS}
    counts: dict[str, int] = {}
    rankers = {model.name: model.ranker}
    loaded = Day.load(store, params, day)
    training_set = loaded.ranker_training_set(store, params, model.scorers)
    if training_set is not None:
        lists = evaluate_lists(training_set, rankers, {}, loaded.request, params)
        if lists.lists.height:
            _add(metrics, lists)
        counts |= {**lists.counts, "lists evaluated": lists.lists.height}
    known = openers(store, params, loaded.start)
    slates = evaluate_slates(loaded, model, rankers, {}, known, model.params)
    if slates is not None:
        _add(metrics, slates)
        counts |= {**slates.counts, "readers evaluated": slates.lists.height}
    return DayEvaluation(day, metrics, counts)


def _add(metrics: Mapping[str, dict[str, Mean]], evaluated: EvaluatedLists) -> None:
    for system, values in evaluated.values.items():
        means = {name: Mean.of(values[:, n]) for n, name in enumerate(evaluated.metrics)}
        metrics[system].update({name: mean for name, mean in means.items() if mean.count})
        for name, of_days in evaluated.of_days.get(system, {}).items():
            metrics[system][name] = Mean.of(np.array(of_days))
