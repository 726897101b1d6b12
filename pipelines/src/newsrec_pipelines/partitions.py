"""Clean partitions: Parquet files of one day that count only once their manifest is written."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from newsrec_pipelines.errors import DataError
from newsrec_pipelines.schemas import ENTITIES
from newsrec_pipelines.store import Store


@dataclass(frozen=True)
class PartitionFile:
    """One Parquet file of a partition; `key` is relative to the store."""

    key: str
    rows: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """Says which files make up a partition. Files without a manifest do not exist for readers."""

    dataset: str  # e.g. "clean/reads" or "counters/article"
    day: date
    batch_id: str
    files: tuple[PartitionFile, ...]


def manifest_key(dataset: str, day: date) -> str:
    """Where the manifest of one day of a dataset lies."""
    return f"{dataset}/day={day:%Y-%m-%d}/manifest.json"


def write_manifest(store: Store, manifest: Manifest) -> None:
    """Make a partition visible in place of the one that was there, then remove superseded files."""
    previous = read_manifest(store, manifest.dataset, manifest.day)
    store.write_json(manifest_key(manifest.dataset, manifest.day), asdict(manifest))
    kept = {f.key for f in manifest.files}
    for file in previous.files if previous else ():
        if file.key not in kept:
            store.remove(file.key)


def read_manifest(store: Store, dataset: str, day: date) -> Manifest | None:
    """The manifest of one day, or None while that day has no whole partition."""
    key = manifest_key(dataset, day)
    raw = store.find_json(key)
    if raw is None:
        return None
    try:
        return Manifest(
            dataset=raw["dataset"],
            day=date.fromisoformat(raw["day"]),
            batch_id=raw["batch_id"],
            files=tuple(PartitionFile(**f) for f in raw["files"]),
        )
    except (KeyError, TypeError, ValueError) as e:
        raise DataError(f"{key} in {store.url} is not a manifest: {e}") from e


def manifests(
    store: Store, dataset: str, first: date | None = None, last: date | None = None
) -> list[Manifest]:
    """The manifests of a dataset from `first` to `last`, both included, in day order."""
    days = [
        day
        for day in store.days(dataset)
        if (first is None or day >= first) and (last is None or day <= last)
    ]
    found = store.each(lambda day: read_manifest(store, dataset, day), days)
    return [m for m in found if m is not None]


def data_hash(parts: Iterable[Manifest]) -> str:
    """SHA-256 over the content hashes of partitions: the same data gives the same hash."""
    lines = sorted(f"{m.dataset} {m.day} {f.sha256}" for m in parts for f in m.files)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def scan(
    store: Store, parts: Iterable[Manifest], schema: pl.Schema | None = None
) -> pl.LazyFrame | None:
    """A lazy frame over the files of the partitions; None when there are none.

    Args:
        store: where they lie.
        parts: the partitions.
        schema: when given, columns that a file was written without are null in its rows.

    Raises:
        DataError: naming the first file that is missing, broken or not the one of its manifest.
    """
    files = [f for m in parts for f in m.files]
    store.each(lambda file: _check(store, file), files)
    # On an object store polars reads by itself, and finds the same AWS_* variables.
    paths = [store.where(f.key) for f in files]
    if not paths:
        return None
    if schema is None:
        return pl.scan_parquet(paths)
    return pl.scan_parquet(paths, schema=schema, missing_columns="insert")


def _check(store: Store, file: PartitionFile) -> None:
    # Footers only: what a half-written copy or a foreign file gets wrong, at the cost of one read.
    try:
        with store.open(file.key) as opened:
            rows = pq.read_metadata(opened).num_rows
    except FileNotFoundError as e:
        raise DataError(f"{file.key} in {store.url} is gone, but its manifest names it") from e
    except pa.ArrowException as e:
        raise DataError(f"{file.key} in {store.url} is broken: {' '.join(str(e).split())}") from e
    if rows != file.rows:
        raise DataError(f"{file.key} in {store.url} has {rows} rows, its manifest says {file.rows}")


def load(
    store: Store,
    entity: str,
    as_of: datetime,
    first: date | None = None,
    last: date | None = None,
    columns: Sequence[str] | None = None,
    *,
    ordered: bool = True,
) -> pl.DataFrame:
    """Clean rows of an entity that were available before `as_of`.

    Versioned entities (articles, users) come as one row a key, the latest version known by then,
    in the order of their keys; events in the order of time, if `ordered`: that costs twice the
    memory. The result always has the entity's columns (or those of `columns`), also when there is
    no row.
    """
    spec = ENTITIES[entity]
    frame = _known(store, entity, as_of, first, last)
    if spec.day_field is None:
        frame = frame.sort(spec.key, *_VERSION_ORDER).unique(
            spec.key, keep="last", maintain_order=True
        )
    elif ordered:
        frame = frame.sort(spec.day_field, spec.key)
    if columns is not None:
        frame = frame.select(columns)
    try:
        return frame.collect()
    except pl.exceptions.ComputeError as e:
        raise DataError(f"clean/{entity} in {store.url} is broken: {str(e).splitlines()[0]}") from e


def load_available_when_asked(
    store: Store,
    entity: str,
    asked: pl.DataFrame,
    columns: Sequence[str],
    as_of: datetime,
    first: date | None = None,
    last: date | None = None,
) -> pl.DataFrame:
    """The version of each record that was known at each moment asked, for versioned entities.

    Args:
        store: where the partitions lie.
        entity: ``articles`` or ``users``.
        asked: the entity's key and ``asked_at``.
        columns: what is wanted beside the key; texts of many moments would take much memory.
        as_of: nothing that became available at or after this moment is read.
        first: first day of arrival that is read.
        last: last day of arrival that is read.

    Returns:
        The key, ``asked_at`` and `columns`, one row a key and moment, without those that had no
        version available before the moment.
    """
    key = ENTITIES[entity].key
    versions = (
        _known(store, entity, as_of, first, last)
        .select(key, *columns, *_VERSION_ORDER)
        .sort(_VERSION_ORDER)
        .collect()
    )
    moments = asked.select(key, pl.col("asked_at").cast(pl.Datetime("us", "UTC"))).unique()
    return (
        moments.sort("asked_at", key)
        .join_asof(
            versions,
            left_on="asked_at",
            right_on="available_at",
            by=key,
            strategy="backward",
            allow_exact_matches=False,
            coalesce=False,
            check_sortedness=False,
        )
        .filter(pl.col("available_at").is_not_null())
        .select(key, "asked_at", *columns)
    )


# Ties within a batch were settled by the ETL; across batches the later arrival wins.
_VERSION_ORDER = ("available_at", "batch_id")


def _known(
    store: Store, entity: str, as_of: datetime, first: date | None, last: date | None
) -> pl.LazyFrame:
    empty = pl.DataFrame(ENTITIES[entity].clean_schema.empty_table())
    frame = scan(store, manifests(store, f"clean/{entity}", first, last), empty.schema)
    if frame is None:
        return empty.lazy()
    return frame.filter(pl.col("available_at") < as_of).select(empty.columns)
