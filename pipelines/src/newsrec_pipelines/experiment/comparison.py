"""What the days say: dwell per reader-day of both groups, and their difference."""

from typing import Any, Final

import numpy as np
import polars as pl

from newsrec_pipelines.evaluation.bootstrap import Bootstrap
from newsrec_pipelines.experiment.groups import GROUPS, HELD_OUT, OURS
from newsrec_pipelines.parameters import BacktestParams

_OUTCOMES: Final = ("dwell_seconds", "expected_seconds", "clicks")


def compare(
    visits: pl.DataFrame, before: pl.DataFrame, params: BacktestParams, seed: int
) -> dict[str, Any]:
    """Compare the groups over all days and by day.

    A reader-day is a day on which a reader saw at least one slate; what she did in all of that
    day's visits is summed. Intervals are by the bootstrap over readers. ``adjusted`` takes out what
    was known of the readers before the experiment (CUPED: Deng et al. 2013), which narrows the
    interval and changes nothing else.

    Args:
        visits: of all days, as `play.DAY_SCHEMA`.
        before: ``user_id`` and ``dwell_before``, a number of each reader's past.
        params: resamples and confidence.
        seed: of the resamples.

    Returns:
        JSON: ``groups``, ``difference`` (ours minus held out, by outcome), ``by_day``.
    """
    days = (
        visits.group_by("day", "user_id", "group", maintain_order=True)
        .agg(pl.len().alias("visits"), *(pl.col(name).sum() for name in _OUTCOMES))
        .join(before, on="user_id", how="left", maintain_order="left")
        .with_columns(pl.col("dwell_before").fill_null(0.0))
        .sort("day", "user_id")
    )
    return {
        "groups": {name: _group(days.filter(pl.col("group") == name)) for name in GROUPS},
        "difference": _differences(days, params, seed),
        "by_day": [
            {
                "day": str(day[0]),
                "groups": {n: _group(part.filter(pl.col("group") == n)) for n in GROUPS},
                "difference": _differences(part, params, seed),
            }
            for day, part in days.group_by("day", maintain_order=True)
        ],
    }


def _group(days: pl.DataFrame) -> dict[str, Any]:
    return {
        "readers": days["user_id"].n_unique(),
        "reader_days": days.height,
        "visits": int(days["visits"].sum()),
        **{f"{name}_per_reader_day": days[name].mean() for name in _OUTCOMES},
    }


def _differences(days: pl.DataFrame, params: BacktestParams, seed: int) -> dict[str, Any]:
    if days["group"].n_unique() < len(GROUPS):
        return {}
    codes = days["user_id"].rank("dense").to_numpy().astype(np.int64) - 1
    treated = (days["group"] == OURS).to_numpy()
    outcomes = {name: days[name].to_numpy().astype(np.float64) for name in _OUTCOMES}
    past = days["dwell_before"].to_numpy()
    outcomes["adjusted_dwell_seconds"] = _adjusted(outcomes["dwell_seconds"], past, treated)
    outcomes["adjusted_expected_seconds"] = _adjusted(outcomes["expected_seconds"], past, treated)
    columns = [
        np.where(mask, values, np.nan)
        for values in outcomes.values()
        for mask in (treated, ~treated)
    ]
    bootstrap = Bootstrap(codes, params, seed)
    draws = bootstrap.means(np.stack(columns, axis=1))
    point = draws.point[0::2] - draws.point[1::2]
    low, high = bootstrap.interval(draws.resampled[:, 0::2] - draws.resampled[:, 1::2])
    held_out = draws.point[1::2]
    return {
        name: {
            "value": float(point[i]),
            "low": float(low[i]),
            "high": float(high[i]),
            "relative": float(point[i] / held_out[i]) if held_out[i] else None,
        }
        for i, name in enumerate(outcomes)
    }


def _adjusted(values: np.ndarray, past: np.ndarray, treated: np.ndarray) -> np.ndarray:
    """``y - theta (x - mean x)``, with the slope within the groups, so that no effect is lost."""
    y, x = values.copy(), past.copy()
    for mask in (treated, ~treated):
        y[mask] -= y[mask].mean()
        x[mask] -= x[mask].mean()
    spread = np.square(x).sum()
    slope = (x * y).sum() / spread if spread else 0.0
    return np.asarray(values - slope * (past - past.mean()))


def summary(result: dict[str, Any]) -> str:
    """One line for people."""
    if not result["difference"]:
        return "nothing to compare: one of the groups saw no slate"
    groups, difference = result["groups"], result["difference"]["adjusted_dwell_seconds"]
    dwell = {name: groups[name]["dwell_seconds_per_reader_day"] for name in GROUPS}
    return (
        f"{dwell[OURS]:.1f} s per reader-day with our slates, {dwell[HELD_OUT]:.1f} s held out: "
        f"{difference['value']:+.1f} s ({difference['low']:+.1f} to {difference['high']:+.1f}, "
        f"{difference['relative']:+.0%}), adjusted for the readers' past"
    )
