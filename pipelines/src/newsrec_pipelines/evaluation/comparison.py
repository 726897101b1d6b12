"""Ours beside every other system: means, paired differences and their intervals."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from newsrec_pipelines.evaluation.bootstrap import Bootstrap, Draws
from newsrec_pipelines.evaluation.evaluated_lists import EvaluatedLists
from newsrec_pipelines.evaluation.metrics import Values
from newsrec_pipelines.evaluation.slices import slices
from newsrec_pipelines.parameters import BacktestParams

Table = dict[str, Any]


def compare(evaluated: EvaluatedLists, ours: str, params: BacktestParams, seed: int) -> Table:
    """The mean of each system and metric, what ours is better by, by slice and by day.

    Args:
        evaluated: lists of all days.
        ours: the system that the others are compared with.
        params: resamples and confidence.
        seed: of the resamples.

    Returns:
        The sections ``systems``, ``differences`` (ours less the other), ``slices``, ``ablation``
        and ``days`` of docs/reference/evaluation.md.
    """
    ids, readers = np.unique(evaluated.lists["user_id"].to_numpy(), return_inverse=True)
    bootstrap = Bootstrap(readers.astype(np.int64), params, seed)
    everything: dict[Any, Values] = {**evaluated.values, **evaluated.without}
    whole = _compare(bootstrap, everything, evaluated.values[ours], evaluated.metrics)
    of_days = {
        system: {m: _of_days(values) for m, values in metrics.items()}
        for system, metrics in evaluated.of_days.items()
    }
    return {
        "lists": evaluated.lists.height,
        "readers": len(ids),
        "systems": {s: whole[s][0] | of_days.get(s, {}) for s in evaluated.values},
        "differences": {s: whole[s][1] for s in evaluated.values if s != ours},
        "slices": [
            _slice(name, mask, bootstrap, evaluated, ours) for name, mask in slices(evaluated.lists)
        ],
        "ablation": [
            {
                "kind": part.kind,
                "without": part.name,
                "metrics": whole[part][0],
                "differences": whole[part][1],
            }
            for part in evaluated.without
        ],
        "days": _days(evaluated),
    }


def _slice(
    name: str, mask: NDArray[np.bool_], bootstrap: Bootstrap, evaluated: EvaluatedLists, ours: str
) -> Table:
    only = {
        system: np.where(mask[:, None], values, np.nan)
        for system, values in evaluated.values.items()
    }
    found = _compare(bootstrap, only, only[ours], evaluated.metrics)
    return {
        "slice": name,
        "lists": int(mask.sum()),
        "readers": evaluated.lists.filter(mask)["user_id"].n_unique(),
        "systems": {s: found[s][0] for s in only},
        "differences": {s: found[s][1] for s in only if s != ours},
    }


def _compare(
    bootstrap: Bootstrap, values: dict[Any, Values], ours: Values, metrics: tuple[str, ...]
) -> dict[Any, tuple[Table, Table]]:
    """Of each system the estimates of its own, and those of ours less it."""
    # One call for all: the readers of each resample are drawn once.
    width = len(metrics)
    own = list(values.values())
    # Ours on the same lists: what was left out may have been evaluated on some days only.
    beside = [np.where(np.isfinite(v), ours, np.nan) for v in own]
    both = bootstrap.means(np.concatenate([*own, *beside], axis=1))
    draws, ours_drawn = (
        Draws(both.point[half], both.resampled[:, half])
        for half in (slice(len(own) * width), slice(len(own) * width, None))
    )
    low, high = bootstrap.interval(draws.resampled)
    better = Draws(ours_drawn.point - draws.point, ours_drawn.resampled - draws.resampled)
    worst, best = bootstrap.interval(better.resampled)
    found = {}
    for n, (system, of_lists) in enumerate(values.items()):
        at = slice(n * width, (n + 1) * width)
        counts = np.isfinite(of_lists).sum(axis=0)
        found[system] = (
            _estimates(draws.point[at], low[at], high[at], metrics, counts),
            _estimates(better.point[at], worst[at], best[at], metrics, counts),
        )
    return found


def _estimates(
    point: Values, low: Values, high: Values, metrics: tuple[str, ...], counts: NDArray[np.int64]
) -> Table:
    """Metrics that no list gives are left out; the report says why."""
    return {
        metric: {
            "value": float(point[n]),
            "low": float(low[n]) if np.isfinite(low[n]) else None,
            "high": float(high[n]) if np.isfinite(high[n]) else None,
            "lists": int(counts[n]),
        }
        for n, metric in enumerate(metrics)
        if counts[n]
    }


def _of_days(values: list[float]) -> Table:
    return {"value": float(np.mean(values)), "low": None, "high": None, "days": len(values)}


def _days(evaluated: EvaluatedLists) -> list[Table]:
    day = evaluated.lists["day"].to_numpy()
    rows = []
    for one in np.unique(day):
        mask = np.asarray(day == one)
        rows.append(
            {
                "day": str(one),
                "lists": int(mask.sum()),
                "systems": {
                    system: _means(values[mask], evaluated.metrics)
                    for system, values in evaluated.values.items()
                },
            }
        )
    return rows


def _means(values: Values, metrics: tuple[str, ...]) -> dict[str, float]:
    columns = [values[np.isfinite(values[:, n]), n] for n in range(len(metrics))]
    return {m: float(found.mean()) for m, found in zip(metrics, columns, strict=True) if len(found)}
