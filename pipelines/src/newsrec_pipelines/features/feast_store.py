"""Feast stores configured in code from our settings; feature_repo/ is the same for Feast's CLI."""

import asyncio
import contextlib
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from feast import FeatureStore
from feast.repo_config import RegistryConfig, RepoConfig
from google.protobuf.message import DecodeError

from newsrec_pipelines.errors import DatabaseError
from newsrec_pipelines.features import offline_store, online_store
from newsrec_pipelines.features.definitions import PROJECT, define
from newsrec_pipelines.settings import Settings
from newsrec_pipelines.store import Store


@contextlib.contextmanager
def offline(store: Store, exposure_history_days: int) -> Iterator[FeatureStore]:
    """A feature store that reads the counters only: no database, and no trace afterwards.

    Args:
        store: where the counters lie.
        exposure_history_days: how far back `exposure_history` is read.
    """
    with tempfile.TemporaryDirectory(prefix="newsrec-feast-") as folder:
        features = FeatureStore(
            config=_config(Path(folder) / "registry.db", None, exposure_history_days)
        )
        definitions = define(store.url)
        # FeatureStore.apply would also touch the online store.
        for entity in definitions.entities:
            features.registry.apply_entity(entity, PROJECT, commit=False)
        for view in definitions.views:
            features.registry.apply_feature_view(view, PROJECT, commit=False)
        features.registry.apply_feature_service(definitions.service, PROJECT, commit=False)
        features.registry.commit()
        yield features


@contextlib.contextmanager
def online(settings: Settings) -> Iterator[FeatureStore]:
    """The feature store with its PostgreSQL online store, definitions applied; closed at the end.

    The registry lies at ``$NEWSREC_VAR/feast/registry.db``. It only remembers what was
    materialized: a lost or broken one is made anew.

    Raises:
        ConfigError: when there is no database.
        DatabaseError: when it cannot be reached or refuses, also while in use.
    """
    registry = settings.var / "feast" / "registry.db"
    registry.parent.mkdir(parents=True, exist_ok=True)
    database = online_store.connection(settings.require_database_url())
    try:
        try:
            features = _applied(registry, database, settings.store_url)
        except DecodeError:
            registry.unlink()
            features = _applied(registry, database, settings.store_url)
        try:
            yield features
        finally:
            asyncio.run(features.close())
    except psycopg.Error as e:
        raise DatabaseError(f"PostgreSQL: {' '.join(str(e).split())}") from e


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Feast makes warnings of its own dependencies visible: ibis calls DuckDB by an old name."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "fetch_arrow_table", DeprecationWarning)
        yield


def _applied(registry: Path, database: dict[str, Any], store_url: str) -> FeatureStore:
    features = FeatureStore(config=_config(registry, database))
    definitions = define(store_url)
    features.apply([*definitions.entities, *definitions.views, definitions.service])
    return features


def _config(
    registry: Path, database: dict[str, Any] | None, exposure_history_days: int | None = None
) -> RepoConfig:
    return RepoConfig(
        project=PROJECT,
        provider="local",
        registry=RegistryConfig(path=str(registry), cache_ttl_seconds=0),
        offline_store={
            "type": offline_store.STORE_TYPE,
            "exposure_history_days": exposure_history_days,
        },
        online_store=(database or {}) | {"type": online_store.STORE_TYPE} if database else None,
        # Otherwise every row since the last time goes through pandas, to be dropped there.
        materialization={"pull_latest_features": True},
        entity_key_serialization_version=3,
    )
