"""Ours beside every other system: means, paired differences and their intervals."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from newsrec_pipelines.config import BacktestParams
from newsrec_pipelines.evaluation.bootstrap import Bootstrap, Draws
from newsrec_pipelines.evaluation.judged import Judged
from newsrec_pipelines.evaluation.metrics import Values
from newsrec_pipelines.evaluation.slices import slices

Table = dict[str, Any]


def compare(judged: Judged, ours: str, params: BacktestParams, seed: int) -> Table:
    """The mean of each system and metric, what ours is better by, by slice and by day.

    Args:
        judged: lists of all days.
        ours: the system that the others are compared with.
        params: resamples and confidence.
        seed: of the resamples.

    Returns:
        The sections ``systems``, ``differences`` (ours less the other), ``slices``, ``ablation``
        and ``days`` of docs/reference/evaluation.md.
    """
    ids, readers = np.unique(judged.lists["user_id"].to_numpy(), return_inverse=True)
    bootstrap = Bootstrap(readers.astype(np.int64), params, seed)
    everything: dict[Any, Values] = {**judged.values, **judged.without}
    whole = _compare(bootstrap, everything, judged.values[ours], judged.metrics)
    of_days = {
        system: {m: _of_days(values) for m, values in metrics.items()}
        for system, metrics in judged.of_days.items()
    }
    return {
        "lists": judged.lists.height,
        "readers": len(ids),
        "systems": {s: whole[s][0] | of_days.get(s, {}) for s in judged.values},
        "differences": {s: whole[s][1] for s in judged.values if s != ours},
        "slices": [
            _slice(name, mask, bootstrap, judged, ours) for name, mask in slices(judged.lists)
        ],
        "ablation": [
            {
                "kind": part.kind,
                "without": part.name,
                "metrics": whole[part][0],
                "differences": whole[part][1],
            }
            for part in judged.without
        ],
        "days": _days(judged),
    }


def _slice(
    name: str, mask: NDArray[np.bool_], bootstrap: Bootstrap, judged: Judged, ours: str
) -> Table:
    only = {
        system: np.where(mask[:, None], values, np.nan) for system, values in judged.values.items()
    }
    found = _compare(bootstrap, only, only[ours], judged.metrics)
    return {
        "slice": name,
        "lists": int(mask.sum()),
        "readers": judged.lists.filter(mask)["user_id"].n_unique(),
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
    # Ours on the same lists: what was left out may have been judged on some days only.
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


def _days(judged: Judged) -> list[Table]:
    day = judged.lists["day"].to_numpy()
    rows = []
    for one in np.unique(day):
        mask = np.asarray(day == one)
        rows.append(
            {
                "day": str(one),
                "lists": int(mask.sum()),
                "systems": {
                    system: _means(values[mask], judged.metrics)
                    for system, values in judged.values.items()
                },
            }
        )
    return rows


def _means(values: Values, metrics: tuple[str, ...]) -> dict[str, float]:
    columns = [values[np.isfinite(values[:, n]), n] for n in range(len(metrics))]
    return {m: float(found.mean()) for m, found in zip(metrics, columns, strict=True) if len(found)}
