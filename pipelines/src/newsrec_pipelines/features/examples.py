"""What models learn from and are asked: training data, examples of a day, and requests."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from newsrec_pipelines import partitions
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.features import retrieval, snapshots
from newsrec_pipelines.features.labels import EXAMPLE_SCHEMA, sampled_examples, shown_examples
from newsrec_pipelines.features.pairs import PAIR_FEATURES, pair_features
from newsrec_pipelines.features.raw import KEYS
from newsrec_pipelines.features.types import Request, TrainingData
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.partitions import Manifest
from newsrec_pipelines.schemas import ARTICLES, READS, USERS
from newsrec_pipelines.store import Store

if TYPE_CHECKING:
    from feast import FeatureStore

_READ = (*READS.schema.names, "available_at")
_REQUEST_USER = ("user_id", "region", "language", "preferred_categories")
# The datasets of which the data's hash is made; of readers, all days.
_USERS = "clean/users"
_HASHED = (
    *(f"clean/{entity}" for entity in ("articles", "impressions", "reads")),
    *(snapshots.rows_dataset(view) for view in KEYS),
)
# What models learn from a read. The ids of views and lists of 40 million would fill the memory.
_LEARNT = ("user_id", "article_id", "kind", "read_at", "dwell_seconds", "available_at")


def training_data(store: Store, as_of: datetime, params: Params) -> TrainingData:
    """All that was known before `as_of`, with labelled examples of the last `ranker_days`.

    Args:
        store: where the clean partitions and the counters lie.
        as_of: nothing that became available at or after this moment is read.
        params: windows, caps and the seed of what is sampled.

    Raises:
        DataError: when there is not one read before `as_of`.
    """
    known = available_before(store, as_of, params)
    start = as_of - timedelta(days=params.training.ranker_days)
    labelled, sampled = examples(store, as_of, params, start, as_of)
    return replace(known, examples=labelled, sampled_negatives=sampled)


def available_before(store: Store, as_of: datetime, params: Params) -> TrainingData:
    """All that was known before `as_of`, without examples.

    Raises:
        DataError: when there is not one read before `as_of`.
    """
    reads = available_reads(store, as_of, params)
    if reads.is_empty():
        raise DataError(
            f"no read is known before {as_of:%Y-%m-%d %H:%M} UTC in {store.url}: run newsrec etl"
        )
    first = (as_of - timedelta(days=params.training.window_days)).date()
    columns = dict(EXAMPLE_SCHEMA) | dict.fromkeys(PAIR_FEATURES, pl.Float32())
    return TrainingData(
        as_of=as_of,
        articles=_articles(store, as_of, first),
        users=_users(store, as_of).select(USERS.schema.names),
        reads=reads,
        examples=pl.DataFrame(schema=columns),
        sampled_negatives=False,
        data_hash=data_hash(store, first, as_of),
    )


def examples(
    store: Store, as_of: datetime, params: Params, start: datetime, end: datetime
) -> tuple[pl.DataFrame, bool]:
    """Labelled examples asked from `start` until before `end`, by what was known before `as_of`.

    For training `end` is at most `as_of`. To evaluate a day afterwards, pass an `as_of` after it
    (the end of the day, or some days later, when late reports have come in): labels are what was
    known by then, features are what was known at each moment asked. A shown article of which
    nothing was known then has the features of an unknown one; where negatives are sampled, a view
    of it is left out, since nobody could have recommended it.

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
    rng = np.random.default_rng(params.training.seed)
    sampled = impressions.is_empty()
    if sampled:
        articles = _articles(store, as_of, first)
        rows = sampled_examples(reads, articles, start, end, params, rng)
    else:
        rows = shown_examples(impressions, reads, params.ranker.max_examples, rng)
    rows = rows.cast(dict(EXAMPLE_SCHEMA.items()))
    if sampled:
        known = _available_when_asked(store, rows, params, as_of, first)[0]
        rows = rows.join(known, on=["article_id", "asked_at"], how="semi", maintain_order="left")
        rows = rows.filter(pl.col("clicked").any().over("impression_id"))
    return with_features(store, rows, params, as_of), sampled


def with_features(
    store: Store, pairs: pl.DataFrame, params: Params, as_of: datetime
) -> pl.DataFrame:
    """Pairs with the pair features of the moments they were asked at.

    Args:
        store: where the clean partitions and the counters lie.
        pairs: `user_id`, `article_id` and `asked_at`; other columns are kept.
        params: windows.
        as_of: nothing that became available at or after this moment is read; of what came before,
            each pair sees what was known when it was asked.
    """
    if pairs.is_empty():
        first = as_of.date()
    else:
        oldest = pairs.select(pl.col("asked_at").min()).item()
        first = (oldest - timedelta(days=params.training.window_days)).date()
    known, users = _available_when_asked(store, pairs, params, as_of, first)
    asked = pairs.select("user_id", "article_id", "asked_at").join(
        known.select("article_id", "asked_at", "category", "publisher"),
        on=["article_id", "asked_at"],
        how="left",
        maintain_order="left",
    )
    raw = retrieval.historical(store, asked, params.features.exposure_history_days)
    return pair_features(pairs, raw, known, users, params)


def _available_when_asked(
    store: Store, pairs: pl.DataFrame, params: Params, as_of: datetime, first: date
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Articles and readers as they were known: a later correction would tell of the future."""
    articles, users = (
        partitions.load_available_when_asked(
            store, entity, pairs, columns, as_of, since, as_of.date()
        )
        for entity, columns, since in (
            ("articles", ("category", "publisher", "language", "published_at"), first),
            ("users", ("region", "language", "preferred_categories"), None),
        )
    )
    return articles, users


def build_request(
    store: Store,
    as_of: datetime,
    params: Params,
    user_ids: list[str] | None = None,
    online: "FeatureStore | None" = None,
) -> Request:
    """Everything that a model needs to recommend at `as_of`.

    Candidates are the articles published within `slate.max_age_hours` and available before `as_of`.

    Args:
        store: where the clean partitions and the counters lie.
        as_of: the moment asked for.
        params: windows.
        user_ids: these readers only, unknown ones left out; all known readers if None.
        online: an opened feature store (`feast_store.online`) that the counters of articles are
            read from, for a refresh during the day; everything else comes from the files.

    Raises:
        DataError: when there are no counters.
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
    rows = retrieval.request_features(
        store, as_of, users["user_id"], articles, params.features.exposure_history_days
    )
    if online is not None:
        of = {"article_id": articles["article_id"]}
        rows = rows._replace(
            article=retrieval.online(online, "article", of),
            article_day=retrieval.online(online, "article_day", of),
        )
    history = available_reads(store, as_of, params)
    asked = history["user_id"].is_in(users["user_id"].implode())
    return Request(
        as_of=as_of,
        users=users,
        articles=articles,
        history=history if asked.all() else history.filter(asked),
        features=rows,
    )


def data_hash(store: Store, first: date, as_of: datetime) -> str:
    """SHA-256 of the partitions from `first` on that hold what was known before `as_of`."""
    last = as_of.date()
    parts = [m for d in _HASHED for m in partitions.manifests(store, d, first, last)]
    parts += partitions.manifests(store, _USERS, None, last)
    return hash_of(parts, first, as_of)


def hash_of(parts: Iterable[Manifest], first: date, as_of: datetime) -> str:
    """`data_hash` by manifests at hand, of which those that do not count are left out."""
    last = (as_of - timedelta(microseconds=1)).date()
    return partitions.data_hash(
        part
        for part in parts
        if part.day <= last
        and (part.dataset == _USERS or (part.dataset in _HASHED and part.day >= first))
    )


def partitions_read(store: Store, as_of: datetime, params: Params) -> list[Manifest]:
    """All partitions that `training_data` may open: with no others, it returns the same."""
    last = _last_day(as_of)
    window = timedelta(days=params.training.window_days)
    asked = as_of - timedelta(days=params.training.ranker_days)  # the first moment of an example
    alive = timedelta(hours=params.slate.max_age_hours)
    since = min(as_of - window, asked - alive).date()
    entities = {
        "articles": (asked - window).date(),
        "impressions": since,
        "reads": since,
        "users": None,  # every version of every reader
    }
    parts = [
        part
        for entity, first in entities.items()
        for part in partitions.manifests(store, f"clean/{entity}", first, last)
    ]
    for view in KEYS:
        days = params.features.exposure_history_days
        parts += snapshots.parts(store, view, asked.date(), as_of.date(), days)
        # Those of the data's hash.
        first = (as_of - window).date()
        parts += partitions.manifests(store, snapshots.rows_dataset(view), first, last)
    return list({(part.dataset, part.day): part for part in parts}.values())


def available_reads(store: Store, as_of: datetime, params: Params) -> pl.DataFrame:
    """The reads of `training.window_days`, the newest `training.max_reads`, in no certain order.

    Returns:
        ``user_id``, ``article_id``, ``kind``, ``read_at``, ``dwell_seconds``, ``available_at``.
    """
    first = as_of - timedelta(days=params.training.window_days)
    most = params.training.max_reads
    # Only what is cut off needs an order.
    reads = _reads(store, as_of, first, _LEARNT, ordered=_may_exceed(store, as_of, first, most))
    return reads.filter(pl.col("read_at") >= first).tail(most)


def _may_exceed(store: Store, as_of: datetime, first: datetime, most: int) -> bool:
    days = partitions.manifests(store, "clean/reads", first.date(), _last_day(as_of))
    return sum(file.rows for day in days for file in day.files) > most


def _reads(
    store: Store,
    as_of: datetime,
    first: datetime,
    columns: Sequence[str] = _READ,
    *,
    ordered: bool = True,
) -> pl.DataFrame:
    return partitions.load(
        store, "reads", as_of, first.date(), _last_day(as_of), columns, ordered=ordered
    )


def _last_day(as_of: datetime) -> date:
    # A fast clock may put an event just after midnight.
    return as_of.date() + timedelta(days=1)


def _articles(store: Store, as_of: datetime, first: date) -> pl.DataFrame:
    """Latest versions of the articles that arrived since `first`."""
    return partitions.load(store, "articles", as_of, first, as_of.date()).select(
        ARTICLES.schema.names
    )


def _users(store: Store, as_of: datetime) -> pl.DataFrame:
    return partitions.load(store, "users", as_of, None, as_of.date())
