"""Plots of the reports, as SVG in data URIs: the page needs no other file."""

import base64
import io
import math
import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

_URI: Final = "data:image/svg+xml;base64,"
_PALETTE: Final = (
    "#0b5fff",
    "#e07a1f",
    "#7a4fd0",
    "#2a9d6f",
    "#c2395b",
    "#0f97a8",
    "#a47c1b",
    "#6b7f2c",
    "#b05cc6",
    "#7c5a48",
)
_CHANCE: Final = "#9aa3af"
_INK: Final = "#3b4252"
_BETTER: Final = "#04713f"
_WORSE: Final = "#b3261e"


class Bar(NamedTuple):
    """A value with its interval, which may be unknown."""

    label: str
    value: float
    low: float | None
    high: float | None


def colours(systems: Sequence[str]) -> dict[str, str]:
    """A colour for each system; chance is grey."""
    others = [s for s in systems if s != "random"]
    found = {s: _PALETTE[n % len(_PALETTE)] for n, s in enumerate(others)}
    return found | ({"random": _CHANCE} if "random" in systems else {})


def bars(panels: Mapping[str, Sequence[Bar]], colour: Mapping[str, str]) -> str:
    """The systems side by side, one panel a metric; a data URI."""
    widest = max((len(found) for found in panels.values()), default=1)
    size = (0.6 + len(panels) * max(2.5, 0.3 * widest), 2.8)
    figure = Figure(figsize=size, layout="constrained")
    for axes, (metric, found) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
    ):
        below = [b.value - b.low if b.low is not None else 0.0 for b in found]
        above = [b.high - b.value if b.high is not None else 0.0 for b in found]
        axes.bar(
            range(len(found)),
            [b.value for b in found],
            yerr=[below, above],
            color=[colour[b.label] for b in found],
            error_kw={"ecolor": _INK, "elinewidth": 1, "capsize": 2},
        )
        axes.set_xticks(
            range(len(found)), [b.label for b in found], rotation=45, ha="right", fontsize=8
        )
        axes.set_title(metric, fontsize=10, loc="left", color=_INK)
        _clean(axes)
        axes.set_ylim(bottom=0)
    return _data_uri(figure)


def differences(found: Sequence[Bar], what: str) -> str:
    """What ours is better by, one row a baseline, with its interval beside 0; a data URI."""
    figure = Figure(figsize=(9, 0.7 + 0.27 * len(found)), layout="constrained")
    axes = figure.subplots()
    for row, bar in enumerate(found):
        low, high = bar.low, bar.high
        certain = low is not None and high is not None and (low > 0 or high < 0)
        colour = _INK if not certain else _BETTER if bar.value > 0 else _WORSE
        if low is not None and high is not None:
            axes.plot([low, high], [row, row], color=colour, linewidth=2)
        axes.plot([bar.value], [row], "o", color=colour, markersize=5)
    axes.axvline(0, color=_INK, linewidth=0.8)
    axes.set_yticks(range(len(found)), [bar.label for bar in found], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel(what, fontsize=9, color=_INK)
    _clean(axes, grid="x")
    return _data_uri(figure)


def by_day(
    days: Sequence[str],
    values: Mapping[str, Sequence[float | None]],
    metric: str,
    colour: Mapping[str, str],
) -> str:
    """A metric over the days, one line a system, the first of them bold; a data URI."""
    figure = Figure(figsize=(9, 3), layout="constrained")
    axes = figure.subplots()
    for n, (system, found) in reversed(list(enumerate(values.items()))):
        axes.plot(
            # A gap where a day has no value.
            [math.nan if value is None else value for value in found],
            color=colour[system],
            label=system,
            linewidth=1.2 if n else 2.2,
            marker="o" if len(days) < 15 else None,
            markersize=4,
        )
    ticks = range(0, len(days), -(-len(days) // 12))
    axes.set_xticks(ticks, [days[n][5:] for n in ticks])
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
    axes.set_ylim(bottom=0)
    return _data_uri(figure)


def figures(page: str) -> dict[str, bytes]:
    """The plots of a page as SVG files, in its order: drawing them once is enough."""
    found = re.findall(f"{re.escape(_URI)}([A-Za-z0-9+/=]+)", page)
    return {f"plot-{n:02}.svg": base64.b64decode(c) for n, c in enumerate(found, 1)}


def _clean(axes: mpl.axes.Axes, grid: Literal["x", "y"] = "y") -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis=grid, color="#e6e9ef", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8, colors=_INK)


def _data_uri(figure: Figure) -> str:
    # A figure with a canvas of its own: pyplot would keep it for ever. A fixed salt and no date
    # give the same bytes for the same numbers.
    buffer = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "newsrec", "svg.fonttype": "none"}):
        FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None})
    return _URI + base64.b64encode(buffer.getvalue()).decode()
