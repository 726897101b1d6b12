"""Raw feature rows for moments asked: point in time for training, at one moment for scoring."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from newsrec_pipelines.features import feast_loader, snapshots
from newsrec_pipelines.features.raw import FEATURES, KEYS, STAMP, schema, view_name
from newsrec_pipelines.features.types import FeatureRows
from newsrec_pipelines.store import Store

if TYPE_CHECKING:
    from feast import FeatureStore

_ONLINE_ROWS = 5_000  # entities asked for in one query


def historical(store: Store, pairs: pl.DataFrame, exposure_history_days: int) -> FeatureRows:
    """The last row of each key at each moment asked, by Feast's point-in-time join.

    Args:
        store: where the counters lie.
        pairs: `user_id`, `article_id`, `category` and `publisher` (of the article), `asked_at`.
        exposure_history_days: how far back `exposure_history` is read.

    Returns:
        Frames by key and `asked_at`, one row each, without those that had no row yet.
    """
    snapshots.require_counters(store)
    asked = pairs.with_columns(pl.col("asked_at").cast(STAMP))
    feast_store = feast_loader.load()
    with feast_store.offline(store, exposure_history_days) as features, feast_store.quiet():
        rows = {
            view: _join(features, view, asked.select(*keys, "asked_at"))
            for view, keys in KEYS.items()
        }
    return FeatureRows(**rows)


def request_features(
    store: Store,
    as_of: datetime,
    user_ids: pl.Series,
    articles: pl.DataFrame,
    exposure_history_days: int,
) -> FeatureRows:
    """The last row of each key at one moment: what `historical` gives for it, without a join.

    Only keys that have a row are looked at, so the number of pairs does not matter, and the files
    are the last snapshots before the moment and what came since.

    Args:
        store: where the counters lie.
        as_of: the moment.
        user_ids: readers.
        articles: `article_id`, `category` and `publisher`.
        exposure_history_days: how far back `exposure_history` is read.

    Returns:
        Frames by key, one row each; keys of views by two of them are Enums.
    """
    snapshots.require_counters(store)
    names = {"user_id": user_ids} | {
        column: articles[column] for column in ("article_id", "category", "publisher")
    }
    rows = {}
    for view, keys in KEYS.items():
        of = {key: names[key] for key in keys}
        found = snapshots.last_rows(store, view, as_of, of, exposure_history_days)
        if found is None:
            rows[view] = _empty(view)
        else:
            # Views by two keys have rows by the ten million.
            found = found.drop("event_timestamp")
            rows[view] = found.cast({keys[0]: pl.String}) if len(keys) == 1 else found
    return FeatureRows(**rows)


def online(features: "FeatureStore", view: str, keys: Mapping[str, pl.Series]) -> pl.DataFrame:
    """The last materialized row of each key of a view, without keys that have none.

    For the refresh during the day: the same values as `request_features` gives for a moment between
    the last and the next materialization. A row stamped after the moment that pair features are
    asked for counts as unknown there.

    Args:
        features: what `feast_store.online` returns; open it once.
        view: one of `raw.ONLINE`.
        keys: key column -> values, side by side.
    """
    entities = pl.DataFrame(keys).unique().sort(KEYS[view])
    parts = [_empty(view)]
    for part in entities.iter_slices(_ONLINE_ROWS):
        response = features.get_online_features(
            _references(view), part.to_dict(as_series=False), full_feature_names=True
        )
        parts.append(_named(view, pl.DataFrame(response.to_dict())))
    return pl.concat(parts)


def _join(features: "FeatureStore", view: str, asked: pl.DataFrame) -> pl.DataFrame:
    # Many pairs ask for the same key at the same moment.
    entities = asked.drop_nulls().unique().rename({"asked_at": "event_timestamp"})
    if entities.is_empty():
        return _empty(view).with_columns(pl.lit(None, STAMP).alias("asked_at"))
    job = features.get_historical_features(
        entities.to_pandas(), _references(view), full_feature_names=True
    )
    found = pl.DataFrame(pl.from_arrow(job.to_arrow()))
    return _named(view, found, "event_timestamp")


def _named(view: str, found: pl.DataFrame, asked: str | None = None) -> pl.DataFrame:
    """Feast's answer under our names and types, without keys that have no row."""
    keys = [*KEYS[view], "asked_at"] if asked else [*KEYS[view]]
    prefix = f"{view_name(view)}__"
    names = {f"{prefix}{name}": name for name in FEATURES[view]} | (
        {asked: "asked_at"} if asked else {}
    )
    types = dict(schema(view, stamped=False)) | {"asked_at": STAMP}
    return (
        found.rename(names, strict=False)
        .select(*keys, *FEATURES[view])
        .cast({name: types[name] for name in (*keys, *FEATURES[view])})
        .filter(pl.col("stamped_at").is_not_null())
        .sort(keys)
    )


def _references(view: str) -> list[str]:
    return [f"{view_name(view)}:{feature}" for feature in FEATURES[view]]


def _empty(view: str) -> pl.DataFrame:
    return pl.DataFrame(schema=schema(view, stamped=False))
