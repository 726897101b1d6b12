"""Connections have one role's rights, speak UTC, and fail with one line."""

import psycopg2
import pytest

from newsrec_pipelines.db import connect
from newsrec_pipelines.errors import DatabaseError
from support.postgres import query


def test_a_connection_acts_as_its_role_in_utc(database_url: str) -> None:
    with connect(database_url, "newsrec_etl") as conn, conn.cursor() as cursor:
        cursor.execute("SELECT current_user, current_setting('timezone')")
        assert cursor.fetchone() == ("newsrec_etl", "UTC")
    assert conn.closed


def test_a_role_may_not_write_what_belongs_to_another(database_url: str) -> None:
    with (
        pytest.raises(DatabaseError, match="permission denied for table deliveries"),
        connect(database_url, "newsrec_etl") as conn,
        conn.cursor() as cursor,
    ):
        cursor.execute("DELETE FROM deliveries")


def test_a_database_without_our_tables_says_how_to_migrate_it(database_url: str) -> None:
    with (
        pytest.raises(DatabaseError, match=r"nowhere.* does not exist .*newsrec-db upgrade"),
        connect(database_url, "newsrec_etl") as conn,
        conn.cursor() as cursor,
    ):
        cursor.execute("SELECT * FROM nowhere")


def test_nothing_is_committed_unless_the_caller_does(database_url: str) -> None:
    insert = "INSERT INTO etl_runs (batch_id, arrival_date, status) VALUES (%s, now(), 'running')"
    with connect(database_url, "newsrec_etl") as conn, conn.cursor() as cursor:
        cursor.execute(insert, ("lost",))
    with connect(database_url, "newsrec_etl") as conn, conn, conn.cursor() as cursor:
        cursor.execute(insert, ("kept",))
    assert query(database_url, "SELECT batch_id FROM etl_runs") == [("kept",)]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://nobody:secret-password@127.0.0.1:1/x",
        "postgresql://127.0.0.1:1/x?nonsense=1",
    ],
)
def test_a_dead_server_and_a_wrong_url_are_one_line_without_the_password(url: str) -> None:
    with (
        pytest.raises(DatabaseError, match="cannot connect to PostgreSQL: ") as error,
        connect(url, "newsrec_etl"),
    ):
        pass
    assert len(str(error.value).splitlines()) == 1
    assert "secret-password" not in str(error.value)


def test_an_unknown_role_is_one_line(database_url: str) -> None:
    with (
        pytest.raises(DatabaseError, match="newsrec_nobody"),
        connect(database_url, "newsrec_nobody"),
    ):
        pass


def test_an_error_of_the_caller_passes_and_closes_the_connection(database_url: str) -> None:
    with pytest.raises(ZeroDivisionError), connect(database_url, "newsrec_etl") as conn:
        _ = 1 / 0
    assert isinstance(conn, psycopg2.extensions.connection)
    assert conn.closed
