"""Feast's DuckDB offline store, reading only the counter files that manifests name."""

from datetime import UTC, date, datetime
from typing import Any, Final

import ibis
import pandas as pd
import pyarrow.dataset as arrow
from feast.data_source import DataSource
from feast.feature_view import FeatureView
from feast.infra.offline_stores.duckdb import DuckDBOfflineStore, DuckDBOfflineStoreConfig
from feast.infra.offline_stores.file_source import FileSource
from feast.infra.offline_stores.ibis import (
    IbisRetrievalJob,
    pull_latest_from_table_or_query_ibis,
)
from feast.infra.offline_stores.offline_store import RetrievalJob
from feast.infra.registry.base_registry import BaseRegistry
from feast.repo_config import RepoConfig
from ibis.expr.types import Table
from pyarrow.fs import FSSpecHandler, PyFileSystem
from pydantic import StrictStr

from newsrec_pipelines import partitions
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.features import snapshots
from newsrec_pipelines.features.raw import schema
from newsrec_pipelines.store import Store

STORE_TYPE: Final = f"{__name__}.CountersOfflineStore"
_ASKED: Final = "event_timestamp"


class CountersOfflineStoreConfig(DuckDBOfflineStoreConfig):
    """Feast finds this class by the name of the store's."""

    type: StrictStr = STORE_TYPE
    # Rows of so many days are read where there are no snapshots; None is all of them.
    exposure_history_days: int | None = None


class CountersOfflineStore(DuckDBOfflineStore):
    """Point-in-time reads over partitions with manifests.

    Feast's own store reads a path or a glob, which would see files that no manifest names, and the
    whole history; and its join pairs every moment with every earlier row before it picks the last.
    This one opens the last snapshot before the first moment and the days since, and joins by
    DuckDB's ASOF join.
    """

    @staticmethod
    def get_historical_features(
        config: RepoConfig,
        feature_views: list[FeatureView],
        feature_refs: list[str],
        entity_df: pd.DataFrame | str,
        registry: BaseRegistry,
        project: str,
        full_feature_names: bool = False,
        filter_by_created_timestamp: bool = False,
    ) -> RetrievalJob:
        """Each entity row with the last feature row stamped at or before its event_timestamp."""
        if not isinstance(entity_df, pd.DataFrame) or not full_feature_names:
            raise NotImplementedError("pass a data frame and full_feature_names=True")
        moments = entity_df[_ASKED]
        asked = result = ibis.memtable(entity_df)
        for view in feature_views:
            days = config.offline_store.exposure_history_days
            rows = _read(view.batch_source, moments.min(), moments.max(), days)
            prefix = f"{view.name}:"
            features = [r.removeprefix(prefix) for r in feature_refs if r.startswith(prefix)]
            keys = [column.name for column in view.entity_columns]
            # Few of many: an ASOF join would sort them all.
            rows = rows.semi_join(asked.select(*keys).distinct(), keys)
            rows = rows.select(
                **{f"_{key}": rows[key] for key in keys},
                _stamp=rows[_ASKED],
                **{f"{view.name}__{name}": rows[name] for name in features},
            )
            result = result.asof_join(
                rows,
                on=result[_ASKED] >= rows["_stamp"],
                predicates=[result[key] == rows[f"_{key}"] for key in keys],
            ).drop("_stamp", *(f"_{key}" for key in keys))
        return _job(config, result)

    @staticmethod
    def pull_latest_from_table_or_query(
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None,
        start_date: datetime,
        end_date: datetime,
    ) -> RetrievalJob:
        """The last row of each entity stamped from `start_date` to `end_date`: materialization."""
        return pull_latest_from_table_or_query_ibis(
            config=config,
            data_source=data_source,
            join_key_columns=join_key_columns,
            feature_name_columns=feature_name_columns,
            timestamp_field=timestamp_field,
            created_timestamp_column=created_timestamp_column,
            start_date=start_date,
            end_date=end_date,
            # The last row before `end_date` is in the snapshot before it or later.
            data_source_reader=lambda source, _: _naive(_read(source, end_date, end_date)),
            data_source_writer=_refuse,
        )

    @staticmethod
    def pull_all_from_table_or_query(*_: Any, **__: Any) -> RetrievalJob:
        """Not here: Feast's own reads every file in the folder, whatever the manifests say."""
        raise NotImplementedError("set materialization.pull_latest_features")


def _read(
    source: DataSource | None, first: datetime, last: datetime, days: int | None = None
) -> Table:
    """The rows of a view that may be the last before a moment from `first` to `last`."""
    if not isinstance(source, FileSource):
        raise DataError(f"{source} is no folder of counters")
    url, _, dataset = source.path.rpartition("/counters/")
    store = Store(url if "://" in url else f"file://{url}")
    view = dataset.rstrip("/")
    parts = snapshots.parts(store, view, _day(first), _day(last), days)
    frame = partitions.scan(store, parts)
    if frame is None:
        return ibis.memtable(schema(view).to_frame().to_arrow())
    files = [store.path(file.key) for part in parts for file in part.files]
    if not store.remote:
        return ibis.read_parquet(files)
    # DuckDB would fetch its extension httpfs from the web first; Arrow streams to it as well.
    filesystem = PyFileSystem(FSSpecHandler(store.fs))
    return ibis.memtable(arrow.dataset(files, filesystem=filesystem, format="parquet"))


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date() if moment.tzinfo else moment.date()


def _naive(table: Table) -> Table:
    # Feast compares with naive UTC literals, and DuckDB would cast by the machine's time zone.
    return table.mutate(event_timestamp=table[_ASKED].cast("timestamp('UTC')"))


def _job(config: RepoConfig, table: Table) -> IbisRetrievalJob:
    return IbisRetrievalJob(
        table=table,
        on_demand_feature_views=[],
        full_feature_names=True,
        metadata=None,
        data_source_writer=_refuse,
        staging_location=None,
        staging_location_endpoint_override=None,
        repo_path=str(config.repo_path),
    )


def _refuse(*_: Any) -> None:
    raise NotImplementedError("the ETL writes the counters")
