"""Connections to PostgreSQL, each with the rights of one role only."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from psycopg2.errors import UndefinedColumn, UndefinedFunction, UndefinedTable
from psycopg2.extensions import connection as Connection  # noqa: N812 - a class by another name

from newsrec_pipelines.errors import DatabaseError

__all__ = ["Connection", "connect"]


@contextmanager
def connect(url: str, role: str) -> Iterator[Connection]:
    """A connection that acts as `role` (e.g. ``newsrec_etl``), in UTC; closed at the end.

    Nothing is committed unless the caller does it (``with conn:`` or ``conn.commit()``).

    Raises:
        DatabaseError: when the server cannot be reached, or fails while in use.
    """
    try:
        conn = psycopg2.connect(
            url,
            options=f"-c role={role} -c timezone=UTC",
            connect_timeout=10,
            application_name=role,
        )
    except psycopg2.Error as e:
        raise DatabaseError(f"cannot connect to PostgreSQL: {_one_line(e)}") from e
    try:
        yield conn
    except psycopg2.Error as e:
        raise DatabaseError(f"PostgreSQL: {_one_line(e)}") from e
    finally:
        conn.close()


def _one_line(error: psycopg2.Error) -> str:
    line = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, UndefinedTable | UndefinedColumn | UndefinedFunction):
        line += " (is the database migrated? newsrec-db upgrade)"
    return line
