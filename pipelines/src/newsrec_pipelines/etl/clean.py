"""Clean day partitions: new rows merged with those that are there, under the batch's id."""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import date

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from newsrec_pipelines import partitions
from newsrec_pipelines.etl.tables import Placed
from newsrec_pipelines.partitions import Manifest, PartitionFile
from newsrec_pipelines.schemas import Entity
from newsrec_pipelines.store import Store

_ROWS_PER_FILE = 2_000_000


def dataset(entity: Entity) -> str:
    """The name of the entity's clean partitions."""
    return f"clean/{entity.name}"


def write_days(
    store: Store, entity: Entity, rows: pl.DataFrame, placed: Placed, batch_id: str
) -> Iterator[Manifest]:
    """Write the files of every day that the batch changes; the manifests wait for the commit.

    Args:
        store: where to.
        entity: whose partitions.
        rows: new rows with the columns of the clean schema, and their ``day``.
        placed: which of them lost, and which old rows moved away.
        batch_id: of the files' names.
    """
    if placed.lost:
        lost = pl.DataFrame({entity.key: placed.lost})
        rows = rows.join(lost, on=entity.key, how="anti", maintain_order="left")
    days = {d[0]: part for d, part in rows.partition_by("day", as_dict=True).items()}
    for day in sorted({*days, *(day for _, day in placed.moved)}):
        gone = [key for key, d in placed.moved if d == day]
        merged = _merged(store, entity, day, days.get(day, rows.clear()), gone)
        yield Manifest(
            dataset(entity), day, batch_id, tuple(_write(store, entity, day, merged, batch_id))
        )


def sweep(store: Store, name: str, day: date) -> None:
    """Remove what the manifest of a day does not name: leftovers of batches that did not come far.

    Only for the one ETL that runs: others' files are not known yet.
    """
    manifest = partitions.read_manifest(store, name, day)
    kept = {f.key for f in manifest.files} if manifest else set()
    kept.add(partitions.manifest_key(name, day))
    for key in store.keys(f"{name}/day={day}"):
        if key not in kept:
            store.remove(key)


def changed_days(entity: Entity, rows: pl.DataFrame, placed: Placed) -> list[date]:
    """Every day that `write_days` may write to."""
    return sorted({*rows["day"].unique(), *(day for _, day in placed.moved)})


def _merged(
    store: Store, entity: Entity, day: date, rows: pl.DataFrame, gone: Iterable[str]
) -> pl.DataFrame:
    names = entity.clean_schema.names
    rows = rows.select(names)
    manifest = partitions.read_manifest(store, dataset(entity), day)
    there = partitions.scan(store, [manifest], rows.schema) if manifest else None
    identity = [entity.key] if entity.day_field else [entity.key, "available_at"]
    if there is not None:
        old = there.select(names).collect()
        old = old.join(
            pl.DataFrame({entity.key: list(gone)}, {entity.key: pl.String}),
            on=entity.key,
            how="anti",
        )
        old = old.join(rows, on=identity, how="anti")
        rows = pl.concat([old, rows])
    return rows.sort(*([entity.day_field] if entity.day_field else []), *identity)


def _write(
    store: Store, entity: Entity, day: date, rows: pl.DataFrame, batch_id: str
) -> Iterator[PartitionFile]:
    for part in rows.iter_slices(_ROWS_PER_FILE):
        out = pa.BufferOutputStream()
        pq.write_table(
            part.to_arrow().cast(entity.clean_schema),
            out,
            compression="zstd",
            coerce_timestamps="us",
        )
        data = out.getvalue().to_pybytes()
        sha256 = hashlib.sha256(data).hexdigest()
        # Named by content too: a batch that runs again never writes over a file that is being read.
        key = f"{dataset(entity)}/day={day}/{batch_id}-{sha256[:8]}.parquet"
        store.write_bytes(key, data)
        yield PartitionFile(key, part.height, sha256)
