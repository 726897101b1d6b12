"""What the pipeline leaves for the commit: checked rows and dead letters, below the batch's id."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from newsrec_pipelines.store import Store

_RECORDS = b"newsrec.records"


class Sink(Protocol):
    """Where the pipeline writes to. Writing the same name again leaves the same."""

    def write(
        self, kind: str, entity: str, partition: int, rows: pl.DataFrame, records: int
    ) -> None:
        """Keep the rows that `records` records became. `kind` is ``rows`` or ``dead``."""
        ...


@dataclass(frozen=True)
class Staged:
    """One staged file."""

    rows: int
    records: int
    key: str


class StagingArea:
    """Files below ``staging/etl/<batch>/``, each written whole or not at all."""

    def __init__(self, store: Store, batch_id: str) -> None:
        self._store = store
        self._root = f"staging/etl/{batch_id}"

    def write(
        self, kind: str, entity: str, partition: int, rows: pl.DataFrame, records: int
    ) -> None:
        """Keep the rows that `records` records became."""
        table = rows.to_arrow()
        table = table.replace_schema_metadata({_RECORDS: str(records)})
        out = pa.BufferOutputStream()
        pq.write_table(table, out, compression="lz4", use_dictionary=False)
        key = f"{self._root}/{kind}/{entity}/{partition:04}.parquet"
        self._store.write_bytes(key, out.getvalue().to_pybytes())

    def files(self, kind: str, entity: str) -> list[Staged]:
        """Staged files in the order of their partitions."""
        return [self._describe(k) for k in self._store.keys(f"{self._root}/{kind}/{entity}")]

    def frames(self, kind: str, entity: str) -> Iterator[pl.DataFrame]:
        """Staged rows, a partition at a time."""
        for file in self.files(kind, entity):
            table = pq.read_table(pa.BufferReader(self._store.read_bytes(file.key)))
            yield pl.DataFrame(table)

    def read_json(self, name: str) -> object | None:
        """A note about the batch; None when there is none."""
        found: object | None = self._store.find_json(f"{self._root}/{name}.json")
        return found

    def write_json(self, name: str, value: object) -> None:
        """Leave a note about the batch."""
        self._store.write_json(f"{self._root}/{name}.json", value)

    def remove(self) -> None:
        """Forget everything."""
        self._store.remove(self._root)

    def _describe(self, key: str) -> Staged:
        with self._store.open(key) as f:
            metadata = pq.read_metadata(f)
        return Staged(metadata.num_rows, int(metadata.metadata[_RECORDS]), key)
