"""The back-test's page: every number on it comes from the result's JSON."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from newsrec_pipelines.evaluation import plots
from newsrec_pipelines.evaluation.descriptions import NOT_AVAILABLE
from newsrec_pipelines.evaluation.pages import render

Table = Mapping[str, Any]

# The metrics that slices, ablation and days are shown by.
_LEAD: Final = {"impressions": ("auc", "ndcg@10"), "daily": ("dwell_ndcg@10", "recall@10")}
_PANELS: Final = 4  # of bars, side by side
_TITLES: Final = {
    "impressions": (
        "Lists that were shown",
        "How well the articles of a list that a reader saw are ordered, with what was known at "
        "the moment it was shown. Lists with opened and unopened articles only.",
    ),
    "daily": (
        "Daily slates",
        "How well the ten articles that each reader would have got at 00:00 UTC foretell what she "
        "opened during the day. Readers who opened something new only.",
    ),
}
_KINDS: Final = {"source": "candidates", "features": "features", "scorer": "score"}


def as_html(result: Table) -> str:
    """The page for people.

    Args:
        result: what `result.Backtest.as_json` gives.
    """
    colour = plots.colours(list(result["systems"]))
    return render(
        "backtest.html",
        result=result,
        colours=colour,
        not_available=NOT_AVAILABLE,
        modes=[_mode(name, mode, result["ours"], colour) for name, mode in result["modes"].items()],
    )


def _mode(name: str, mode: Table, ours: str, colour: Mapping[str, str]) -> dict[str, Any]:
    title, text = _TITLES[name]
    systems = mode["systems"]
    shown = [m for m in mode["metrics"] if m in systems[ours]]
    lead = [m for m in _LEAD[name] if m in shown] or shown[:1]
    days = mode["days"]
    return {
        "title": title,
        "text": text,
        "table": mode,
        "counts": {
            "lists evaluated": mode["lists"],
            "their readers": mode["readers"],
            **mode["counts"],
        },
        "best": {m: _best(systems, m) for m in mode["metrics"]},
        "lead": lead,
        "bars": [
            plots.bars({m: list(_bars(systems, m)) for m in shown[n : n + _PANELS]}, colour)
            for n in range(0, len(shown), _PANELS)
        ],
        "differences": [
            (
                m,
                plots.differences(
                    list(_bars(mode["differences"], m)), f"{ours} less the other: {m}"
                ),
            )
            for m in lead
        ],
        "ablation": [
            (
                m,
                plots.differences(
                    [
                        plots.Bar(_part(row), **_ends(row["differences"][m]))
                        for row in mode["ablation"]
                        if m in row["differences"]
                    ],
                    f"whole less the one without: {m}",
                ),
            )
            for m in lead
            if mode["ablation"]
        ],
        "parts": [(_part(row), row) for row in mode["ablation"]],
        "days": [
            (
                m,
                plots.by_day(
                    [d["day"] for d in days],
                    {s: [d["systems"][s].get(m) for d in days] for s in systems},
                    m,
                    colour,
                ),
            )
            for m in lead
            if len(days) > 1
        ],
    }


def _bars(table: Table, metric: str) -> Iterator[plots.Bar]:
    for system, estimates in table.items():
        if metric in estimates:
            yield plots.Bar(system, **_ends(estimates[metric]))


def _ends(estimate: Table) -> dict[str, Any]:
    return {key: estimate[key] for key in ("value", "low", "high")}


def _part(row: Table) -> str:
    return f"{row['without']} ({_KINDS[row['kind']]})"


def _best(systems: Mapping[str, Table], metric: str) -> Sequence[str]:
    """The systems with the highest value; none for what is better neither high nor low."""
    if metric in ("novelty", "diversity", "coverage"):
        return ()
    values = {s: e[metric]["value"] for s, e in systems.items() if metric in e}
    return [s for s, v in values.items() if v == max(values.values())]
