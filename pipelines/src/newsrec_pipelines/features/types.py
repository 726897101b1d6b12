"""What passes between features, models and stages: training data, a request, and slates."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl


@dataclass(frozen=True)
class TrainingData:
    """All that was known before `as_of`; a model sees nothing else.

    Attributes:
        as_of: nothing that became available at or after this moment is inside.
        articles: latest versions, with the columns of `schemas.ARTICLES`.
        users: latest versions, with the columns of `schemas.USERS`.
        reads: with the columns of `schemas.READS`, and ``available_at``.
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
        history: the readers' reads available before `as_of`, columns of `schemas.READS`.
        article_features: raw values of the article view, one row an article (may lack some).
        user_features: raw values of the user view, one row a reader (may lack some).
        user_category_features: raw values by reader and category (may lack some).
    """

    as_of: datetime
    users: pl.DataFrame
    articles: pl.DataFrame
    history: pl.DataFrame
    article_features: pl.DataFrame
    user_features: pl.DataFrame
    user_category_features: pl.DataFrame


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
