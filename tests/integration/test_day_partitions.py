"""Writers make the partition of a day when they need it, also two at the same moment."""

import threading
from datetime import date

import psycopg2
import pytest

from support.postgres import query

DAY = date(2026, 3, 6)
ENSURE = "SELECT ensure_day_partition('deliveries', %s)"


def test_two_writers_that_want_the_same_day_both_get_it(database_url: str) -> None:
    first = psycopg2.connect(database_url, options="-c role=newsrec_mailer")
    second = psycopg2.connect(database_url, options="-c role=newsrec_mailer")
    failures: list[psycopg2.Error] = []

    def want() -> None:
        try:
            with second, second.cursor() as cursor:
                cursor.execute(ENSURE, (DAY,))
        except psycopg2.Error as e:
            failures.append(e)

    with first, first.cursor() as cursor:
        cursor.execute(ENSURE, (DAY,))
        thread = threading.Thread(target=want)
        thread.start()
        while not query(database_url, "SELECT 1 FROM pg_locks WHERE NOT granted"):
            assert thread.is_alive()
    thread.join(10)
    first.close()
    second.close()

    assert failures == []
    assert query(database_url, "SELECT to_regclass('deliveries_20260306') IS NOT NULL") == [(True,)]


def test_a_table_that_is_not_partitioned_by_day_is_refused(database_url: str) -> None:
    connection = psycopg2.connect(database_url, options="-c role=newsrec_mailer")
    with (
        connection.cursor() as cursor,
        pytest.raises(psycopg2.Error, match="no table articles is partitioned by day"),
    ):
        cursor.execute("SELECT ensure_day_partition('articles', %s)", (DAY,))
    connection.close()
