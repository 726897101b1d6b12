"""Clean reads, impressions, articles and users for tests of the features, and their partitions."""

import hashlib
import io
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from newsrec_pipelines import partitions
from newsrec_pipelines.partitions import Manifest, PartitionFile
from newsrec_pipelines.schemas import ENTITIES
from newsrec_pipelines.store import Store

DAY = date(2026, 3, 2)
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)


def at(hours: float, day: int = 0) -> datetime:
    """So many hours after the first midnight (plus days), to the microsecond."""
    return MIDNIGHT + timedelta(days=day, hours=hours)


def frame(entity: str, rows: Iterable[dict[str, Any]]) -> pl.DataFrame:
    """Clean rows of an entity, with harmless values for what a test does not say."""
    schema = pl.DataFrame(ENTITIES[entity].clean_schema.empty_table()).schema
    full = [dict.fromkeys(schema) | _DEFAULTS[entity] | row for row in rows]
    for row in full:
        row["available_at"] = row["available_at"] or _known(entity, row)
    return pl.DataFrame(full, schema=schema)


_DEFAULTS: dict[str, dict[str, Any]] = {
    "reads": {"kind": "click", "user_id": "u1", "batch_id": "b"},
    "impressions": {"surface": "site", "order_known": True, "user_id": "u1", "batch_id": "b"},
    "articles": {
        "publisher": "p",
        "title": "t",
        "category": "sport",
        "language": "en",
        "url": "https://example.org/",
        "batch_id": "b",
    },
    "users": {
        "region": "africa",
        "language": "en",
        "timezone": "UTC",
        "preferred_categories": [],
        "consents": "{}",
        "batch_id": "b",
    },
}
_TIME = {
    "reads": "read_at",
    "impressions": "shown_at",
    "articles": "published_at",
    "users": "joined_at",
}


def _known(entity: str, row: dict[str, Any]) -> datetime:
    moment: datetime = row[_TIME[entity]]
    return moment + timedelta(seconds=row.get("dwell_seconds") or 0)


def write_clean(store: Store, entity: str, rows: pl.DataFrame, batch: str = "b") -> None:
    """Write clean partitions as the ETL does: by event day, or by arrival day of versions."""
    field = ENTITIES[entity].day_field or "available_at"
    for (day,), part in rows.group_by(pl.col(field).dt.date(), maintain_order=True):
        assert isinstance(day, date)
        buffer = io.BytesIO()
        part.write_parquet(buffer)
        key = f"clean/{entity}/day={day}/{batch}-0.parquet"
        store.write_bytes(key, buffer.getvalue())
        digest = hashlib.sha256(buffer.getvalue()).hexdigest()
        partitions.write_manifest(
            store,
            Manifest(f"clean/{entity}", day, batch, (PartitionFile(key, part.height, digest),)),
        )
