"""A real PostgreSQL for tests: one server a test process, one fresh migrated database a test."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
import pytest

from newsrec_db import migrate
from newsrec_db.embedded import Embedded

_TEMPLATE = "newsrec_template"


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a server without a database name; DATABASE_URL names another server to use."""
    if url := os.environ.get("DATABASE_URL"):
        yield url.rsplit("/", 1)[0]
        return
    server = Embedded(tmp_path_factory.mktemp("postgres") / "server")
    url = server.start().rsplit("/", 1)[0]
    _forget_crashes(f"{url}/postgres")
    yield url
    server.stop()


def _forget_crashes(url: str) -> None:
    """Wait for no disk: tests that kill a server start one of their own."""
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        _execute(url, f"ALTER SYSTEM SET {setting} = off")
    _execute(url, "SELECT pg_reload_conf()")


@pytest.fixture(scope="session")
def _template(postgres_server: str) -> str:
    name = f"{_TEMPLATE}_{uuid.uuid4().hex[:8]}"
    _execute(f"{postgres_server}/postgres", f"CREATE DATABASE {name}")
    migrate.upgrade(f"{postgres_server}/{name}")
    return name


@pytest.fixture
def database_url(postgres_server: str, _template: str) -> Iterator[str]:
    """URL of a fresh, migrated, empty database, as its owner (who may act as every role)."""
    with fresh_database(postgres_server, _template) as url:
        yield url


@pytest.fixture
def other_database_url(postgres_server: str, _template: str) -> Iterator[str]:
    """Another one, for tests that compare two."""
    with fresh_database(postgres_server, _template) as url:
        yield url


@contextmanager
def fresh_database(server: str, template: str) -> Iterator[str]:
    """A fresh, migrated, empty database, removed at the end."""
    name = f"newsrec_{uuid.uuid4().hex[:12]}"
    _execute(f"{server}/postgres", f"CREATE DATABASE {name} TEMPLATE {template}")
    yield f"{server}/{name}"
    _execute(f"{server}/postgres", f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def empty_database_url(postgres_server: str) -> Iterator[str]:
    """URL of a fresh database without any table."""
    name = f"newsrec_{uuid.uuid4().hex[:12]}"
    _execute(f"{postgres_server}/postgres", f"CREATE DATABASE {name}")
    yield f"{postgres_server}/{name}"
    _execute(f"{postgres_server}/postgres", f"DROP DATABASE {name} WITH (FORCE)")


def query(url: str, sql: str, *args: object) -> list[tuple[object, ...]]:
    """All rows of one SELECT."""
    connection = psycopg2.connect(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql, args)
            return list(cursor.fetchall())
    finally:
        connection.close()


def _execute(url: str, sql: str) -> None:
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
    finally:
        connection.close()


REPOSITORY = Path(__file__).parents[2]
