"""`newsrec check`: whether a model may learn from what arrived on a day."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Any

import click
import psycopg2.extras

from newsrec_pipelines.context import Context
from newsrec_pipelines.db import Connection, connect
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.monitoring import metrics
from newsrec_pipelines.monitoring.checks import Check, failures, run_checks
from newsrec_pipelines.monitoring.report import checks_key
from newsrec_pipelines.options import DAY


@click.command()
@click.option("--date", "day", type=DAY, required=True, help="Day of arrival.")
@click.pass_obj
def check(ctx: Context, day: datetime) -> None:
    """Check what arrived on a day, before anything learns from it; exit status 1 when it is bad."""
    with connect(ctx.settings.require_database_url(), "newsrec_monitoring") as conn:
        counts = _etl_counts(conn, day.date())
        found = run_checks(ctx.store, day.date(), ctx.params, counts)
        _write(conn, day.date(), found)
    ctx.store.write_json(checks_key(day.date()), [asdict(c) for c in found])
    ctx.metrics.gauges(metrics.of_checks(found, counts))
    for c in found:
        mark = "ok" if c.passed else c.severity
        click.echo(f"{mark:<8}{c.name:<22}{c.detail}")
    if wrong := failures(found):
        raise DataError(f"bad data of {day:%Y-%m-%d}, keeping the champion: {'; '.join(wrong)}")


def _etl_counts(conn: Connection, day: date) -> dict[str, Any] | None:
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "SELECT counts FROM etl_runs WHERE arrival_date = %s AND status = 'finished' "
            "ORDER BY started_at DESC LIMIT 1",
            (day,),
        )
        row = cursor.fetchone()
    return row[0] if row else None


def _write(conn: Connection, day: date, found: list[Check]) -> None:
    """In place of what an earlier look at the same day found."""
    with conn, conn.cursor() as cursor:
        cursor.execute("DELETE FROM data_checks WHERE day = %s", (day,))
        psycopg2.extras.execute_values(
            cursor,
            "INSERT INTO data_checks (day, name, severity, passed, value, low, high, detail) "
            "VALUES %s ON CONFLICT (day, name) DO NOTHING",
            [(day, c.name, c.severity, c.passed, c.value, c.low, c.high, c.detail) for c in found],
        )
