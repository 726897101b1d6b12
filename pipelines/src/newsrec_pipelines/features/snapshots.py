"""Which counter files hold the last rows before a moment, so that no reader walks the history."""

from datetime import date, timedelta

import polars as pl

from newsrec_pipelines import partitions
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.features.raw import KEYS
from newsrec_pipelines.partitions import Manifest
from newsrec_pipelines.store import Store


def rows_dataset(view: str) -> str:
    """Where the rows lie that each day added to a view."""
    return f"counters/{view}"


def state_dataset(view: str) -> str:
    """Where the last rows of a view's keys at the end of each day lie."""
    return f"counters/{view}_state"


def parts(store: Store, view: str, first: date, last: date) -> list[Manifest]:
    """Partitions with each key's last row before `first`, and all rows from `first` to `last`.

    The newest snapshot before `first` stands for everything before it. Days after it that have no
    snapshot (a kill, or snapshots thrown away) are read as rows, so the answer is the same.
    """
    snapshot = _newest(store, state_dataset(view), first)
    since = snapshot.day + timedelta(days=1) if snapshot else None
    rows = partitions.manifests(store, rows_dataset(view), first=since, last=last)
    return [snapshot, *rows] if snapshot else rows


def _newest(store: Store, dataset: str, before: date) -> Manifest | None:
    for day in reversed(store.days(dataset)):
        if day < before and (manifest := partitions.read_manifest(store, dataset, day)):
            return manifest
    return None


def last_rows(store: Store, view: str, day: date) -> pl.DataFrame | None:
    """The last row of each key at the end of the day before `day`; None when there is none."""
    frame = partitions.scan(store, parts(store, view, day, day - timedelta(days=1)))
    if frame is None:
        return None
    keys = KEYS[view]
    return (
        frame.sort(*keys, "event_timestamp")
        .unique(keys, keep="last", maintain_order=True)
        .collect()
    )


def require_counters(store: Store) -> None:
    """Refuse to go on without any counters: features would all be zero, and nobody would notice.

    Raises:
        DataError: when there are none.
    """
    if not any(store.days(rows_dataset(view)) for view in KEYS):
        raise DataError(f"no counters in {store.url}: run newsrec etl")
