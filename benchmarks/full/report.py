"""The bars, and one table of what was measured beside them."""

from itertools import pairwise
from typing import Any, Final

FACTORS_BAR: Final = 1.5  # of implicit's bare fit
SECONDS_BAR: Final = 900.0
GIB_BAR: Final = 12.0
GROWTH_BAR: Final = 1.2  # seconds a reader, of those of the smallest size


def evaluated(measured: list[dict[str, Any]]) -> dict[str, Any]:
    """The numbers with their bars, from the smallest size to the largest.

    A bar of seconds or memory is that of the largest size: it is what the others grow to. What was
    not measured has no bar.
    """
    bars = {}
    if "factors" in measured[-1]:
        bars["factors"] = _bar(measured[-1]["factors"]["ratio"], FACTORS_BAR)
    if "recommend" in measured[-1]:
        made = [m["recommend"] for m in measured]
        a_reader = [m["recommend"]["seconds"] / m["readers"] for m in measured]
        bars |= {
            "seconds": _bar(made[-1]["seconds"], SECONDS_BAR),
            "peak GiB": _bar(max(m["peak_gib"] for m in made), GIB_BAR),
            "growth": _bar(max(a_reader) / a_reader[0], GROWTH_BAR),
        }
    passed = all(bar["passed"] for bar in bars.values())
    return {"sizes": measured, "bars": bars, "passed": passed}


def table(result: dict[str, Any]) -> str:
    """What was measured, for people."""
    sizes = result["sizes"]
    lines = []
    if "factors" in sizes[-1]:
        lines += [*_factors(sizes[-1]["factors"]), ""]
    if "recommend" in sizes[-1]:
        lines += [*_slates(sizes), "", *_steps(sizes[-1]), ""]
        lines += [*_bounds(sizes[-1]["recommend"]), ""]
    for name, bar in result["bars"].items():
        verdict = "holds" if bar["passed"] else "MISSED"
        lines.append(f"bar {name:10} {bar['value']:10.2f} <= {bar['bar']:g}: {verdict}")
    return "\n".join(lines)


def _bar(value: float, bar: float) -> dict[str, Any]:
    return {"value": value, "bar": bar, "passed": bool(value <= bar)}


def _factors(measured: dict[str, Any]) -> list[str]:
    seconds = measured["seconds"]
    return [
        f"From Parquet to ALS factors: {measured['reads']:,} reads of "
        f"{measured['readers']:,} readers and {measured['articles']:,} articles",
        *(f"  {name:22} {s:8.1f} s" for name, s in seconds.items()),
        f"  {'ratio':22} {measured['ratio']:8.2f}   ({measured['peak_gib']:.1f} GiB)",
    ]


def _slates(sizes: list[dict[str, Any]]) -> list[str]:
    lines = ["  readers   articles  pairs a reader  seconds  ms a reader  peak GiB  training s"]
    for size in sizes:
        made = size["recommend"]
        training = f"{size['train']['seconds']:.1f}" if "train" in size else "-"
        lines.append(
            f"{size['readers']:9,} {made['articles']:10,} {made['pairs'] / size['readers']:15.1f} "
            f"{made['seconds']:8.1f} {1000 * made['seconds'] / size['readers']:12.2f} "
            f"{made['peak_gib']:9.1f} {training:>11}"
        )
    for small, large in pairwise(sizes):
        seconds = large["recommend"]["seconds"] - small["recommend"]["seconds"]
        more = large["readers"] - small["readers"]
        lines.append(
            f"  from {small['readers']:,} to {large['readers']:,} readers: "
            f"{1000 * seconds / more:.2f} ms for each one more"
        )
    return lines


def _steps(size: dict[str, Any]) -> list[str]:
    made = size["recommend"]
    lines = [f"Where the time goes at {size['readers']:,} readers, seconds that passed:"]
    lines += [f"  {name:22} {s:8.1f}" for name, s in made["steps"].items()]
    lines.append(f"and seconds of the cores, {made['cpu']:.0f} in all:")
    by_step = made["cpu_of_steps"]
    lines += [f"  {name:22} {s:8.1f}" for name, s in by_step.items()]
    return [*lines, f"  {'all else':22} {made['cpu'] - sum(by_step.values()):8.1f}"]


def _bounds(made: dict[str, Any]) -> list[str]:
    bound = made["bounds"]
    lines = [f"What it takes at least, both cores; {bound['trees']} trees:"]
    for name, seconds in bound["exact product"].items():
        lines.append(
            f"  exact top-k by {name:12} {seconds:8.1f} s   recall of the retrieval "
            f"{bound['recall'][name]:.4f}"
        )
    lines.append(
        f"  LightGBM's bare predict {bound['bare predict']:8.1f} s   "
        f"{bound['rows a second']:,.0f} rows a second"
    )
    return lines
