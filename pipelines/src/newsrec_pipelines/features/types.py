"""What passes between features, models and stages: training data, a request, and slates."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray


class Pairs(NamedTuple):
    """Rows of readers and of articles of a request, side by side; int64, shape (pairs,)."""

    user_row: NDArray[np.int64]
    article_row: NDArray[np.int64]


class FeatureRows(NamedTuple):
    """Raw rows of the feature views, as stamped; `pairs` makes values for a moment of them.

    A frame has the columns of its view in `raw`, one row a key; or one row a key and moment asked
    for, when it has a column ``asked_at``. Keys without any row are missing. Ids may be Enums.

    Attributes:
        article: by ``article_id``: minutes and hours.
        article_day: by ``article_id``: whole days.
        user: by ``user_id``.
        user_category: by ``user_id`` and ``category``.
        user_publisher: by ``user_id`` and ``publisher``.
        exposure_history: by ``user_id`` and ``article_id``: how often the reader was shown it.
    """

    article: pl.DataFrame
    article_day: pl.DataFrame
    user: pl.DataFrame
    user_category: pl.DataFrame
    user_publisher: pl.DataFrame
    exposure_history: pl.DataFrame


@dataclass(frozen=True)
class TrainingData:
    """All that was known before `as_of`; a model sees nothing else.

    Attributes:
        as_of: nothing that became available at or after this moment is inside.
        articles: latest versions, with the columns of `schemas.ARTICLES`.
        users: latest versions, with the columns of `schemas.USERS`.
        reads: one row an event, in no certain order: ``user_id``, ``article_id``, ``kind``,
            ``read_at``, ``dwell_seconds``, ``available_at``.
        examples: one row per article shown (or sampled): ``impression_id``, ``user_id``,
            ``article_id``, ``asked_at``, ``position`` (1 is the top; null when the order is
            unknown), ``clicked``, ``dwell_seconds`` (null is unknown), and the pair features.
        sampled_negatives: True when the data has no impressions and unread articles were drawn.
        data_hash: SHA-256 of the partitions all of this was read from.
    """

    as_of: datetime
    articles: pl.DataFrame
    users: pl.DataFrame
    reads: pl.DataFrame
    examples: pl.DataFrame
    sampled_negatives: bool
    data_hash: str


@dataclass(frozen=True)
class Request:
    """Recommend to these readers at one moment among these articles.

    Attributes:
        as_of: the moment asked for.
        users: one row a reader: ``user_id``, ``region``, ``language``, ``preferred_categories``.
        articles: candidates, one row an article, with the columns of `schemas.ARTICLES`.
        history: the readers' reads available before `as_of`: ``user_id``, ``article_id``, ``kind``,
            ``read_at``, ``dwell_seconds``, ``available_at``.
        features: raw rows of the views, one row a key.
    """

    as_of: datetime
    users: pl.DataFrame
    articles: pl.DataFrame
    history: pl.DataFrame
    features: FeatureRows


# One row a reader: the slate as it is published. `reasons` are structs {code, text}, and the lists
# of one row have the same length.
SLATE_SCHEMA = pl.Schema(
    {
        "user_id": pl.String(),
        "article_ids": pl.List(pl.String),
        "scores": pl.List(pl.Float32),
        "propensities": pl.List(pl.Float32),
        "reasons": pl.List(pl.Struct({"code": pl.String, "text": pl.String})),
    }
)
