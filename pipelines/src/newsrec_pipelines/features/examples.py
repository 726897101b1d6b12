"""What models learn from and are asked: training data, examples of a day, and requests."""

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from newsrec_pipelines import partitions
from newsrec_pipelines.config import Params
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.features import retrieval, snapshots
from newsrec_pipelines.features.labels import EXAMPLE_SCHEMA, sampled_examples, shown_examples
from newsrec_pipelines.features.pairs import pair_features
from newsrec_pipelines.features.raw import KEYS
from newsrec_pipelines.features.types import Request, TrainingData
from newsrec_pipelines.schemas import ARTICLES, READS, USERS
from newsrec_pipelines.store import Store

_REQUEST_USER = ("user_id", "region", "language", "preferred_categories")


def training_data(store: Store, as_of: datetime, params: Params) -> TrainingData:
    """All that was known before `as_of`, with labelled examples of the last `ranker_days`.

    Args:
        store: where the clean partitions and the counters lie.
        as_of: nothing that became available at or after this moment is read.
        params: windows, caps and the seed of what is sampled.

    Raises:
        DataError: when there is not one read before `as_of`.
    """
    first = as_of - timedelta(days=params.training.window_days)
    reads = _history(store, as_of, first)
    if reads.is_empty():
        raise DataError(
            f"no read is known before {as_of:%Y-%m-%d %H:%M} UTC in {store.url}: run newsrec etl"
        )
    start = as_of - timedelta(days=params.training.ranker_days)
    labelled, sampled = examples(store, as_of, params, start, as_of)
    return TrainingData(
        as_of=as_of,
        articles=_articles(store, as_of, first.date()),
        users=_users(store, as_of).select(USERS.schema.names),
        reads=reads,
        examples=labelled,
        sampled_negatives=sampled,
        data_hash=data_hash(store, first.date(), as_of),
    )


def examples(
    store: Store, as_of: datetime, params: Params, start: datetime, end: datetime
) -> tuple[pl.DataFrame, bool]:
    """Labelled examples asked from `start` until before `end`, by what was known before `as_of`.

    For training `end` is at most `as_of`. To judge a day afterwards, pass an `as_of` after it (the
    end of the day, or some days later, when late reports have come in): labels are what was known
    by then, features are what was known at each moment asked. A shown article of which nothing was
    known then has the features of an unknown one; where negatives are sampled, a view of it is left
    out, since nobody could have recommended it.

    Returns:
        The examples of `TrainingData.examples`, sorted by moment, impression and position, at most
        `ranker.max_examples`; and whether the negatives were sampled for want of impressions.
    """
    impressions = partitions.load(
        store, "impressions", as_of, start.date(), (end + timedelta(days=1)).date()
    ).filter(pl.col("shown_at").is_between(start, end, closed="left"))
    # Sampled negatives must not have been read while they were alive.
    alive = timedelta(hours=params.slate.max_age_hours)
    reads = _reads(store, as_of, start - alive)
    first = (start - timedelta(days=params.training.window_days)).date()
    articles = _articles(store, as_of, first)
    rng = np.random.default_rng(params.training.seed)
    sampled = impressions.is_empty()
    if sampled:
        rows = sampled_examples(reads, articles, start, end, params, rng)
    else:
        rows = shown_examples(impressions, reads, params.ranker.max_examples, rng)
    rows = rows.cast(dict(EXAMPLE_SCHEMA.items()))
    # As they were known when asked: a later correction or choice would tell of the future.
    known, users = (
        partitions.load_known_when_asked(store, entity, rows, columns, as_of, since, as_of.date())
        for entity, columns, since in (
            ("articles", ("category", "publisher", "language", "published_at"), first),
            ("users", ("region", "language", "preferred_categories"), None),
        )
    )
    of_article = ["article_id", "asked_at"]
    if sampled:
        rows = rows.join(known, on=of_article, how="semi", maintain_order="left")
        rows = rows.filter(pl.col("clicked").any().over("impression_id"))
    asked = rows.select("user_id", *of_article).join(
        known.select(*of_article, "category"), on=of_article, how="left", maintain_order="left"
    )
    raw = retrieval.historical(store, asked)
    return pair_features(rows, raw, known, users, params), sampled


def build_request(
    store: Store, as_of: datetime, params: Params, user_ids: list[str] | None = None
) -> Request:
    """Everything that a model needs to recommend at `as_of`.

    Candidates are the articles published within `slate.max_age_hours` and available before `as_of`.

    Args:
        store: where the clean partitions and the counters lie.
        as_of: the moment asked for.
        params: windows.
        user_ids: these readers only, unknown ones left out; all known readers if None.
    """
    users = _users(store, as_of).select(_REQUEST_USER)
    if user_ids is not None:
        users = users.filter(pl.col("user_id").is_in(user_ids))
    oldest = as_of - timedelta(hours=params.slate.max_age_hours)
    # An article may be announced before it is published.
    arrived = (oldest - timedelta(days=params.etl.late_days)).date()
    articles = _articles(store, as_of, arrived).filter(
        pl.col("published_at").is_between(oldest, as_of)
    )
    history = _history(store, as_of, as_of - timedelta(days=params.training.window_days))
    rows = retrieval.request_features(
        store, as_of, users["user_id"], articles["article_id"], articles["category"]
    )
    return Request(
        as_of=as_of,
        users=users,
        articles=articles,
        history=history.join(users.select("user_id"), on="user_id", how="semi"),
        features=rows,
    )


def data_hash(store: Store, first: date, as_of: datetime) -> str:
    """SHA-256 of the partitions from `first` on that hold what was known before `as_of`."""
    last = (as_of - timedelta(microseconds=1)).date()
    datasets = [f"clean/{e}" for e in ("articles", "impressions", "reads")]
    datasets += [snapshots.rows_dataset(view) for view in KEYS]
    parts = [m for d in datasets for m in partitions.manifests(store, d, first, last)]
    return partitions.data_hash([*parts, *partitions.manifests(store, "clean/users", None, last)])


def _history(store: Store, as_of: datetime, first: datetime) -> pl.DataFrame:
    reads = _reads(store, as_of, first)
    return reads.filter(pl.col("read_at") >= first).select(*READS.schema.names, "available_at")


def _reads(store: Store, as_of: datetime, first: datetime) -> pl.DataFrame:
    # A fast clock may put an event just after midnight.
    return partitions.load(store, "reads", as_of, first.date(), as_of.date() + timedelta(days=1))


def _articles(store: Store, as_of: datetime, first: date) -> pl.DataFrame:
    """Latest versions of the articles that arrived since `first`."""
    return partitions.load(store, "articles", as_of, first, as_of.date()).select(
        ARTICLES.schema.names
    )


def _users(store: Store, as_of: datetime) -> pl.DataFrame:
    return partitions.load(store, "users", as_of, None, as_of.date())
