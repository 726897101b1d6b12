"""Plots of the evaluation report, as SVG in data URIs: the page needs no other file."""

import base64
import io
import math
from collections.abc import Sequence
from typing import Final

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from newsrec_pipelines.evaluation.judge import SYSTEMS, Judgement
from newsrec_pipelines.evaluation.metrics import Mean

COLOURS: Final = dict(
    zip(SYSTEMS, ("#0b5fff", "#e07a1f", "#7a4fd0", "#2a9d6f", "#9aa3af"), strict=True)
)
_INK: Final = "#3b4252"


def bars(means: dict[str, dict[str, Mean]], metrics: Sequence[str]) -> str:
    """The systems side by side, one panel a metric, with 95% intervals; a data URI."""
    figure = Figure(figsize=(2.5 * len(metrics) + 0.6, 2.6), layout="constrained")
    panels = figure.subplots(1, len(metrics), squeeze=False)[0]
    for axes, metric in zip(panels, metrics, strict=True):
        found = [(s, means[s][metric]) for s in SYSTEMS if metric in means[s]]
        names = [system for system, _ in found]
        axes.bar(
            range(len(found)),
            [mean.value or 0.0 for _, mean in found],
            yerr=[1.96 * (mean.error or 0.0) for _, mean in found],
            color=[COLOURS[name] for name in names],
            error_kw={"ecolor": _INK, "elinewidth": 1, "capsize": 2},
        )
        axes.set_xticks(range(len(found)), names, rotation=40, ha="right", fontsize=8)
        axes.set_title(metric, fontsize=10, loc="left", color=_INK)
        _clean(axes)
    return _data_uri(figure)


def by_day(judgements: Sequence[Judgement], metric: str) -> str:
    """A metric over the days, one line a system; a data URI."""
    figure = Figure(figsize=(9, 2.8), layout="constrained")
    axes = figure.subplots()
    for system in reversed(SYSTEMS):
        means = [j.metrics[system].get(metric, Mean()).value for j in judgements]
        axes.plot(
            # A gap where a day has no value.
            [math.nan if value is None else value for value in means],
            color=COLOURS[system],
            label=system,
            linewidth=2.2 if system == SYSTEMS[0] else 1.2,
            marker="o" if len(means) < 15 else None,
            markersize=4,
        )
    ticks = range(0, len(judgements), -(-len(judgements) // 12))
    axes.set_xticks(ticks, [f"{judgements[n].day:%d %b}" for n in ticks])
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(
        handles[::-1],
        labels[::-1],
        frameon=False,
        fontsize=8,
        ncols=5,
        loc="lower left",
        bbox_to_anchor=(0, 1),
    )
    axes.set_ylabel(metric, fontsize=9, color=_INK)
    _clean(axes)
    return _data_uri(figure)


def _clean(axes: mpl.axes.Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e6e9ef", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8, colors=_INK)
    axes.set_ylim(bottom=0)


def _data_uri(figure: Figure) -> str:
    # A figure with a canvas of its own: pyplot would keep it for ever. A fixed salt and no date
    # give the same bytes for the same numbers.
    buffer = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "newsrec", "svg.fonttype": "none"}):
        FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode()
