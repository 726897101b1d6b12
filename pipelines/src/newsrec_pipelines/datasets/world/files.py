"""Writes files whose bytes depend on their content only, whole or not at all."""

import gzip

import pyarrow as pa
import pyarrow.parquet as pq

from newsrec_pipelines.store import Store


def write_parquet(store: Store, key: str, table: pa.Table) -> None:
    """Compressed Parquet; the schema is Parquet's own, so that any reader sees plain types."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", store_schema=False)
    store.write_bytes(key, sink.getvalue().to_pybytes())


def write_lines(store: Store, key: str, lines: list[bytes]) -> None:
    """Compressed JSON lines; no file when there is no line."""
    if lines:
        store.write_bytes(key, gzip.compress(b"\n".join([*lines, b""]), mtime=0))
