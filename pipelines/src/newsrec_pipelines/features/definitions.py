"""Feast's definitions: entities, feature views over the counters, and the ranker's service."""

from typing import Final, NamedTuple

import polars as pl
from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
from feast.data_format import ParquetFormat
from feast.types import Array, FeastType, Float64, Int32, Int64, String, UnixTimestamp

from newsrec_pipelines.features.raw import FEATURES, KEYS, ONLINE, view_name
from newsrec_pipelines.features.snapshots import rows_dataset

PROJECT: Final = "newsrec"
SERVICE: Final = "ranker_v1"

_ENTITIES: Final = {
    "user_id": "user",
    "article_id": "article",
    "category": "category",
    "publisher": "publisher",
}
_TYPES: Final[dict[pl.DataType, FeastType]] = {
    pl.Int32(): Int32,
    pl.Int64(): Int64,
    pl.Float64(): Float64,
    pl.Datetime("us", "UTC"): UnixTimestamp,
    pl.List(pl.Int32): Array(Int32),
    pl.List(pl.Float64): Array(Float64),
}


class Definitions(NamedTuple):
    """Everything that `feast apply` registers."""

    entities: list[Entity]
    views: list[FeatureView]
    service: FeatureService


def define(store_url: str) -> Definitions:
    """The definitions over the counters of one store.

    No view has a time to live: how old a row may be is decided by its windows, for the moment
    asked, and Feast would measure the age of an online row by the clock of this machine.
    """
    entities = {
        key: Entity(name=name, join_keys=[key], value_type=ValueType.STRING)
        for key, name in _ENTITIES.items()
    }
    views = [
        FeatureView(
            name=view_name(view),
            entities=[entities[key] for key in KEYS[view]],
            ttl=None,
            online=view in ONLINE,
            schema=[
                *(Field(name=key, dtype=String) for key in KEYS[view]),
                *(Field(name=name, dtype=_TYPES[dtype]) for name, dtype in features.items()),
            ],
            # A folder: features.offline_store reads the files that its manifests name.
            source=FileSource(
                name=f"{view}_counters",
                # Feast takes file:// for a relative path.
                path=f"{store_url.removeprefix('file://')}/{rows_dataset(view)}",
                timestamp_field="event_timestamp",
                file_format=ParquetFormat(),
            ),
        )
        for view, features in FEATURES.items()
    ]
    service = FeatureService(name=SERVICE, features=list(views))
    return Definitions(list(entities.values()), views, service)
