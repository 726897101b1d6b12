"""Migrations go up, down and up again, and give each writer its own tables only."""

import psycopg2
import pytest

from newsrec_db import migrate
from support.postgres import query

_TABLES = (
    "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
)


def test_up_down_and_up_again(empty_database_url: str) -> None:
    migrate.upgrade(empty_database_url)
    made = query(empty_database_url, _TABLES)
    assert made[0][0] >= 15

    migrate.downgrade(empty_database_url, "base")
    assert query(empty_database_url, _TABLES) == [(0,)]

    migrate.upgrade(empty_database_url)
    assert query(empty_database_url, _TABLES) == made


def test_the_second_step_goes_down_and_up_with_articles_in_place(empty_database_url: str) -> None:
    migrate.upgrade(empty_database_url, "0001")
    columns = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'articles'"
    before = query(empty_database_url, columns)

    migrate.upgrade(empty_database_url, "0002")
    assert query(empty_database_url, columns) == [(before[0][0] + 1,)]
    assert query(empty_database_url, "SELECT regions FROM articles") == []
    migrate.downgrade(empty_database_url, "0001")
    assert query(empty_database_url, columns) == before
    migrate.upgrade(empty_database_url)


@pytest.mark.parametrize(
    ("role", "own", "foreign"),
    [
        ("newsrec_etl", "etl_runs", "recommendation_runs"),
        ("newsrec_scoring", "recommendation_runs", "articles"),
        ("newsrec_api", "article_blocks", "users"),
        ("newsrec_mailer", "deliveries", "reader_settings"),
        ("newsrec_operations", "variants", "recommendations"),
        ("newsrec_monitoring", "drift", "variants"),
    ],
)
def test_a_writer_writes_its_own_tables_and_reads_the_others(
    database_url: str, role: str, own: str, foreign: str
) -> None:
    connection = psycopg2.connect(database_url, options=f"-c role={role}")
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {own}")
            cursor.execute(f"SELECT count(*) FROM {foreign}")
            assert cursor.fetchone() == (0,)
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(f"DELETE FROM {foreign}")
    finally:
        connection.close()


def test_writers_make_partitions_but_neither_tables_nor_gaps(database_url: str) -> None:
    connection = psycopg2.connect(database_url, options="-c role=newsrec_etl")
    try:
        with connection.cursor() as cursor:
            for _ in range(2):  # the second time it is there already
                cursor.execute("SELECT ensure_day_partition('reads', '2026-03-01')")
            cursor.execute("SELECT to_regclass('reads_20260301') IS NOT NULL")
            assert cursor.fetchone() == (True,)
            with pytest.raises(psycopg2.errors.RaiseException, match="partitioned by day"):
                cursor.execute("SELECT ensure_day_partition('users', '2026-03-01')")
            for forbidden in (
                "CREATE TABLE mine (x integer)",
                "SELECT drop_day_partition('deliveries', '2026-03-01')",
            ):
                connection.rollback()
                with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                    cursor.execute(forbidden)
    finally:
        connection.close()


def test_the_monitor_drops_its_own_old_days_only(database_url: str) -> None:
    connection = psycopg2.connect(database_url, options="-c role=newsrec_monitoring")
    try:
        with connection.cursor() as cursor:
            there = "SELECT to_regclass('slate_outcomes_20260301') IS NOT NULL"
            cursor.execute("SELECT ensure_day_partition('slate_outcomes', '2026-03-01')")
            cursor.execute(there)
            assert cursor.fetchone() == (True,)
            cursor.execute("SELECT drop_outcomes_partition('2026-03-01')")
            cursor.execute(there)
            assert cursor.fetchone() == (False,)
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute("SELECT drop_day_partition('reads', '2026-03-01')")
    finally:
        connection.close()


def test_each_step_goes_down_and_up(empty_database_url: str) -> None:
    migrate.upgrade(empty_database_url)
    made = query(empty_database_url, _TABLES)
    migrate.downgrade(empty_database_url, "0002")
    migrate.upgrade(empty_database_url)
    assert query(empty_database_url, _TABLES) == made
    for allowed in ("reads", "slate_outcomes"):
        query(empty_database_url, f"SELECT ensure_day_partition('{allowed}', '2026-03-01')::text")
