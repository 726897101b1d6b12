"""Mergeable counters: what became known on one day, added to the state at the end of the last."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta

import polars as pl

from newsrec_pipelines import partitions
from newsrec_pipelines.features import snapshots
from newsrec_pipelines.features.article_counters import (
    article_activity,
    article_counters,
    article_day_counters,
)
from newsrec_pipelines.features.exposure_history import exposure_events, exposure_history
from newsrec_pipelines.features.raw import KEYS, schema
from newsrec_pipelines.features.user_counters import user_counters, user_counters_by
from newsrec_pipelines.features.views import day_start, views
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.schemas import ENTITIES
from newsrec_pipelines.store import Store


def update_counters(store: Store, day: date, params: Params, batch_id: str) -> dict[str, int]:
    """Write the counters of everything that became available on `day`.

    Reads the clean partitions that may hold such rows and the state at the end of the day before;
    running it again gives the same rows. Counters of later days are not touched: whoever counts an
    earlier day afterwards counts the days after it again, as the ETL does.

    Returns:
        Rows written by view.
    """
    known = views(_clean(store, "reads", day, params))
    shown = _clean(store, "impressions", day, params).filter(
        pl.col("available_at") >= day_start(day)
    )
    written = {
        view: _write_view(store, view, day, params, batch_id, count)
        for view, count in _counts(store, known, shown, day, params).items()
    }
    return written | {
        "exposure_history": _write_exposure_history(store, known, shown, day, params, batch_id)
    }


# Makes the rows of a day from the state before it, in parts that fit into memory.
_Count = Callable[[pl.DataFrame | None], Iterable[pl.DataFrame]]


def _counts(
    store: Store, known: pl.DataFrame, shown: pl.DataFrame, day: date, params: Params
) -> dict[str, _Count]:
    activity = article_activity(known, shown, day, params.features)
    names = article_names(store, day, params)

    def by(column: str) -> _Count:
        return lambda state: [user_counters_by(column, known, names, state, day, params)]

    return {
        "article": lambda state: article_counters(activity, state, day, params),
        "article_day": lambda state: [article_day_counters(activity, state, day, params)],
        "user": lambda state: [user_counters(known, state, day, params)],
        "user_category": by("category"),
        "user_publisher": by("publisher"),
    }


def _write_view(
    store: Store, view: str, day: date, params: Params, batch_id: str, count: _Count
) -> int:
    state = snapshots.last_rows(store, view, day_start(day))
    last = []

    def parts() -> Iterator[pl.DataFrame]:
        for part in count(state):
            rows = part.select(schema(view).names()).cast(schema(view))
            last.append(merge(None, rows, KEYS[view]))
            yield rows

    written = snapshots.write(store, snapshots.rows_dataset(view), day, parts(), batch_id)
    ended = merge(state, pl.concat(last), KEYS[view])
    if remembered := _remembered_days(view, params):
        silent = day_start(day) - timedelta(days=remembered - 1)
        ended = ended.filter(pl.col("event_timestamp") > silent)
    snapshots.write(store, snapshots.state_dataset(view), day, [ended], batch_id)
    return written


def _write_exposure_history(
    store: Store,
    known: pl.DataFrame,
    shown: pl.DataFrame,
    day: date,
    params: Params,
    batch_id: str,
) -> int:
    events = exposure_events(known, shown, day)
    seen = events.select(KEYS["exposure_history"]).unique()
    # Of the others no row is needed, and they are many: the last days' rows are the state.
    state = snapshots.last_rows(
        store, "exposure_history", day_start(day), seen, params.features.exposure_history_days
    )
    rows = (
        exposure_history(events, state)
        .select(schema("exposure_history").names())
        .cast(schema("exposure_history"))
    )
    return snapshots.write(store, snapshots.rows_dataset("exposure_history"), day, [rows], batch_id)


def _remembered_days(view: str, params: Params) -> int | None:
    """How many silent days a key stays in the state; None is for ever."""
    features = params.features
    return {"article": features.article_state_days, "article_day": features.days}.get(view)


def merge(state: pl.DataFrame | None, rows: pl.DataFrame, keys: tuple[str, ...]) -> pl.DataFrame:
    """The last row of each key, of a state and the rows that came after it."""
    both = rows if state is None else pl.concat([state.select(rows.columns), rows])
    return both.sort(*keys, "event_timestamp").unique(keys, keep="last", maintain_order=True)


def article_names(store: Store, day: date, params: Params) -> pl.DataFrame:
    """`article_id`, `category` and `publisher` as known at the end of `day`.

    Only of articles that arrived within `training.window_days`: a day must not cost the history.
    """
    names = ("article_id", "category", "publisher")
    first = day - timedelta(days=params.training.window_days)
    frame = partitions.scan(store, partitions.manifests(store, "clean/articles", first, day))
    if frame is None:
        return pl.DataFrame(schema=dict.fromkeys(names, pl.String))
    return (
        frame.filter(pl.col("available_at") < day_start(day) + timedelta(days=1))
        .select(*names, "available_at", "batch_id")
        .sort("article_id", "available_at", "batch_id")
        .unique("article_id", keep="last", maintain_order=True)
        .select(names)
        .collect()
    )


def _clean(store: Store, entity: str, day: date, params: Params) -> pl.DataFrame:
    """Rows known by the end of `day`, from the event days that may hold rows of this day.

    Events arrive up to `late_days` late, a read may end on the day after its own, and a fast clock
    may put an event just after midnight.
    """
    first = day - timedelta(days=params.etl.late_days + 1)
    end = day_start(day) + timedelta(days=1)
    rows = partitions.load(store, entity, end, first, day + timedelta(days=1))
    return rows.select(*ENTITIES[entity].schema.names, "available_at")
