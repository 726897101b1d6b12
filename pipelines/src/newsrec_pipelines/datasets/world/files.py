"""Writes files whose bytes depend on their content only, whole or not at all."""

import gzip

import pyarrow as pa
import pyarrow.parquet as pq

from newsrec_pipelines.store import Store

# Columns whose values repeat; a dictionary of unique ids would only be thrown away again.
_REPEATING = ("user_id", "article_id", "surface", "kind", "category", "subcategory")
_GZIP_LEVEL = 3  # a third of the time of the default for a tenth more bytes


def write_parquet(store: Store, key: str, table: pa.Table) -> None:
    """Compressed Parquet; the schema is Parquet's own, so that any reader sees plain types."""
    sink = pa.BufferOutputStream()
    repeating = [name for name in _REPEATING if name in table.schema.names]
    repeating += [f"{f.name}.list.element" for f in table.schema if pa.types.is_list(f.type)]
    pq.write_table(table, sink, compression="zstd", use_dictionary=repeating, store_schema=False)
    store.write_bytes(key, sink.getvalue().to_pybytes())


def write_lines(store: Store, key: str, lines: list[bytes]) -> None:
    """Compressed JSON lines; no file when there is no line."""
    if lines:
        store.write_bytes(key, gzip.compress(b"\n".join([*lines, b""]), _GZIP_LEVEL, mtime=0))
