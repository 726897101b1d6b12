"""The days that drift looks at: what a sample of readers saw and opened, what was published."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import numpy as np
import polars as pl

from newsrec_pipelines import partitions
from newsrec_pipelines.features.views import OPENING, day_start
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.schemas import ENTITIES
from newsrec_pipelines.store import Store

_FACTS: Final = ("publisher", "category", "language")
_LENGTH: Final = pl.sum_horizontal(
    pl.col(c).str.len_chars().fill_null(0) for c in ("title", "abstract", "body")
)


@dataclass(frozen=True)
class Observed:
    """Some days, as they were known at the end of the last one.

    Attributes:
        opened: one row a view: ``day``, ``user_id``, ``hour`` (UTC), ``dwell_seconds`` (null is
            unknown), and publisher, category and language of the article.
        places: one row a place of a list that was shown: ``day``, ``user_id``, ``impression_id``,
            ``position`` from 0 (null: the order is unknown), ``category``, ``opened``.
        articles: one row an article: ``day`` of its arrival, publisher, category, language,
            ``length`` in characters.
    """

    opened: pl.DataFrame
    places: pl.DataFrame
    articles: pl.DataFrame


def observe(store: Store, day: date, params: Params) -> Observed:
    """Read the days up to `day` that the drift of `params` looks at."""
    drift = params.monitoring.drift
    first = day - timedelta(days=drift.reference_days + drift.taste_days)
    days = [first + timedelta(days=n) for n in range((day - first).days + 1)]
    readers = _sample(store, day, params)
    articles = _articles(store, first - _alive(params), day)
    known = articles.select("article_id", *_FACTS).unique("article_id", keep="last")
    parts = [_day(store, d, day, readers, known) for d in days]
    return Observed(
        pl.concat([opened for opened, _ in parts]),
        pl.concat([places for _, places in parts]),
        articles.unique("article_id", keep="first", maintain_order=True)
        .filter(pl.col("day") >= day - timedelta(days=drift.reference_days))
        .drop("article_id"),
    )


def sampled(frame: pl.DataFrame, most: int, seed: int) -> pl.DataFrame:
    """At most so many rows, drawn by the seed, in their order."""
    if frame.height <= most:
        return frame
    rows = np.random.default_rng(seed).choice(frame.height, most, replace=False)
    return frame[np.sort(rows)]


def _sample(store: Store, day: date, params: Params) -> pl.LazyFrame:
    users = partitions.load(store, "users", _end(day), last=day, columns=["user_id"])
    return sampled(users, params.monitoring.drift.sample, params.training.seed).lazy()


def _day(
    store: Store, day: date, last: date, readers: pl.LazyFrame, articles: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Views and places of one day."""
    reports = _scan(store, "reads", day, last).join(readers, on="user_id", how="semi")
    views = (
        reports.filter(pl.col("kind").is_in(OPENING))
        .with_columns(view=pl.coalesce("view_id", pl.concat_str(pl.lit("event:"), "event_id")))
        .group_by("user_id", "article_id", "view")
        .agg(
            pl.col("impression_id").drop_nulls().min(),
            pl.col("read_at").min(),
            pl.col("dwell_seconds").drop_nulls().max(),
        )
        .collect()
    )
    lists = (
        _scan(store, "impressions", day, last)
        .join(readers, on="user_id", how="semi")
        .select("impression_id", "user_id", "order_known", article_id="article_ids")
        .collect()
        .with_columns(position=pl.int_ranges(pl.col("article_id").list.len()))
        .explode("article_id", "position")
        .with_columns(position=pl.when("order_known").then("position"))
    )
    clicked = views.select("impression_id", "article_id").unique().with_columns(opened=pl.lit(True))
    places = lists.join(articles.select("article_id", "category"), on="article_id").join(
        clicked, on=["impression_id", "article_id"], how="left"
    )
    return (
        views.join(articles, on="article_id")
        .select(
            pl.lit(day).alias("day"),
            "user_id",
            pl.col("read_at").dt.hour().alias("hour"),
            "dwell_seconds",
            *_FACTS,
        )
        .sort("user_id", "hour", *_FACTS, "dwell_seconds"),
        places.select(
            pl.lit(day).alias("day"),
            "user_id",
            "impression_id",
            "position",
            "category",
            pl.col("opened").fill_null(False),
        ).sort("user_id", "impression_id", "position"),
    )


def _articles(store: Store, first: date, last: date) -> pl.DataFrame:
    """One row a version: ``article_id``, ``day`` of its arrival, facts, ``length``; in order."""
    found = [
        _scan(store, "articles", manifest.day, last)
        .select("article_id", pl.lit(manifest.day).alias("day"), *_FACTS, length=_LENGTH)
        .collect()
        for manifest in partitions.manifests(store, "clean/articles", first, last)
    ]
    empty = pl.DataFrame(
        schema={
            "article_id": pl.String,
            "day": pl.Date,
            **dict.fromkeys(_FACTS, pl.String),
            "length": pl.UInt32,
        }
    )
    return pl.concat([empty, *found], how="vertical_relaxed").sort("day", "article_id")


def _scan(store: Store, entity: str, day: date, last: date) -> pl.LazyFrame:
    """Rows of one day's partition that were available by the end of `last`."""
    schema = pl.DataFrame(ENTITIES[entity].clean_schema.empty_table()).schema
    parts = partitions.manifests(store, f"clean/{entity}", day, day)
    frame = partitions.scan(store, parts, schema)
    if frame is None:
        return pl.LazyFrame(schema=schema)
    return frame.filter(pl.col("available_at") < _end(last))


def _end(day: date) -> datetime:
    return day_start(day + timedelta(days=1))


def _alive(params: Params) -> timedelta:
    return timedelta(days=-(-int(params.slate.max_age_hours) // 24))
