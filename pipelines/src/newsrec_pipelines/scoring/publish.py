"""Runs in PostgreSQL: written beside the current one, visible at once and whole, or not at all."""

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
import psycopg2
from psycopg2 import errors

from newsrec_pipelines.db import Connection
from newsrec_pipelines.errors import DatabaseError
from newsrec_pipelines.postgres_copy import copy_frame
from newsrec_pipelines.rollout.variants import CHAMPION

# First key of the session locks that say which dates are being written; the second is the date.
_LOCK_CLASS = 0x6E726563
_OWNER_WAIT = "10s"  # a server needs a moment to notice that a client was killed
# Making and dropping partitions locks their parent: rather give up and try again than let all
# readers queue behind a long query.
_DDL_WAIT = "2s"
_DDL_ATTEMPTS = 15


@dataclass(frozen=True)
class Run:
    """One set of slates for one date, with the champion's version.

    `run_id` is unique and opaque to its readers; it holds no colon, which ends it in a slate's id.
    """

    run_id: str
    date: date
    as_of: datetime
    model_version: str


@dataclass
class Writer:
    """Writes the rows of one run; nobody sees them before the run is published.

    Attributes:
        readers: who have a slate of the champion.
    """

    conn: Connection
    run: Run
    readers: int = 0

    def slates(self, slates: pl.DataFrame, variant: str, model_version: str) -> None:
        """Write slates (`features.types.SLATE_SCHEMA`) of one variant, one row a reader."""
        if variant == CHAMPION:
            self.readers += slates.height
        rows = slates.with_columns(variant=pl.lit(variant), model_version=pl.lit(model_version))
        self._copy("recommendations", rows)

    def remove_slates(self, variant: str) -> None:
        """Remove the slates of a variant again."""
        with self.conn, self.conn.cursor() as cursor:
            cursor.execute(
                "DELETE FROM recommendations WHERE run_id = %s AND variant = %s",
                (self.run.run_id, variant),
            )

    def popular(self, slates: pl.DataFrame) -> None:
        """Write popular slates: ``region``, ``language``, ``article_ids``, ``scores``."""
        self._copy("popular_slates", slates)

    def similar(self, neighbours: pl.DataFrame) -> None:
        """Write neighbours: ``article_id``, ``article_ids``, ``scores``."""
        self._copy("similar_articles", neighbours)

    def _copy(self, table: str, rows: pl.DataFrame) -> None:
        # Each block is committed: one long transaction would hold back vacuum for its whole length.
        with self.conn:
            copy_frame(self.conn, table, rows.with_columns(run_id=pl.lit(self.run.run_id)))


@contextmanager
def publishing(conn: Connection, run: Run) -> Iterator[Writer]:
    """Write a run inside the block; at its end the run is published, on an error removed.

    Only one run of a date is written at a time. What killed runs left behind is removed first. The
    session of `conn` must be the caller's own: its lock says that the run is alive.

    Raises:
        DatabaseError: when another run of the same date is being written.
    """
    _lock(conn, run.date)
    _remove_dead_runs(conn, run.date)
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "INSERT INTO recommendation_runs (run_id, date, as_of, model_version, status) "
            "VALUES (%s, %s, %s, %s, 'running')",
            (run.run_id, run.date, run.as_of, run.model_version),
        )
    try:
        _patiently(conn, "SELECT create_run_partitions(%s)", (run.run_id,))
        writer = Writer(conn, run)
        yield writer
        _publish(conn, run, writer.readers)
    except BaseException:
        # When the server is gone too, the next start finds the run dead and removes it.
        with suppress(psycopg2.Error):
            conn.rollback()
            _abandon(conn, run.run_id)
        raise
    finally:
        with suppress(psycopg2.Error), conn, conn.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", _lock_key(run.date))


def prune(conn: Connection, keep_runs: int, own_run_id: str) -> int:
    """Drop the rows of published runs, except of the `keep_runs` latest and of our own.

    The run itself stays on record, for audits. Returns how many runs lost their rows.
    """
    with conn, conn.cursor() as cursor:
        # The order in which the API chooses the current run.
        cursor.execute(
            "SELECT run_id FROM (SELECT run_id FROM recommendation_runs WHERE status = 'published' "
            "ORDER BY date DESC, published_at DESC OFFSET %s) AS old "
            "WHERE run_id <> %s AND to_regclass('recommendations_' || md5(run_id)) IS NOT NULL",
            (keep_runs, own_run_id),
        )
        old = [row[0] for row in cursor.fetchall()]
    for run_id in old:
        _patiently(
            conn,
            "DELETE FROM popular_slates WHERE run_id = %s; SELECT drop_run_partitions(%s)",
            (run_id, run_id),
        )
    return len(old)


def without_rows(conn: Connection, run_ids: Collection[str]) -> set[str]:
    """Those of the runs that failed, or whose rows were dropped.

    Runs that this database does not know are not among them: they may be another database's.
    """
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "SELECT run_id FROM recommendation_runs WHERE run_id = ANY(%s) AND (status = 'failed' "
            "OR status = 'published' AND to_regclass('recommendations_' || md5(run_id)) IS NULL)",
            (list(run_ids),),
        )
        return {row[0] for row in cursor.fetchall()}


def _publish(conn: Connection, run: Run, readers: int) -> None:
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "UPDATE recommendation_runs SET status = 'published', readers = %s, "
            "published_at = now() WHERE run_id = %s AND status = 'running'",
            (readers, run.run_id),
        )
        if cursor.rowcount != 1:
            raise DatabaseError(f"run {run.run_id} was ended by somebody else: nothing published")


def _lock(conn: Connection, day: date) -> None:
    try:
        with conn, conn.cursor() as cursor:
            # A client that vanished with its machine must not hold the date for hours.
            cursor.execute(
                "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; "
                "SET tcp_keepalives_count = 3"
            )
            cursor.execute(f"SET LOCAL lock_timeout = '{_OWNER_WAIT}'")
            cursor.execute("SELECT pg_advisory_lock(%s, %s)", _lock_key(day))
    except errors.LockNotAvailable as e:
        raise DatabaseError(f"another run for {day} is being written: wait for its end") from e


def _lock_key(day: date) -> tuple[int, int]:
    return _LOCK_CLASS, day.toordinal()


def _remove_dead_runs(conn: Connection, own_date: date) -> None:
    with conn, conn.cursor() as cursor:
        cursor.execute("SELECT run_id, date FROM recommendation_runs WHERE status = 'running'")
        running = cursor.fetchall()
    for run_id, day in running:
        # The lock of our own date is ours: whoever wrote there is dead.
        if day == own_date:
            _abandon(conn, run_id)
            continue
        with conn, conn.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", _lock_key(day))
            row = cursor.fetchone()
        if row and row[0]:
            _abandon(conn, run_id)


def _abandon(conn: Connection, run_id: str) -> None:
    # Only while it is running: an error may also come just after the run was published.
    _patiently(
        conn,
        "WITH failed AS (UPDATE recommendation_runs SET status = 'failed' "
        "WHERE run_id = %s AND status = 'running' RETURNING run_id), "
        "emptied AS (DELETE FROM popular_slates WHERE run_id IN (SELECT run_id FROM failed)) "
        "SELECT drop_run_partitions(run_id) FROM failed",
        (run_id,),
    )


def _patiently(conn: Connection, sql: str, values: tuple[str, ...]) -> None:
    """Run statements that lock a parent table in one short transaction, again when it is busy."""
    for attempt in range(1, _DDL_ATTEMPTS + 1):
        try:
            with conn, conn.cursor() as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = '{_DDL_WAIT}'")
                cursor.execute(sql, values)
            return
        except errors.LockNotAvailable:
            if attempt == _DDL_ATTEMPTS:
                raise
            time.sleep(0.2 * attempt)
