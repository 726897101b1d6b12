"""The report of a gate: JSON for machines, one page for the operator."""

from typing import Any, Final

from newsrec_pipelines.evaluation import descriptions
from newsrec_pipelines.evaluation.pages import render
from newsrec_pipelines.gate.steps import (
    CHALLENGER,
    POPULARITY,
    REFIT,
    SERVING,
    DayEvaluation,
    Decision,
    Trained,
)
from newsrec_pipelines.store import Store

FOLDER: Final = "reports/gates"
_SYSTEMS: Final = {
    SERVING: "the version that served when the gate began",
    REFIT: "the training configuration of the champion, trained to the evening before the day",
    CHALLENGER: "the training configuration of today's parameters, trained likewise",
    POPULARITY: "what was read in the hours before, by region: no model, but a scorer alone",
}


def as_json(trained: Trained, evaluated: DayEvaluation, decision: Decision) -> dict[str, Any]:
    """Everything that led to the decision."""
    return {
        "day": str(decision.day),
        "decision": decision.json_object(),
        "evaluation": evaluated.json_object(),
        "trained": trained.json_object(),
    }


def as_html(trained: Trained, evaluated: DayEvaluation, decision: Decision) -> str:
    """The page for the operator."""
    metrics = [
        m for m in descriptions.METRICS if any(m in s.metrics for s in evaluated.measured.values())
    ]
    return render(
        "gate.html",
        trained=trained,
        evaluated=evaluated,
        decision=decision,
        systems={s: text for s, text in _SYSTEMS.items() if s in _named(trained, evaluated)},
        metrics=metrics,
        named_metrics={m: descriptions.METRICS[m] for m in (*metrics, "coverage")},
    )


def write(
    store: Store, trained: Trained, evaluated: DayEvaluation, decision: Decision
) -> list[str]:
    """Write both forms; returns their keys."""
    name = f"{FOLDER}/{decision.day}"
    page = as_html(trained, evaluated, decision)
    store.write_json(f"{name}.json", as_json(trained, evaluated, decision))
    store.write_bytes(f"{name}.html", page.encode())
    return [f"{name}.json", f"{name}.html"]


def _named(trained: Trained, evaluated: DayEvaluation) -> set[str]:
    return {*trained.versions, *trained.failed, *evaluated.measured}
