"""The back-test: days in order, each evaluated by models of what was known before it."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from newsrec_pipelines import partitions
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.evaluation.ablation import not_counters, parts
from newsrec_pipelines.evaluation.daily import evaluate_slates, openers
from newsrec_pipelines.evaluation.day import Day
from newsrec_pipelines.evaluation.evaluated_lists import EvaluatedLists, Part
from newsrec_pipelines.evaluation.exploration_policies import said_by_log
from newsrec_pipelines.evaluation.leaks import check_leaks
from newsrec_pipelines.evaluation.lists import evaluate_lists
from newsrec_pipelines.evaluation.result import OURS, Backtest
from newsrec_pipelines.evaluation.walk import Made, Walk
from newsrec_pipelines.models.ranker import Ranker
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.progress import track
from newsrec_pipelines.store import Store

IMPRESSIONS: Final = "impressions"
DAILY: Final = "daily"
_DAY: Final = timedelta(days=1)


def backtest(
    store: Store,
    params: Params,
    first: date,
    last: date,
    modes: Sequence[str] = (IMPRESSIONS, DAILY),
    train_until: date | None = None,
    ablation: bool = True,
) -> Backtest:
    """Evaluate our model and its baselines on each day from `first` to `last`.

    Args:
        store: where the clean partitions and the counters lie.
        params: everything that changes the result.
        first: the first day that is evaluated.
        last: the last one.
        modes: what is evaluated; of several, those that the data allows.
        train_until: one model for all days, of what was known by the end of this day, before
            `first`; a model a day if None.
        ablation: evaluate ours without each of its parts, too; of models a day, on the last days.

    Raises:
        DataError: when no model can be made, no day has anything to evaluate by, or a feature knew
            more than it could.
    """
    days = [first + n * _DAY for n in range((last - first).days + 1)]
    if len(modes) == 1 and IMPRESSIONS in modes:
        _require_lists(store, first, last)
    walk = Walk(store, params)
    fixed = None
    ablated = days[-params.backtest.ablation_days :] if ablation else []
    if train_until:
        fixed = _Models(walk.made_at(_midnight(train_until + _DAY)), params, ablation)
    evaluated: dict[str, list[EvaluatedLists]] = {mode: [] for mode in modes}
    checked = 0
    for one in track(days, "back-test"):
        models = fixed or _Models(walk.made_at(_midnight(one)), params, one in ablated)
        made = models.made
        day = Day.load(store, params, one, lists=IMPRESSIONS in modes or fixed is None)
        training_set = day.ranker_training_set(store, params, made.scorers)
        if IMPRESSIONS in modes and day.shown is not None and training_set is not None:
            checked += check_leaks(store, params, day.shown, len(days))
            lists = evaluate_lists(
                training_set, models.rankers, models.refitted, day.request, params
            )
            evaluated[IMPRESSIONS] += [lists] if lists.lists.height else []
        if DAILY in modes:
            ours = made.model(models.rankers[OURS])
            known = openers(store, params, day.start)
            slates = evaluate_slates(day, ours, models.rankers, models.without, known, params)
            evaluated[DAILY] += [slates] if slates else []
        if fixed is None and one < last:
            walk.learn(training_set, made)
    missing = {mode: _REASONS[mode] for mode, found in evaluated.items() if not found}
    if len(missing) == len(evaluated):
        span = str(first) if first == last else f"{first} to {last}"
        why = "; ".join(missing.values())
        raise DataError(f"nothing to evaluate by on {span}: {why}")
    return Backtest(
        first=first,
        last=last,
        train_until=train_until,
        data_hash=made.data.data_hash,
        sampled_negatives=walk.sampled_negatives,
        moments_checked=checked,
        evaluated={
            mode: EvaluatedLists.concat(found) for mode, found in evaluated.items() if found
        },
        missing=missing,
        off_policy=said_by_log(store, params, first, last),
    )


_REASONS: Final = {
    IMPRESSIONS: "no list with opened and unopened articles was shown",
    DAILY: "no reader known before opened anything new",
}


def rankers_of(made: Made) -> dict[str, Ranker]:
    """System -> ranker of those that order the same candidates; ours among them."""
    return {
        OURS: made.ranker(),
        "news_by_clicks": made.ranker(by_clicks=True),
        "counters": made.ranker(off=not_counters(), by_clicks=True),
    }


class _Models:
    """The rankers of one moment: ours, the plain one, and ours without each of its parts."""

    def __init__(self, made: Made, params: Params, ablation: bool) -> None:
        self.made = made
        self.rankers = rankers_of(made)
        # Whatever a part is, what was left out is looked at in the same lists.
        self.refitted: dict[Part, Ranker] = {}
        self.without: dict[Part, Ranker] = {}
        for part in parts(params) if ablation else []:
            if part.kind == "source":
                self.without[part] = self.rankers[OURS]
            else:
                self.without[part] = self.refitted[part] = made.ranker(off=(part.name,))


def _require_lists(store: Store, first: date, last: date) -> None:
    if not partitions.manifests(store, "clean/impressions", first, last):
        raise DataError(
            f"no impression from {first} to {last} in {store.url}: nothing to order "
            "(--mode daily evaluates by reads)"
        )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
