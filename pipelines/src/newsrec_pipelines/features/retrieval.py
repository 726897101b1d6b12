"""Raw feature rows for moments asked: point in time for training, at one moment for scoring."""

from datetime import datetime
from typing import NamedTuple

import polars as pl

from newsrec_pipelines import partitions
from newsrec_pipelines.features import snapshots
from newsrec_pipelines.features.raw import KEYS, schema
from newsrec_pipelines.store import Store


class FeatureRows(NamedTuple):
    """Raw values of the three views, as `pairs.pair_features` takes them."""

    article: pl.DataFrame
    user: pl.DataFrame
    user_category: pl.DataFrame


def historical(store: Store, pairs: pl.DataFrame) -> FeatureRows:
    """The last row of each entity at each moment asked.

    Args:
        store: where the counters lie.
        pairs: `user_id`, `article_id`, `category` (of the article) and `asked_at`.

    Returns:
        Frames keyed by entity and `asked_at`, without those that had no row yet.
    """
    return FeatureRows(
        *(_join(store, view, pairs.select(*keys, "asked_at")) for view, keys in KEYS.items())
    )


def request_features(
    store: Store,
    as_of: datetime,
    user_ids: pl.Series,
    article_ids: pl.Series,
    categories: pl.Series,
) -> FeatureRows:
    """The last row of each reader, article, and reader and category, at one moment.

    One row an entity: the number of pairs does not matter.
    """
    moment = pl.lit(as_of).cast(pl.Datetime("us", "UTC")).alias("asked_at")
    users = user_ids.unique().sort().alias("user_id").to_frame()
    articles = article_ids.unique().sort().alias("article_id").to_frame()
    both = users.join(categories.unique().sort().alias("category").to_frame(), how="cross")
    return FeatureRows(
        *(
            _join(store, view, entities.with_columns(moment)).drop("asked_at")
            for view, entities in zip(KEYS, (articles, users, both), strict=True)
        )
    )


def _join(store: Store, view: str, asked: pl.DataFrame) -> pl.DataFrame:
    keys = KEYS[view]
    empty = pl.DataFrame(schema=dict(schema(view)) | {"asked_at": asked.schema["asked_at"]})
    asked = asked.drop_nulls().unique().sort("asked_at")
    first, last = asked["asked_at"].min(), asked["asked_at"].max()
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        return empty
    frame = partitions.scan(store, snapshots.parts(store, view, first.date(), last.date()))
    if frame is None:
        return empty
    rows = frame.collect().sort("event_timestamp")
    return asked.join_asof(
        rows,
        left_on="asked_at",
        right_on="event_timestamp",
        by=list(keys),
        strategy="backward",
        check_sortedness=False,
    ).drop_nulls("event_timestamp")
