"""Materialization: the last counters before a moment, from Parquet into the online store."""

import contextlib
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import polars as pl

from newsrec_pipelines import partitions
from newsrec_pipelines.features import feast_loader, snapshots
from newsrec_pipelines.features.raw import KEYS, ONLINE, view_name
from newsrec_pipelines.progress import track
from newsrec_pipelines.settings import Settings
from newsrec_pipelines.store import Store

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def materialize(settings: Settings, as_of: datetime) -> dict[str, int]:
    """Bring the online store to `as_of`: only rows stamped since the last time.

    When it had already been brought further, every row known at `as_of` is written again, and rows
    of the time after it stay, which pair features ignore.

    Returns:
        Entities written by view.

    Raises:
        DataError: when there are no counters.
        DatabaseError: when PostgreSQL cannot be reached or refuses.
    """
    store = Store(settings.store_url)
    snapshots.require_counters(store)
    feast_store = feast_loader.load()
    written = {}
    with feast_store.online(settings) as features:
        for view in track(ONLINE, "materialize"):
            name = view_name(view)
            until = features.get_feature_view(name).most_recent_end_time
            # Both ends count, and rows are stamped with whole seconds.
            start = until + timedelta(seconds=1) if until and until < as_of else _EPOCH
            written[view] = _changed(store, view, start, as_of)
            # Feast prints to standard output and draws bars of its own.
            with feast_store.quiet(), _silent():
                features.materialize(start, as_of, feature_views=[name])
    return written


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def _changed(store: Store, view: str, start: datetime, end: datetime) -> int:
    frame = partitions.scan(store, snapshots.parts(store, view, end.date(), end.date()))
    if frame is None:
        return 0
    stamped = frame.filter(pl.col("event_timestamp").is_between(start, end))
    return stamped.select(KEYS[view]).unique().collect().height
