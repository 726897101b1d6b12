"""How fresh the slates of a day were, and for how many readers there was one."""

from dataclasses import dataclass
from datetime import date, timedelta

from newsrec_pipelines.db import Connection
from newsrec_pipelines.features.views import day_start


@dataclass(frozen=True)
class Serving:
    """The slates that were served last on a day. Shares are 0 to 1, null where there is nothing.

    Attributes:
        run_id: of the run; null when there never was one.
        age_seconds: since the moment of which the run knew, at the end of the day.
        coverage: share of the readers known at that moment who had a slate.
        shorter: share of the slates with fewer articles than the depth.
        without_slate: share of the day's impressions that name no slate: other lists of the site,
            and what the API shows to readers without a slate of their own.
    """

    run_id: str | None = None
    age_seconds: float | None = None
    coverage: float | None = None
    shorter: float | None = None
    without_slate: float | None = None


def look(conn: Connection, day: date, depth: int) -> Serving:
    """The run that served at the end of `day`, by the prediction history."""
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "SELECT avg((slate_id IS NULL)::int)::float8 FROM impressions WHERE day = %s", (day,)
        )
        row = cursor.fetchone()
        without = row[0] if row else None
        # The order in which the API chooses the current run.
        cursor.execute(
            "SELECT run_id, date, as_of, readers FROM recommendation_runs "
            "WHERE status = 'published' AND date <= %s ORDER BY date DESC, published_at DESC "
            "LIMIT 1",
            (day,),
        )
        run = cursor.fetchone()
        if run is None:
            return Serving(without_slate=without)
        run_id, served, as_of, slates = run
        cursor.execute("SELECT count(*) FROM users WHERE available_at < %s", (as_of,))
        readers = cursor.fetchone()
        cursor.execute(
            "SELECT count(*), avg((cardinality(article_ids) < %s)::int)::float8 "
            "FROM slate_outcomes WHERE day = %s AND run_id = %s",
            (depth, served, run_id),
        )
        kept, shorter = cursor.fetchone() or (0, None)
    known = readers[0] if readers else 0
    age = day_start(day + timedelta(days=1)) - as_of
    return Serving(
        run_id,
        age.total_seconds(),
        # Readers who joined through the API have a slate before the ETL has seen them.
        min(1.0, slates / known) if known else None,
        # Of a run that was pruned early only what was shown is known, and lists are shown in part.
        shorter if kept >= slates else None,
        without,
    )
