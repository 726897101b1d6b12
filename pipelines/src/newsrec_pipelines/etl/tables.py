"""Rows of a batch into PostgreSQL: upserts that leave the same rows in any order of batches.

All of it happens within the caller's transaction. `left(batch_id, 10)` is a batch's day of arrival:
between rows known at the same moment the earlier arrival of an event and the later arrival of a
version win, and a new batch of the same day replaces what an older one wrote.
"""

from dataclasses import dataclass, field
from datetime import date

import polars as pl

from newsrec_pipelines.db import Connection
from newsrec_pipelines.postgres_copy import copy_frame
from newsrec_pipelines.schemas import Entity


@dataclass(frozen=True)
class Placed:
    """What became of events whose id was known already.

    Attributes:
        lost: ids of new events that an earlier-known event already stands for.
        moved: ids and days of old rows that gave way to new ones on another day.
    """

    lost: list[str] = field(default_factory=list)
    moved: list[tuple[str, date]] = field(default_factory=list)


def ensure_partitions(conn: Connection, parent: str, days: list[date]) -> None:
    """Make the day partitions, in a short transaction of its own: it locks out all readers."""
    with conn, conn.cursor() as cursor:
        for day in days:
            cursor.execute("SELECT ensure_day_partition(%s, %s)", (parent, day))


def upsert_versions(conn: Connection, entity: Entity, rows: pl.DataFrame) -> None:
    """The version that was known last becomes the row of its id."""
    table, key = entity.name, entity.key
    latest = rows.sort(key, "available_at").unique(key, keep="last", maintain_order=True)
    _copy_new(conn, table, latest)
    changes = ", ".join(f"{c} = EXCLUDED.{c}" for c in rows.columns if c != key)
    with conn.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} SELECT * FROM new_{table} ON CONFLICT ({key}) "
            f"DO UPDATE SET {changes} WHERE (EXCLUDED.available_at, left(EXCLUDED.batch_id, 10)) "
            f">= ({table}.available_at, left({table}.batch_id, 10))"
        )


def upsert_events(conn: Connection, entity: Entity, rows: pl.DataFrame) -> Placed:
    """Events in the places where they were known first. `rows` have a ``day``."""
    table, key = entity.name, entity.key
    _copy_new(conn, table, rows)
    placed = Placed()
    with conn.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO event_days SELECT '{table}', {key}, day FROM new_{table} "
            "ON CONFLICT DO NOTHING"
        )
        if cursor.rowcount < rows.height:
            placed = _settle_clashes(conn, entity)
        changes = ", ".join(f"{c} = EXCLUDED.{c}" for c in rows.columns if c not in (key, "day"))
        cursor.execute(
            f"INSERT INTO {table} SELECT * FROM new_{table} "
            f"ON CONFLICT ({key}, day) DO UPDATE SET {changes}"
        )
    return placed


def replace_dead_letters(conn: Connection, day: date, rows: pl.DataFrame) -> None:
    """The dead letters of a day of arrival are those of its last batch."""
    with conn.cursor() as cursor:
        cursor.execute("DELETE FROM dead_letters WHERE arrival_date = %s", (day,))
    copy_frame(conn, "dead_letters", rows)


def _copy_new(conn: Connection, table: str, rows: pl.DataFrame) -> None:
    with conn.cursor() as cursor:
        cursor.execute(f"CREATE TEMP TABLE new_{table} (LIKE {table}) ON COMMIT DROP")
        copy_frame(conn, f"new_{table}", rows)
        cursor.execute(f"ANALYZE new_{table}")


def _settle_clashes(conn: Connection, entity: Entity) -> Placed:
    """Drop new rows that lose against an old one, and old rows on other days that lose."""
    table, key = entity.name, entity.key
    # An id that was placed a moment ago has no row yet; one whose partition was dropped has a day
    # only, and stays dead.
    with conn.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMP TABLE clash_{table} ON COMMIT DROP AS "
            f"SELECT n.{key} AS id, e.day AS old_day, n.day AS new_day, "
            "  coalesce((o.available_at, left(o.batch_id, 10)) "
            "    < (n.available_at, left(n.batch_id, 10)), true) AS old_wins "
            f"FROM new_{table} n "
            f"JOIN event_days e ON e.entity = '{table}' AND e.event_id = n.{key} "
            f"LEFT JOIN {table} o ON o.{key} = e.event_id AND o.day = e.day "
            f"WHERE o.{key} IS NOT NULL OR e.day <> n.day"
        )
        cursor.execute(
            f"DELETE FROM new_{table} n USING clash_{table} c "
            f"WHERE c.id = n.{key} AND c.old_wins RETURNING n.{key}"
        )
        lost = [str(row[0]) for row in cursor.fetchall()]
        cursor.execute(
            f"DELETE FROM {table} o USING clash_{table} c WHERE NOT c.old_wins "
            f"AND c.old_day <> c.new_day AND o.{key} = c.id AND o.day = c.old_day "
            f"RETURNING o.{key}, o.day"
        )
        moved = [(str(row[0]), row[1]) for row in cursor.fetchall()]
        cursor.execute(
            f"UPDATE event_days e SET day = c.new_day FROM clash_{table} c "
            f"WHERE NOT c.old_wins AND c.old_day <> c.new_day "
            f"AND e.entity = '{table}' AND e.event_id = c.id"
        )
    return Placed(lost, moved)
