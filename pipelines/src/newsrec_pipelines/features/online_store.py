"""Feast's PostgreSQL online store, acting as the role that owns the schema `feast`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from feast.infra.online_stores.postgres_online_store.postgres import (
    PostgreSQLOnlineStore,
    PostgreSQLOnlineStoreConfig,
)
from feast.infra.utils.postgres.connection_utils import _get_conn_kwargs, _get_conninfo
from feast.repo_config import RepoConfig
from psycopg.conninfo import conninfo_to_dict
from pydantic import StrictStr, model_validator

from newsrec_pipelines.errors import ConfigError
from newsrec_pipelines.settings import Settings

ROLE: Final = "newsrec_features"
SCHEMA: Final = "feast"
STORE_TYPE: Final = f"{__name__}.RoleOnlineStore"


def connection(database_url: str) -> dict[str, Any]:
    """The pieces of a database's URL, named as Feast's configuration wants them.

    Raises:
        ConfigError: when the URL is none.
    """
    try:
        url = conninfo_to_dict(database_url)
    except psycopg.ProgrammingError as e:
        raise ConfigError(f"DATABASE_URL is no PostgreSQL URL: {' '.join(str(e).split())}") from e
    return {
        "host": url.get("host", "127.0.0.1"),
        "port": int(url.get("port") or 5432),
        "database": url.get("dbname", "postgres"),
        "user": url.get("user", "postgres"),
        "password": url.get("password", ""),
        # Feast's default would refuse the embedded server.
        "sslmode": url.get("sslmode", "prefer"),
        "sslrootcert_path": url.get("sslrootcert"),
        "db_schema": SCHEMA,
    }


class RoleOnlineStoreConfig(PostgreSQLOnlineStoreConfig):
    """Feast finds this class by the name of the store's; without a host, our settings have it."""

    type: StrictStr = STORE_TYPE

    @model_validator(mode="before")
    @classmethod
    def _from_settings(cls, values: dict[str, Any]) -> dict[str, Any]:
        if "host" in values:
            return values
        return connection(Settings.from_env(os.environ).require_database_url()) | values


class RoleOnlineStore(PostgreSQLOnlineStore):
    """Feast's configuration has no place for a role, so the connection is opened here."""

    _conn: psycopg.Connection[Any] | None

    @contextmanager
    def _get_conn(self, config: RepoConfig, autocommit: bool = False) -> Iterator[Any]:
        if self._conn is None or self._conn.closed:
            kwargs = _get_conn_kwargs(config.online_store)
            kwargs["options"] += f" -c role={ROLE} -c timezone=UTC"
            self._conn = psycopg.connect(
                _get_conninfo(config.online_store),
                connect_timeout=10,
                application_name=ROLE,
                **kwargs,
            )
        self._conn.set_autocommit(autocommit)
        yield self._conn

    async def close(self) -> None:
        """Close the connection; the next use opens another."""
        if self._conn is not None:
            self._conn.close()
