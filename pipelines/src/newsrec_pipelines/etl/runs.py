"""The state of ETL runs in PostgreSQL: running, committed, finished, failed; one at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import psycopg2.errors
from psycopg2.extras import Json

from newsrec_pipelines.db import Connection
from newsrec_pipelines.errors import DatabaseError
from newsrec_pipelines.etl.plan import Plan

_LOCK = 0x6E657773  # any number that nobody else uses in this database
_PATIENCE_SECONDS = 10


@contextmanager
def only_one(conn: Connection, patience_seconds: float = _PATIENCE_SECONDS) -> Iterator[None]:
    """Hold the lock of the ETL; the server frees it when this process dies.

    Raises:
        DatabaseError: when another ETL holds it for longer than `patience_seconds`.
    """
    with conn, conn.cursor() as cursor:
        # So that the server notices within a second that a killed ETL waits for nothing any more.
        cursor.execute("SET client_connection_check_interval = '1s'")
        cursor.execute("SET lock_timeout = %s", (f"{patience_seconds * 1000:.0f}ms",))
        try:
            cursor.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        except psycopg2.errors.LockNotAvailable as e:
            raise DatabaseError("another newsrec etl is running on this database") from e
        cursor.execute("SET lock_timeout = 0")
    yield


def begin(conn: Connection, plan: Plan) -> None:
    """A run of this batch has begun, perhaps not for the first time."""
    _execute(
        conn,
        "INSERT INTO etl_runs (batch_id, arrival_date, status) VALUES (%s, %s, 'running') "
        "ON CONFLICT (batch_id) DO UPDATE "
        "SET status = 'running', counts = '{}', started_at = now(), finished_at = NULL",
        (plan.batch_id, plan.day),
    )


def mark_committed(conn: Connection, batch_id: str, counts: dict[str, Any]) -> None:
    """Part of the caller's transaction: visible together with the rows."""
    with conn.cursor() as cursor:
        cursor.execute(
            "UPDATE etl_runs SET status = 'committed', counts = %s WHERE batch_id = %s",
            (Json(counts), batch_id),
        )


def finish(conn: Connection, batch_id: str) -> None:
    """Rows, manifests and counters are there."""
    _end(conn, batch_id, "finished")


def fail(conn: Connection, batch_id: str) -> None:
    """Nothing of the run is left."""
    _end(conn, batch_id, "failed")


def unfinished(conn: Connection) -> list[tuple[str, date, str]]:
    """Batch, day of arrival and status of runs that did not come to an end, oldest first."""
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "SELECT batch_id, arrival_date, status FROM etl_runs "
            "WHERE status IN ('running', 'committed') ORDER BY started_at"
        )
        return cursor.fetchall()


def last_finished(conn: Connection, day: date) -> tuple[str, dict[str, Any]] | None:
    """Batch and counts of the last finished run of a day of arrival."""
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "SELECT batch_id, counts FROM etl_runs WHERE arrival_date = %s "
            "AND status = 'finished' ORDER BY started_at DESC LIMIT 1",
            (day,),
        )
        return cursor.fetchone()


def _end(conn: Connection, batch_id: str, status: str) -> None:
    _execute(
        conn,
        "UPDATE etl_runs SET status = %s, finished_at = now() WHERE batch_id = %s",
        (status, batch_id),
    )


def _execute(conn: Connection, sql: str, values: tuple[Any, ...]) -> None:
    with conn, conn.cursor() as cursor:
        cursor.execute(sql, values)
