"""Days in order: each evaluated by a model that was made before it, never by a random split."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from newsrec_pipelines.errors import DataError
from newsrec_pipelines.evaluation.evaluate_day import DayEvaluation, evaluate
from newsrec_pipelines.evaluation.metrics import Mean
from newsrec_pipelines.features.examples import training_data
from newsrec_pipelines.models import kind
from newsrec_pipelines.models.artifacts import read_manifest
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.progress import track
from newsrec_pipelines.store import Store


@dataclass(frozen=True)
class Evaluation:
    """What some days say about each system.

    Attributes:
        evaluations: of each day, in order.
        model: the version that was evaluated, or how the models were made.
        sampled_negatives: the ranker was trained on drawn negatives, for want of impressions.
        data_hash: of what the model knew, of several the last one.
    """

    evaluations: list[DayEvaluation]
    model: str
    sampled_negatives: bool
    data_hash: str

    @property
    def systems(self) -> tuple[str, ...]:
        """Names of all that were evaluated, the model first."""
        return tuple(self.evaluations[0].metrics)

    def means(self) -> dict[str, dict[str, Mean]]:
        """System -> metric -> mean over all lists, readers or days; what no day gave is missing."""
        totals: dict[str, dict[str, Mean]] = {system: {} for system in self.systems}
        for evaluation in self.evaluations:
            for system, metrics in evaluation.metrics.items():
                for name, mean in metrics.items():
                    totals[system][name] = totals[system].get(name, Mean()) + mean
        return totals

    def counts(self) -> dict[str, int]:
        """Sums of the days' counts, and the number of days."""
        names = dict.fromkeys(name for j in self.evaluations for name in j.counts)
        sums = {name: sum(j.counts.get(name, 0) for j in self.evaluations) for name in names}
        return {"days": len(self.evaluations), **sums}


def evaluate_version(store: Store, params: Params, version: str, day: date) -> Evaluation:
    """Evaluate one version on one day.

    Raises:
        DataError: when the model may have seen the day, or the day has nothing to evaluate by.
        ModelError: when there is no such version.
    """
    manifest = read_manifest(store, version)
    as_of = manifest.as_of
    start = datetime.combine(day, time(), UTC)
    if as_of > start:
        raise DataError(
            f"model {version} knows what happened until {as_of:%Y-%m-%d %H:%M} UTC: "
            f"it cannot be evaluated on {day}, only on later days"
        )
    evaluation = evaluate(store, params, kind.load(store, version), day)
    drawn = bool(manifest.created_from.get("sampled_negatives", False))
    return _evaluation([evaluation], version, drawn, manifest.data_hash)


def walk_forward(
    store: Store, params: Params, first: date, last: date, refit_days: int
) -> Evaluation:
    """Evaluate each day by a model of its first moment, or up to `refit_days` - 1 days earlier.

    Every model is made from what was available at its moment; readers' histories and counters are
    those of each day.

    Raises:
        DataError: when a model cannot be made, or no day has anything to evaluate by.
    """
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    evaluations = []
    drawn = False
    for n, day in enumerate(track(days, "evaluate")):
        if n % refit_days == 0:
            known = datetime.combine(day, time(), UTC)
            data = training_data(store, known, params)
            drawn |= data.sampled_negatives
            model = kind.named(params.model).produce_model(data, params)
        evaluations.append(evaluate(store, params, model, day))
    every = "day" if refit_days == 1 else f"{refit_days} days"
    return _evaluation(evaluations, f"made anew every {every}", drawn, data.data_hash)


def _evaluation(
    evaluations: list[DayEvaluation], model: str, drawn: bool, data_hash: str
) -> Evaluation:
    if not any(mean for j in evaluations for mean in j.metrics.values()):
        days = [str(j.day) for j in evaluations]
        span = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
        raise DataError(
            f"nothing to evaluate by on {span}: no reader known before read anything new"
        )
    return Evaluation(evaluations, model, drawn, data_hash)
