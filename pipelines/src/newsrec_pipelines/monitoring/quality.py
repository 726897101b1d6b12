"""Realised quality: how long readers read of what a model version gave them, day by day."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import psycopg2.extras
from numpy.typing import NDArray

from newsrec_pipelines.db import Connection
from newsrec_pipelines.parameters import BacktestParams

_CELLS: Final = 4_000_000  # of counts held at once: 32 MB

# A reader's dwell is the sum over her slates. Of a slate that was opened without any known dwell
# nobody knows it; a reader who opened no other one is left out.
_SUMS: Final = """
SELECT model_version, variant, sum(slates), count(*) FILTER (WHERE impressions > 0),
       sum(impressions), sum(clicks)
FROM (
    SELECT model_version, variant, count(*) AS slates, sum(impressions) AS impressions,
           sum(clicks) AS clicks
    FROM slate_outcomes WHERE day = %(day)s GROUP BY model_version, variant, user_id
) AS readers GROUP BY model_version, variant ORDER BY model_version, variant
"""
_DWELL: Final = """
SELECT model_version, variant, dwell, count(*) FROM (
    SELECT model_version, variant, sum(dwell_seconds)::float8 AS dwell
    FROM slate_outcomes WHERE day = %(day)s AND impressions > 0
    GROUP BY model_version, variant, user_id
    HAVING sum(clicks) = 0 OR bool_or(clicks > 0 AND dwell_seconds IS NOT NULL)
) AS readers GROUP BY model_version, variant, dwell ORDER BY model_version, variant, dwell
"""


@dataclass(frozen=True)
class Quality:
    """One row of realised_quality; readers are those who were shown a slate.

    `dwell` is the mean of the readers in seconds, `low` and `high` the ends of its interval; null
    where nobody's dwell is known, the ends also of a single reader.
    """

    day: date
    model_version: str
    variant: str
    slates: int
    readers: int
    impressions: int
    clicks: int
    dwell: float | None = None
    low: float | None = None
    high: float | None = None


def mean_of_counts(
    values: NDArray[np.float64], counts: NDArray[np.int64], params: BacktestParams, seed: int
) -> tuple[float | None, float | None, float | None]:
    """A mean over readers and its percentile interval by the bootstrap (Efron 1979).

    Drawing readers with replacement draws how many have each value: a multinomial, which does not
    grow with the number of readers.

    Args:
        values: shape (distinct,), the values that readers have.
        counts: shape (distinct,), how many readers have each.
        params: resamples and confidence.
        seed: of the resamples.

    Returns:
        Mean, low and high end; None without any reader, the ends None for a single one.
    """
    readers = int(counts.sum())
    if not readers:
        return None, None, None
    mean = float(values @ counts / readers)
    if readers < 2:
        return mean, None, None
    rng = np.random.default_rng(seed)
    means = np.concatenate(list(_resampled(rng, values, counts, params.bootstrap)))
    tail = 100 * (1 - params.confidence) / 2
    low, high = np.percentile(means, [tail, 100 - tail])
    return mean, float(low), float(high)


def _resampled(
    rng: np.random.Generator, values: NDArray[np.float64], counts: NDArray[np.int64], resamples: int
) -> Iterator[NDArray[np.float64]]:
    readers = int(counts.sum())
    rows = max(1, _CELLS // len(values))
    for start in range(0, resamples, rows):
        drawn = rng.multinomial(readers, counts / readers, min(rows, resamples - start))
        yield drawn @ values / readers


def measure(conn: Connection, day: date, params: BacktestParams, seed: int) -> list[Quality]:
    """Realised quality of a day by model version and variant, out of the prediction history."""
    with conn, conn.cursor() as cursor:
        cursor.execute(_SUMS, {"day": day})
        sums = cursor.fetchall()
        cursor.execute(_DWELL, {"day": day})
        dwell: dict[tuple[str, str], list[tuple[float, int]]] = {}
        for version, variant, value, readers in cursor.fetchall():
            dwell.setdefault((version, variant), []).append((value, readers))
    found = []
    for version, variant, *counted in sums:
        known = dwell.get((version, variant), [])
        values = np.array([v for v, _ in known], np.float64)
        counts = np.array([n for _, n in known], np.int64)
        means = mean_of_counts(values, counts, params, seed)
        slates, readers, impressions, clicks = map(int, counted)
        found.append(Quality(day, version, variant, slates, readers, impressions, clicks, *means))
    return found


def write(conn: Connection, day: date, found: list[Quality]) -> None:
    """In place of what was written of the day before."""
    with conn, conn.cursor() as cursor:
        cursor.execute("DELETE FROM realised_quality WHERE day = %s", (day,))
        psycopg2.extras.execute_values(
            cursor,
            "INSERT INTO realised_quality (day, model_version, variant, slates, readers, "
            "impressions, clicks, dwell_per_reader, low, high) VALUES %s",
            [tuple(vars(q).values()) for q in found],
        )


def history(conn: Connection, first: date, last: date) -> list[Quality]:
    """What was written of the days from `first` to `last`, in order."""
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "SELECT day, model_version, variant, slates, readers, impressions, clicks, "
            "dwell_per_reader, low, high FROM realised_quality WHERE day BETWEEN %s AND %s "
            "ORDER BY day, model_version, variant",
            (first, last),
        )
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return [Quality(*row) for row in rows]
