"""The evaluation report: JSON for machines, one self-contained HTML page for people."""

from collections.abc import Sequence
from typing import Any, Final

from newsrec_pipelines.evaluation import descriptions, plots
from newsrec_pipelines.evaluation.descriptions import NOT_AVAILABLE, REASONS
from newsrec_pipelines.evaluation.evaluate import Evaluation
from newsrec_pipelines.evaluation.metrics import LIST_METRICS, SLATE_METRICS, Mean
from newsrec_pipelines.evaluation.pages import render
from newsrec_pipelines.store import Store

FOLDER: Final = "reports/evaluation"
METRICS: Final = (*LIST_METRICS, *SLATE_METRICS, "coverage")


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """The whole report. A metric that the data cannot give has the value null and a reason."""
    return {
        "model": evaluation.model,
        "sampled_negatives": evaluation.sampled_negatives,
        "first_day": str(evaluation.evaluations[0].day),
        "last_day": str(evaluation.evaluations[-1].day),
        "counts": evaluation.counts(),
        "metrics": _metrics(evaluation.means()),
        "days": [
            {"day": str(j.day), "counts": j.counts, "metrics": _metrics(j.metrics)}
            for j in evaluation.evaluations
        ],
    }


def flat_metrics(evaluation: Evaluation) -> dict[str, dict[str, float]]:
    """System -> metric -> number, as `dvc metrics` reads it; what is not available is left out."""
    return {
        system: {name: mean.value for name, mean in metrics.items() if mean.value is not None}
        for system, metrics in evaluation.means().items()
    }


def plot_rows(evaluation: Evaluation) -> list[dict[str, str | float]]:
    """A row a day and system with its metrics, as `dvc plots` reads them."""
    return [
        {"day": str(evaluation.day), "system": system}
        | {name: mean.value for name, mean in metrics.items() if mean.value is not None}
        for evaluation in evaluation.evaluations
        for system, metrics in evaluation.metrics.items()
    ]


def as_html(evaluation: Evaluation) -> str:
    """The page for people."""
    means = evaluation.means()
    systems = evaluation.systems
    available = [m for m in METRICS if m in means[systems[0]]]
    colours = plots.colours(systems)
    lead = "auc" if "auc" in available else "slate_ndcg@10"
    return render(
        "report.html",
        report=as_json(evaluation),
        systems=systems,
        colours=colours,
        tables=[
            (title, metrics, text, _notes(means[systems[0]], metrics))
            for title, metrics, text in (
                ("Lists that were shown", [m for m in METRICS if m in LIST_METRICS], _LISTS),
                ("Daily slates", [m for m in METRICS if m not in LIST_METRICS], _SLATES),
            )
        ],
        best={m: _best(means, m) for m in METRICS},
        not_available=NOT_AVAILABLE,
        named_systems={s: descriptions.SYSTEMS.get(s, descriptions.OTHER_KIND) for s in systems},
        named_metrics={m: descriptions.METRICS[m] for m in METRICS},
        bars=[
            plots.bars({m: _bars(means, m) for m in group}, colours)
            for group in (
                [m for m in available if m in LIST_METRICS],
                [m for m in available if m not in LIST_METRICS],
            )
            if group
        ],
        by_day=(
            [(m, _by_day(evaluation, m, colours)) for m in dict.fromkeys((lead, "recall@10"))]
            if len(evaluation.evaluations) > 1
            else []
        ),
    )


def write(store: Store, evaluation: Evaluation, folder: str = FOLDER) -> list[str]:
    """Write both forms, and metrics and plots for DVC, into a folder; returns their keys."""
    first, last = evaluation.evaluations[0].day, evaluation.evaluations[-1].day
    name = f"{folder}/{first}" if first == last else f"{folder}/{first}_{last}"
    page = as_html(evaluation)
    store.write_json(f"{name}.json", as_json(evaluation))
    store.write_json(f"{name}.metrics.json", flat_metrics(evaluation))
    store.write_json(f"{name}.plots.json", plot_rows(evaluation))
    store.write_bytes(f"{name}.html", page.encode())
    return [f"{name}.{ending}" for ending in ("json", "metrics.json", "plots.json", "html")]


_LISTS: Final = (
    "How well the articles of a list that a reader saw are ordered by score, with what was known "
    "at the moment it was shown. Lists with clicked and unclicked articles only."
)
_SLATES: Final = (
    "How well the ten articles that each reader would have got at 00:00 UTC foretell what she "
    "opened during the day. Readers who opened something new only."
)


def _metrics(means: dict[str, dict[str, Mean]]) -> dict[str, dict[str, dict[str, Any]]]:
    return {s: {m: _value(metrics.get(m), m) for m in METRICS} for s, metrics in means.items()}


def _value(mean: Mean | None, metric: str) -> dict[str, Any]:
    if mean is None or mean.value is None:
        return {"value": None, "reason": f"{NOT_AVAILABLE}: {REASONS[metric]}"}
    return {"value": mean.value, "error": mean.error, "count": mean.count}


def _notes(means: dict[str, Mean], metrics: Sequence[str]) -> list[str]:
    """Why metrics are missing, one sentence a reason."""
    missing: dict[str, list[str]] = {}
    for metric in metrics:
        if (value := _value(means.get(metric), metric))["value"] is None:
            missing.setdefault(value["reason"], []).append(metric)
    return [f"{', '.join(names)}: {reason}." for reason, names in missing.items()]


def _best(means: dict[str, dict[str, Mean]], metric: str) -> str | None:
    values = {s: m[metric].value for s, m in means.items() if metric in m}
    found = {system: value for system, value in values.items() if value is not None}
    return max(found, key=found.__getitem__) if found else None


def _bars(means: dict[str, dict[str, Mean]], metric: str) -> list[plots.Bar]:
    found = []
    for system in means:
        mean = means[system].get(metric, Mean())
        if mean.value is not None:
            width = 1.96 * (mean.error or 0.0)
            found.append(plots.Bar(system, mean.value, mean.value - width, mean.value + width))
    return found


def _by_day(evaluation: Evaluation, metric: str, colours: dict[str, str]) -> str:
    days = [str(j.day) for j in evaluation.evaluations]
    values = {
        s: [j.metrics[s].get(metric, Mean()).value for j in evaluation.evaluations]
        for s in evaluation.systems
    }
    return plots.by_day(days, values, metric, colours)
