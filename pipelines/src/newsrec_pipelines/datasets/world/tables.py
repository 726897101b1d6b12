"""Visits and views as Arrow tables with the landing zone's fields."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from newsrec_pipelines.datasets.world.behaviour import Views
from newsrec_pipelines.datasets.world.readers import Readers
from newsrec_pipelines.datasets.world.taxonomy import DAY_US, day_start_us
from newsrec_pipelines.datasets.world.visits import Visits
from newsrec_pipelines.schemas import IMPRESSIONS, READS, TIMESTAMP

_PLACE_DIGITS = 2  # of the place, behind the number of the visit


def impressions_table(
    readers: Readers, article_ids: pa.Array, visits: Visits, slates: NDArray[np.int32]
) -> pa.Table:
    """One impression a visit; `slates` are positions in `article_ids`, -1 for an empty place."""
    shown = slates >= 0
    offsets = np.concatenate([[0], np.cumsum(shown.sum(1))]).astype(np.int32)
    n = len(visits)
    surface = pa.DictionaryArray.from_arrays(
        pa.array(readers.app[visits.reader].astype(np.int8)), pa.array(["site", "app"])
    )
    columns = {
        "impression_id": _ids(f"{_prefix(visits)}i", visits.number, 9),
        "user_id": reader_ids(visits.reader),
        "shown_at": pa.array(visits.shown_us, TIMESTAMP),
        "surface": surface.cast(pa.string()),
        "article_ids": pa.ListArray.from_arrays(offsets, article_ids.take(pa.array(slates[shown]))),
        "order_known": pa.repeat(pa.scalar(True), n),
        "slate_id": pa.nulls(n, pa.string()),
        "propensities": pa.nulls(n, pa.list_(pa.float32())),
    }
    return pa.table([columns[name] for name in IMPRESSIONS.schema.names], IMPRESSIONS.schema)


def reads_table(readers: Readers, article_ids: pa.Array, visits: Visits, views: Views) -> pa.Table:
    """A click for each view, a read for each end that was reported, and what readers said of it."""
    view = _view_numbers(visits, views)
    rows, kinds = _events(views)
    at = views.opened_us[rows]
    # Opinions come at the end of a view, or shortly after its start when that is not known.
    stayed = (np.nan_to_num(views.dwell[rows], nan=5.0) * 1000).astype(np.int64) * 1000
    last_moment = day_start_us(visits.day) + DAY_US - 1000
    at = np.where(kinds >= 2, np.minimum(at + stayed, last_moment), at)
    dwell = np.where(kinds == 1, views.dwell[rows], np.nan)
    visit = views.visit[rows]
    known = ~np.isnan(dwell)
    scroll = np.clip(dwell / 120, 0.05, 1).round(2).astype(np.float32)
    names = ("click", "read", "like", "hide")
    columns = {
        "event_id": _event_ids(visits, view[rows], kinds),
        "user_id": reader_ids(visits.reader[visit]),
        "article_id": article_ids.take(pa.array(views.article[rows])),
        "read_at": pa.array(at, TIMESTAMP),
        "kind": pa.DictionaryArray.from_arrays(pa.array(kinds), pa.array(names)).cast(pa.string()),
        "dwell_seconds": pa.array(dwell.astype(np.float32), mask=~known),
        "scroll": pa.array(scroll, mask=~known),
        "view_id": _ids(f"{_prefix(visits)}v", view[rows], 9 + _PLACE_DIGITS),
        "impression_id": _ids(f"{_prefix(visits)}i", visits.number[visit], 9),
    }
    return pa.table([columns[name] for name in READS.schema.names], READS.schema)


def to_records(table: pa.Table) -> list[dict[str, Any]]:
    """The rows as JSON records: without unknown fields, and no float32 noise in seconds."""
    return [
        {k: round(v, 2) if isinstance(v, float) else v for k, v in row.items() if v is not None}
        for row in table.to_pylist()
    ]


def view_ids(visits: Visits, views: Views) -> pa.Array:
    """The public ids of the views, for the hidden truth."""
    return _ids(f"{_prefix(visits)}v", _view_numbers(visits, views), 9 + _PLACE_DIGITS)


def _events(views: Views) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """Row of the view and kind (0 click, 1 read, 2 like, 3 hide) of each event, view by view."""
    happened = np.stack(
        [np.ones(len(views), bool), views.ended, views.liked & views.ended, views.hidden], axis=1
    )
    rows, kinds = np.nonzero(happened)
    return rows, kinds.astype(np.int8)


def _prefix(visits: Visits) -> str:
    return f"world-{visits.day:%Y%m%d}{visits.name}-"


def _view_numbers(visits: Visits, views: Views) -> NDArray[np.int64]:
    return np.asarray(visits.number[views.visit] * 10**_PLACE_DIGITS + views.place)


def _event_ids(visits: Visits, view: NDArray[np.int64], kinds: NDArray[np.int8]) -> pa.Array:
    return _ids(f"{_prefix(visits)}e", view * 10 + kinds, 10 + _PLACE_DIGITS)


def reader_ids(readers: NDArray[np.int64]) -> pa.Array:
    """The public ids of readers, by their numbers; as `Readers.id`."""
    return _ids("reader-", readers, 6)


def _ids(prefix: str, numbers: NDArray[np.int64], digits: int) -> pa.Array:
    """Strings ``<prefix><number with leading zeros>``, written straight into Arrow's buffers."""
    n, head = len(numbers), prefix.encode()
    width = len(head) + digits
    text = np.empty((n, width), np.uint8)
    text[:, : len(head)] = np.frombuffer(head, np.uint8)
    rest = np.asarray(numbers, np.int64)
    for column in range(width - 1, len(head) - 1, -1):
        rest, digit = np.divmod(rest, 10)
        text[:, column] = digit + ord("0")
    offsets = np.arange(n + 1, dtype=np.int32) * width
    return pa.StringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(text))
