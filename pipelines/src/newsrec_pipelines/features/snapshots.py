"""Which counter files hold the last rows before a moment, so that no reader walks the history."""

import hashlib
import io
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final

import polars as pl

from newsrec_pipelines import partitions
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.features.raw import KEYS
from newsrec_pipelines.partitions import Manifest, PartitionFile
from newsrec_pipelines.store import Store

# Views without snapshots: the rows of their last days are all that counts.
FORGETFUL: Final = ("exposure_history",)


def rows_dataset(view: str) -> str:
    """Where the rows lie that each day added to a view."""
    return f"counters/{view}"


def state_dataset(view: str) -> str:
    """Where the last rows of a view's keys at the end of each day lie."""
    return f"counters/{view}_state"


def parts(
    store: Store, view: str, first: date, last: date, days: int | None = None
) -> list[Manifest]:
    """Partitions with each key's last row before `first`, and all rows from `first` to `last`.

    The newest snapshot before `first` stands for everything before it. Days after it that have no
    snapshot (a kill, or snapshots thrown away) are read as rows, so the answer is the same.

    Args:
        store: where the counters lie.
        view: which.
        first: the first day of which all rows are wanted.
        last: the last day.
        days: read rows of so many days before `first` instead of a snapshot, for
            `exposure_history`: what is older is forgotten.
    """
    snapshot = None if view in FORGETFUL else _newest(store, state_dataset(view), first)
    since = snapshot.day + timedelta(days=1) if snapshot else None
    if view in FORGETFUL and days is not None:
        since = first - timedelta(days=days)
    rows = partitions.manifests(store, rows_dataset(view), first=since, last=last)
    return [snapshot, *rows] if snapshot else rows


def _newest(store: Store, dataset: str, before: date) -> Manifest | None:
    for day in reversed(store.days(dataset)):
        if day < before and (manifest := partitions.read_manifest(store, dataset, day)):
            return manifest
    return None


def last_rows(
    store: Store,
    view: str,
    before: datetime,
    of: Mapping[str, pl.Series] | pl.DataFrame | None = None,
    days: int | None = None,
) -> pl.DataFrame | None:
    """The last row of each key that was stamped at or before a moment.

    Args:
        store: where the counters lie.
        view: which.
        before: the moment.
        of: these keys only: a frame of whole keys, or key column -> values. The latter come back
            as Enum, since rows by the ten million fill the memory with their ids otherwise.
        days: see `parts`.

    Returns:
        The columns of `raw.schema`, sorted by key; None when there are no counters at all.
    """
    first, last = (m.astimezone(UTC).date() for m in (before, before - timedelta(microseconds=1)))
    found = parts(store, view, first, last, days)
    frame = partitions.scan(store, found)
    if frame is None:
        return None
    frame = frame.filter(pl.col("event_timestamp") <= before)
    if isinstance(of, pl.DataFrame):
        frame = frame.join(of.lazy(), on=of.columns, how="semi", maintain_order="left")
    elif of is not None:
        types = pl.Schema(
            {column: pl.Enum(values.drop_nulls().unique().sort()) for column, values in of.items()}
        )
        frame = frame.cast(types, strict=False).drop_nulls(types.names())
    # A snapshot alone has each key once, and in order.
    if [part.dataset for part in found] != [state_dataset(view)]:
        key = KEYS[view]
        frame = frame.sort(*key, "event_timestamp").unique(key, keep="last", maintain_order=True)
    return frame.collect()


def require_counters(store: Store) -> None:
    """Refuse to go on without any counters: features would all be zero, and nobody would notice.

    Raises:
        DataError: when there are none.
    """
    if not any(store.days(rows_dataset(view)) for view in KEYS):
        raise DataError(f"no counters in {store.url}: run newsrec etl")


def write(
    store: Store, dataset: str, day: date, frames: Iterable[pl.DataFrame], batch_id: str
) -> int:
    """Write one day of a dataset, a file a frame, in place of what was there; the rows written."""
    files = tuple(_write_file(store, f"{dataset}/day={day}", frame, batch_id) for frame in frames)
    partitions.write_manifest(store, Manifest(dataset, day, batch_id, files))
    return sum(file.rows for file in files)


def _write_file(store: Store, folder: str, frame: pl.DataFrame, batch_id: str) -> PartitionFile:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    data = buffer.getvalue()
    digest = hashlib.sha256(data).hexdigest()
    # Named by its content: a batch that runs again never changes a file that a manifest names.
    key = f"{folder}/{batch_id}-{digest[:8]}.parquet"
    store.write_bytes(key, data)
    return PartitionFile(key, frame.height, digest)
