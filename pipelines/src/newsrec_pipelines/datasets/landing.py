"""Writes an import into the landing zone: all of it or, when the source is broken, nothing."""

import hashlib
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from newsrec_pipelines.errors import DataError
from newsrec_pipelines.progress import track
from newsrec_pipelines.schemas import ENTITIES, TIMESTAMP, UNKNOWN, Entity
from newsrec_pipelines.store import Store

TIME = pl.Datetime("us", "UTC")
RECEIVED_AT = "received_at"  # optional on every entity; decides when a row could be known


@dataclass
class Import:
    """The files of one import, written beside the landing zone until all of them are there.

    Attributes:
        source: first part of the file names, e.g. ``mind``.
        folder: where the files wait.
        counts: number of keys by entity; articles and users may have several versions.
        dropped: what was left out and why, as text for people, with its number.
        notes: what else was counted.
        days: the days of arrival.
    """

    source: str
    folder: Path
    counts: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    days: set[date] = field(default_factory=set)
    _keys: dict[str, Path] = field(default_factory=dict)

    def add(self, entity: str, frame: pl.DataFrame, arrival: str) -> None:
        """Stage the rows of `frame`, one file for each day of the time column `arrival`.

        Columns are fields of the entity and, where the arrival needs it, ``received_at``; optional
        fields that are not there are unknown. The same rows give the same bytes and file name.
        """
        spec = ENTITIES[entity]
        table = frame.with_columns(_day=pl.col(arrival).dt.date()).sort("_day", arrival, spec.key)
        for (day,), rows in table.partition_by("_day", as_dict=True, maintain_order=True).items():
            self._stage(spec, day, rows)
        self.counts[entity] += frame[spec.key].n_unique()

    def publish(self, store: Store) -> None:
        """Bring the staged files into the landing zone, each whole or not at all.

        A file is named by its source and its content: importing again changes nothing, and what
        other imports brought stays.

        Raises:
            DataError: when there is nothing to bring.
        """
        if not self._keys:
            raise DataError(f"nothing in these files can be used ({self.summary()})")
        for key, path in track(sorted(self._keys.items()), "into the landing zone"):
            if not store.exists(key):
                store.upload(key, path)

    def summary(self) -> str:
        """What was dropped or merged, in words."""
        counts = {**self.notes, **{f"dropped: {why}": n for why, n in self.dropped.items()}}
        return "; ".join(f"{n:,} {what}" for what, n in counts.items() if n) or "nothing dropped"

    def _stage(self, spec: Entity, day: date, rows: pl.DataFrame) -> None:
        sink = pa.BufferOutputStream()
        # The schema is Parquet's own, so that any reader sees plain types.
        pq.write_table(_table(spec, rows), sink, compression="zstd", store_schema=False)
        data = sink.getvalue()
        name = f"{self.source}-{hashlib.sha256(data).hexdigest()[:16]}.parquet"
        path = self.folder / f"{spec.name}-{day}-{name}"
        path.write_bytes(data)
        self._keys[f"landing/{spec.name}/dt={day}/{name}"] = path
        self.days.add(day)


@contextmanager
def importing(source: str) -> Iterator[Import]:
    """An empty import; its waiting files are removed at the end, published or not."""
    with tempfile.TemporaryDirectory(prefix=f"newsrec-{source}-") as folder:
        yield Import(source, Path(folder))


def digest(parts: pl.Series) -> pl.Series:
    """128 bits of SHA-256 over each text, in hex: the same record gives the same id anywhere."""
    hashes = (hashlib.sha256(text.encode()).hexdigest()[:32] for text in parts)
    return pl.Series(parts.name, hashes, dtype=pl.String)


def first_seen(rows: pl.DataFrame, key: str, at: str) -> pl.DataFrame:
    """The first time of each value of `key`: ``id``, ``at``."""
    return rows.group_by(id=key).agg(at=pl.col(at).min())


def anonymous_readers(seen: pl.DataFrame, language: str) -> pl.DataFrame:
    """Users of whom a source only tells when it saw them: `seen` has ``id`` and ``at``."""
    return first_seen(seen, "id", "at").select(
        user_id="id",
        region=pl.lit(UNKNOWN),
        language=pl.lit(language),
        timezone=pl.lit("UTC"),
        preferred_categories=pl.lit([], dtype=pl.List(pl.String)),
        joined_at="at",
        consents=pl.lit("{}"),
    )


def _table(spec: Entity, rows: pl.DataFrame) -> pa.Table:
    schema = spec.schema
    if RECEIVED_AT in rows.columns:
        schema = schema.append(pa.field(RECEIVED_AT, TIMESTAMP))
    missing = [
        pl.lit(None, dtype=pl.Null).alias(name) for name in schema.names if name not in rows.columns
    ]
    table: pa.Table = rows.with_columns(missing).select(schema.names).to_arrow()
    return table.cast(schema)
