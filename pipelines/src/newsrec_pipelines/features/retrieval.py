"""Raw feature rows for moments asked: point in time for training, at one moment for scoring."""

from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from newsrec_pipelines.features import feast_loader, snapshots
from newsrec_pipelines.features.raw import FEATURES, KEYS, STAMP, schema, view_name
from newsrec_pipelines.features.types import FeatureRows
from newsrec_pipelines.store import Store

if TYPE_CHECKING:
    from feast import FeatureStore

COUNTED = ("article", "user", "user_category")
_ONLINE_ROWS = 5_000  # entities asked for in one query


def historical(store: Store, pairs: pl.DataFrame) -> FeatureRows:
    """The last row of each entity at each moment asked, by Feast's point-in-time join.

    Args:
        store: where the counters lie.
        pairs: `user_id`, `article_id`, `category` (of the article) and `asked_at`.

    Returns:
        Frames keyed by entity and `asked_at`, one row each, without those that had no row yet.
    """
    asked = pairs.with_columns(pl.col("asked_at").cast(STAMP))
    return _join(store, {view: asked.select(*KEYS[view], "asked_at") for view in COUNTED})


def request_features(
    store: Store,
    as_of: datetime,
    user_ids: pl.Series,
    article_ids: pl.Series,
    categories: pl.Series,
) -> FeatureRows:
    """The last row of each reader, article, and reader and category, at one moment.

    The same join as `historical`, one row an entity: the number of pairs does not matter, and the
    files are the last snapshots before the moment and what came since.
    """
    moment = pl.lit(as_of).cast(STAMP).alias("asked_at")
    entities = _entities(user_ids, article_ids, categories)
    rows = _join(store, {view: frame.with_columns(moment) for view, frame in entities.items()})
    return FeatureRows(*(frame.drop("asked_at", strict=False) for frame in rows))


def online(
    features: "FeatureStore",
    user_ids: pl.Series,
    article_ids: pl.Series,
    categories: pl.Series,
) -> FeatureRows:
    """The last materialized row of each reader, article, and reader and category.

    For the refresh during the day: the same values as `request_features` gives for a moment between
    the last and the next materialization. A row stamped after the moment that pair features are
    asked for counts as unknown there.

    Args:
        features: what `feast_store.online` returns; open it once.
        user_ids: readers.
        article_ids: articles.
        categories: the categories of the articles.
    """
    rows = []
    for view, entities in _entities(user_ids, article_ids, categories).items():
        parts = [_empty(view)]
        for part in entities.iter_slices(_ONLINE_ROWS):
            response = features.get_online_features(
                _references(view), part.to_dict(as_series=False), full_feature_names=True
            )
            parts.append(_named(view, pl.DataFrame(response.to_dict())))
        rows.append(pl.concat(parts))
    return _all(dict(zip(COUNTED, rows, strict=True)))


def _all(rows: dict[str, pl.DataFrame]) -> FeatureRows:
    return FeatureRows(**{view: rows.get(view, _empty(view)) for view in KEYS})


def _entities(
    user_ids: pl.Series, article_ids: pl.Series, categories: pl.Series
) -> dict[str, pl.DataFrame]:
    users = user_ids.unique().sort().alias("user_id").to_frame()
    of_users = categories.unique().sort().alias("category").to_frame()
    return {
        "article": article_ids.unique().sort().alias("article_id").to_frame(),
        "user": users,
        "user_category": users.join(of_users, how="cross"),
    }


def _join(store: Store, asked: dict[str, pl.DataFrame]) -> FeatureRows:
    snapshots.require_counters(store)
    feast_store = feast_loader.load()
    rows = []
    with feast_store.offline(store) as features, feast_store.quiet():
        for view, frame in asked.items():
            # Many pairs ask for the same entity at the same moment.
            entities = frame.drop_nulls().unique().rename({"asked_at": "event_timestamp"})
            if entities.is_empty():
                rows.append(_empty(view).with_columns(pl.lit(None, STAMP).alias("asked_at")))
                continue
            job = features.get_historical_features(
                entities.to_pandas(), _references(view), full_feature_names=True
            )
            found = pl.DataFrame(pl.from_arrow(job.to_arrow()))
            rows.append(_named(view, found, "event_timestamp"))
    return _all(dict(zip(asked, rows, strict=True)))


def _named(view: str, found: pl.DataFrame, asked: str | None = None) -> pl.DataFrame:
    """Feast's answer under our names and types, without entities that have no row."""
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
