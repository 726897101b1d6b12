"""Features of a reader and an article at a moment: the same tables for training and scoring."""

from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from newsrec_pipelines.features import tables
from newsrec_pipelines.features.raw import STAMP
from newsrec_pipelines.features.tables import CTR_SPANS, MEAN_DWELL_SPANS, UNKNOWN_AGE_HOURS
from newsrec_pipelines.features.types import FeatureRows, Pairs, Request
from newsrec_pipelines.features.windows import SPANS
from newsrec_pipelines.parameters import Params

__all__ = ["GROUPS", "PAIR_FEATURES", "UNKNOWN_AGE_HOURS", "PairFeatures", "pair_features"]

_ARTICLE: Final = {
    "age": ("age_hours",),
    "clicks": tuple(f"clicks_{span}" for span in SPANS),
    "exposures": tuple(f"exposures_{span}" for span in SPANS),
    "ctr": tuple(f"ctr_{span}" for span in CTR_SPANS),
    "dwell": (
        *("dwell_3h", "dwell_24h", "dwell_7d"),
        *(f"mean_dwell_{span}" for span in MEAN_DWELL_SPANS),
    ),
}
_READER: Final = ("user_reads", "user_dwell", "hours_since_last_read")
_EXPOSURE_HISTORY: Final = ("exposures_to_reader", "hours_since_exposure", "opened_before")
_MOMENT: Final = ("hour_of_day", "day_of_week", "region")
# Groups that are switched off together to see whether they pay; each feature is in one.
GROUPS: Final[dict[str, tuple[str, ...]]] = {
    **_ARTICLE,
    "reader": _READER,
    "category": ("category_affinity", "preferred_category"),
    "publisher": ("publisher_affinity",),
    "exposure_history": _EXPOSURE_HISTORY,
    "context": (*_MOMENT, "language_match"),
}
PAIR_FEATURES: Final = tuple(name for names in GROUPS.values() for name in names)
_OF_ARTICLE: Final = tuple(name for names in _ARTICLE.values() for name in names)
_OF_READER: Final = (*_READER, *_MOMENT)

Matrix = NDArray[np.float32]


class PairFeatures:
    """Features of any pairs of a request's readers and articles.

    All that does not depend on the pair is computed once; pairs gather it.
    """

    def __init__(self, request: Request, params: Params) -> None:
        moment = pl.lit(request.as_of).cast(STAMP).alias("asked_at")
        self._tables = _Tables(
            request.users.with_columns(moment),
            request.articles.with_columns(moment),
            request.features,
            params,
        )

    def of(self, pairs: Pairs) -> Matrix:
        """Shape (pairs, len(PAIR_FEATURES)), finite; fastest when pairs are sorted by reader."""
        return self._tables.of(pairs)


def pair_features(
    pairs: pl.DataFrame,
    rows: FeatureRows,
    articles: pl.DataFrame,
    users: pl.DataFrame,
    params: Params,
) -> pl.DataFrame:
    """The features of each pair at its moment; docs/reference/features.md defines each.

    Args:
        pairs: `user_id`, `article_id` and `asked_at`; other columns are kept.
        rows: raw rows of the views, one row a key; or one row a key and moment when a frame has a
            column `asked_at`.
        articles: `article_id`, `category`, `publisher`, `language`, `published_at`; likewise, the
            version known at the moment when it has a column `asked_at`.
        users: `user_id`, `region`, `language`, `preferred_categories`, likewise.
        params: resolution, half-life and priors.

    Returns:
        The pairs in their order, with the columns PAIR_FEATURES as Float32, neither null nor NaN.
        Rows of features stamped after `asked_at` count as unknown.
    """
    asked = pairs.select("user_id", "article_id", pl.col("asked_at").cast(STAMP))
    readers, user_row = _moments(asked, "user_id", users)
    candidates, article_row = _moments(asked, "article_id", articles)
    values = _Tables(readers, candidates, rows, params).of(Pairs(user_row, article_row))
    named = pl.DataFrame(values, schema=dict.fromkeys(PAIR_FEATURES, pl.Float32))
    return pairs.drop(PAIR_FEATURES, strict=False).hstack(named)


def _moments(
    asked: pl.DataFrame, key: str, known: pl.DataFrame
) -> tuple[pl.DataFrame, NDArray[np.int64]]:
    """One row a key and moment, with what is known of it; and the row of each pair."""
    moments = asked.select(key, "asked_at").unique(maintain_order=True).with_row_index("row")
    row = asked.join(moments, on=[key, "asked_at"], how="left", maintain_order="left")["row"]
    keys = [key, "asked_at"] if "asked_at" in known.columns else [key]
    described = moments.join(known, on=keys, how="left", maintain_order="left")
    return described, row.cast(pl.Int64).to_numpy()


class _Tables:
    def __init__(
        self, users: pl.DataFrame, articles: pl.DataFrame, rows: FeatureRows, params: Params
    ) -> None:
        readers = tables.reader_table(users, rows, params)
        self._reader = _matrix(readers, _OF_READER)
        self._article = _matrix(tables.article_table(articles, rows, params), _OF_ARTICLE)
        weight = tables.read_weight(readers["user_reads"], readers["user_dwell"], params)
        categories = _names(articles["category"])
        publishers = _names(articles["publisher"])
        self._category = tables.codes(articles["category"], categories)
        self._publisher = tables.codes(articles["publisher"], publishers)
        self._of_category = tables.affinity(
            users, rows.user_category, categories, "category", weight, params
        )
        self._of_publisher = tables.affinity(
            users, rows.user_publisher, publishers, "publisher", weight, params
        )
        self._chosen = tables.chosen(users, categories)
        self._exposure_history = tables.exposure_history(
            users, articles, rows.exposure_history, params
        )
        languages = _names(articles["language"])
        # An unknown language is no match, of two unknown ones neither.
        self._article_language = tables.codes(articles["language"], languages)
        spoken = tables.codes(users["language"], languages)
        self._reader_language = np.where(spoken == languages.len(), -1, spoken)

    def of(self, pairs: Pairs) -> Matrix:
        user, article = pairs
        values = np.empty((len(user), len(PAIR_FEATURES)), np.float32)
        values[:, _places(_OF_ARTICLE)] = self._article[article]
        values[:, _places(_READER)] = self._reader[:, : len(_READER)][user]
        values[:, _places(_MOMENT)] = self._reader[:, len(_READER) :][user]
        category, publisher = self._category[article], self._publisher[article]
        values[:, _places(("category_affinity",))] = self._of_category.at(user, category)
        values[:, _places(("preferred_category",))] = self._chosen.at(user, category)
        values[:, _places(("publisher_affinity",))] = self._of_publisher.at(user, publisher)
        values[:, _places(_EXPOSURE_HISTORY)] = self._exposure_history.at(user, article)
        match = self._reader_language[user] == self._article_language[article]
        values[:, PAIR_FEATURES.index("language_match")] = match
        return values


def _matrix(frame: pl.DataFrame, names: tuple[str, ...]) -> Matrix:
    matrix = frame.select(pl.col(name).cast(pl.Float32) for name in names).to_numpy()
    return np.ascontiguousarray(matrix)


def _names(names: pl.Series) -> pl.Series:
    return names.drop_nulls().unique().sort()


def _places(names: tuple[str, ...]) -> slice:
    """Where features that are neighbours stand in PAIR_FEATURES."""
    first = PAIR_FEATURES.index(names[0])
    return slice(first, first + len(names))
