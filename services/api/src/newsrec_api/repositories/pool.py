"""Connections to PostgreSQL: a fixed number, each replaced when it breaks."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - a class by another name
from psycopg2.extensions import cursor as Cursor  # noqa: N812
from psycopg2.pool import PoolError, ThreadedConnectionPool

from newsrec_api.errors import UnavailableError
from newsrec_api.repositories.watch import Watch

T = TypeVar("T")

STATEMENT_TIMEOUT_MS = 5000
# For a server that cannot even end its statement; Kong waits longer (k8s/base/kong/kong.yaml).
SILENCE_SECONDS = 6.0
CONNECT_TIMEOUT_SECONDS = 3


class Pool:
    """A ThreadedConnectionPool that is filled on first use and survives restarts of the server.

    Both bounds of the pool are alike: psycopg2 closes what is returned above the lower one, and
    each request would pay for a new login.
    """

    def __init__(self, url: str, size: int, prepare: str = "") -> None:
        self._url = url
        self._size = size
        self._prepare = prepare
        self._pool: ThreadedConnectionPool | None = None
        self._lock = threading.Lock()
        self._watch = Watch(SILENCE_SECONDS)

    def run(self, work: Callable[[Cursor], T]) -> T:
        """Do `work` in one transaction that is committed at its end.

        Work whose connection turns out to be broken is done again on another one: it must be safe
        to repeat.

        Raises:
            UnavailableError: when PostgreSQL does not answer in time or no connection is free.
        """

        def transaction(conn: Connection) -> T:
            with conn, conn.cursor() as cursor:
                return work(cursor)

        return self._with_connection(transaction)

    def rows(self, sql: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """All rows of one statement, without the two round trips of a transaction."""

        def statement(conn: Connection) -> list[tuple[Any, ...]]:
            with conn.cursor() as cursor:
                cursor.execute(sql, parameters)
                return cursor.fetchall()

        return self._with_connection(statement)

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            if self._pool is not None:
                self._watch.stop()
                self._pool.closeall()
                self._pool = None

    def _with_connection(self, work: Callable[[Connection], T]) -> T:
        # After a restart of the server every pooled connection is broken: the last try is new.
        for _ in range(self._size + 1):
            pool, conn = self._take()
            broken = True
            self._watch.begin(conn)
            try:
                result = work(conn)
                broken = not self._watch.end(conn)  # hung up on at the last moment
                return result
            except (psycopg2.OperationalError, psycopg2.InterfaceError) as e:
                broken = conn.closed != 0
                if not self._watch.end(conn):
                    raise UnavailableError("the database has gone silent") from e
                if not broken:  # the server is there and refuses, e.g. a statement timeout
                    raise UnavailableError("the database did not answer in time") from e
            except BaseException:
                broken = not self._watch.end(conn) or conn.closed != 0
                raise
            finally:
                pool.putconn(conn, close=broken)
        raise UnavailableError("the connection to the database was lost")

    def _take(self) -> tuple[ThreadedConnectionPool, Connection]:
        try:
            pool = self._pool or self._fill()
            return pool, pool.getconn()
        except psycopg2.OperationalError as e:
            raise UnavailableError("the database cannot be reached") from e
        except psycopg2.errors.UndefinedTable as e:
            raise UnavailableError("the database has not been migrated") from e
        except PoolError as e:
            raise UnavailableError("all connections to the database are in use") from e

    def _fill(self) -> ThreadedConnectionPool:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadedConnectionPool(
                    self._size, self._size, dsn=self._url, connection_factory=self._connect
                )
                self._watch.start()
            return self._pool

    def _connect(self, dsn: str, async_: int = 0) -> Connection:
        return _ApiConnection(dsn, self._prepare)


class _ApiConnection(Connection):
    """A connection with the rights of the API, in UTC, that knows our prepared statements."""

    def __init__(self, dsn: str, prepare: str) -> None:
        super().__init__(
            psycopg2.extensions.make_dsn(
                dsn,
                connect_timeout=CONNECT_TIMEOUT_SECONDS,
                application_name="newsrec_api",
                # Prepared statements keep one plan: planning would cost more than executing.
                options="-c role=newsrec_api -c timezone=UTC -c jit=off "
                "-c plan_cache_mode=force_generic_plan "
                f"-c statement_timeout={STATEMENT_TIMEOUT_MS}",
            )
        )
        self.autocommit = True
        if prepare:
            with self.cursor() as cursor:
                cursor.execute(prepare)
