"""Popularity scorer: what is read now, with exponential decay, by region."""

from collections.abc import Callable
from typing import Any, Final, Self

import numpy as np
import polars as pl

from newsrec_pipelines.features.types import Pairs, Request, TrainingData
from newsrec_pipelines.features.windows import article_windows, ring_columns
from newsrec_pipelines.models.eligibility import Eligibility
from newsrec_pipelines.models.index import Index
from newsrec_pipelines.models.protocols import Rows, State, Vectors
from newsrec_pipelines.models.request_rows import RequestRows
from newsrec_pipelines.models.topk import first_unread
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.schemas import UNKNOWN

# Windows of clicks, and the middle of the hours that each adds to the one before it.
_WINDOWS: Final = (("clicks_1h", 0.5), ("clicks_3h", 2.0), ("clicks_24h", 13.5))
# A region's share of a category starts from everybody's share, as if so many reads had been seen.
_PRIOR_READS: Final = 100.0
_LARGEST_LIFT: Final = 4.0


def popularity(params: Params) -> pl.Expr:
    """Decayed reads of an article at the moment asked, from its counters at that moment.

    ``sum_w (clicks_w - clicks_(w-1)) 2^(-age_w / half_life) * v`` over the windows up to 1, 3 and
    24 hours, each as old as its middle. ``v`` is what a click on it is worth, of a whole read:
    ``c + (1 - c) min(mean_dwell_24h / full_dwell, 1)`` with ``c`` the weight of a click; so
    headlines that promise too much weigh little. The counters count themselves down to zero, so
    the value is never stale, and it is the same in training, evaluation and scoring.
    """
    inner, decayed = pl.lit(0.0), pl.lit(0.0)
    for window, age_hours in _WINDOWS:
        decay = 0.5 ** (age_hours / params.popularity.half_life_hours)
        # Rings of two resolutions: a longer window may end a few minutes before a shorter one.
        decayed += (pl.col(window) - inner).clip(0.0) * decay
        inner = pl.col(window)
    click = params.training.click_weight
    dwell = (pl.col("mean_dwell_24h") / params.training.full_dwell_seconds).clip(0.0, 1.0)
    return decayed * (click + (1 - click) * dwell)


class Popularity:
    """``log(1 + popularity * lift)``, where `lift` says how a region likes a category.

    ``lift = P(category | region) / P(category)`` among the reads of the training data, with the
    region's share shrunk towards everybody's, and between 1/4 and 4.
    """

    name = "popularity"

    def __init__(
        self, regions: list[str], categories: list[str], lift: Vectors, params: Params
    ) -> None:
        self.regions = Index(regions)
        self.categories = Index(categories)
        self.lift = lift
        self._params = params

    @classmethod
    def fit(cls, data: TrainingData, params: Params, previous: Self | None = None) -> Self:
        """Count which region reads which category."""
        counts, regions, categories = _pairs_read(data)
        share = counts.sum(axis=0) / max(counts.sum(), 1)
        of_region = (counts + _PRIOR_READS * share) / (
            counts.sum(axis=1, keepdims=True) + _PRIOR_READS
        )
        lift = np.clip(of_region / share, 1 / _LARGEST_LIFT, _LARGEST_LIFT).astype(np.float32)
        return cls(regions, categories, lift, params)

    @classmethod
    def from_state(cls, state: State, params: Params) -> Self:
        """The scorer that was saved."""
        return cls(state["regions"], state["categories"], state["lift"], params)

    def state(self) -> dict[str, Any]:
        """Regions, categories and lifts. What is popular is no state: the request says it."""
        return {
            "regions": self.regions.ids.to_list(),
            "categories": self.categories.ids.to_list(),
            "lift": self.lift,
        }

    def at(self, request: RequestRows) -> "Trending":
        """What is popular now in each region."""
        now = current_popularity(request.request, self._params)
        return Trending(
            self._by_region(now, request.request.articles["category"]),
            self.regions.rows(request.request.users["region"]),
            lambda: request.eligibility,
        )

    def pair_scores(
        self, features: pl.DataFrame, region: pl.Series, category: pl.Series
    ) -> Vectors:
        """Scores of pairs with their features at the moments at which they were asked for."""
        now = features.select(popularity(self._params)).to_series()
        rows = self.regions.rows(region)
        return self._by_region(now, category)[np.arange(len(rows)), rows]

    def _by_region(self, now: pl.Series, category: pl.Series) -> Vectors:
        lift = np.ones((len(self.categories) + 1, len(self.regions) + 1), np.float32)
        lift[:-1, :-1] = self.lift.T
        rows = self.categories.rows(category)  # -1, of an unknown category, is the row of ones
        return np.log1p(now.to_numpy()[:, None] * lift[rows]).astype(np.float32)


def _pairs_read(data: TrainingData) -> tuple[Rows, list[str], list[str]]:
    """How many pairs of a reader and an article were read, by region and category, and these."""
    read = data.reads.filter(pl.col("kind") != "hide")
    user = Index(data.users["user_id"]).rows(read["user_id"])
    article = Index(data.articles["article_id"]).rows(read["article_id"])
    known = (user >= 0) & (article >= 0)
    width = data.articles.height
    user, article = np.divmod(np.unique(user[known] * width + article[known]), max(width, 1))
    regions, region = _known(data.users["region"])
    categories, category = _known(data.articles["category"])
    of_user, of_article = region[user], category[article]
    known = (of_user >= 0) & (of_article >= 0)
    counts = np.zeros((len(regions), len(categories)), np.int64)
    np.add.at(counts, (of_user[known], of_article[known]), 1)
    some, read_of = counts.any(axis=1), counts.any(axis=0)
    return (
        counts[some][:, read_of],
        regions.filter(pl.Series(some, dtype=pl.Boolean)).to_list(),
        categories.filter(pl.Series(read_of, dtype=pl.Boolean)).to_list(),
    )


def _known(names: pl.Series) -> tuple[pl.Series, Rows]:
    """The names that occur, sorted, and the row of each; unknown is -1."""
    known = names.filter(names != UNKNOWN).unique().sort()
    return known, Index(known).rows(names)


class Trending:
    """Scores by region."""

    def __init__(
        self, scores: Vectors, region_of_reader: Rows, eligibility: Callable[[], Eligibility]
    ) -> None:
        """Keep the scores.

        Args:
            scores: shape (articles, regions + 1), the last column for readers of unknown region.
            region_of_reader: a column of `scores`, -1 for the last one; shape (readers,).
            eligibility: which articles readers may get.
        """
        self._scores = scores
        self._region = region_of_reader % scores.shape[1]
        self._eligibility = eligibility
        self._lists: dict[int, Rows] = {}

    def of_pairs(self, pairs: Pairs) -> Vectors:
        """How popular the article is in the reader's region."""
        return self._scores[pairs.article_row, self._region[pairs.user_row]]

    def best(self, user_rows: Rows, k: int) -> Pairs:
        """The most popular articles that a reader may get; none that nobody reads."""
        eligibility = self._eligibility()
        regions = self._scores.shape[1]
        kind = eligibility.group_of_reader[user_rows] * regions + self._region[user_rows]
        kinds, list_of_reader = np.unique(kind, return_inverse=True)
        lists = [self._ranked(*divmod(k, regions)) for k in kinds.tolist()]
        return first_unread(user_rows, lists, list_of_reader, eligibility, k)

    def _ranked(self, group: int, region: int) -> Rows:
        key = group * self._scores.shape[1] + region
        if key not in self._lists:
            rows = self._eligibility().articles_of(group)
            scores = self._scores[rows, region]
            rows = rows[np.argsort(-scores, kind="stable")]
            self._lists[key] = rows[: np.count_nonzero(scores > 0)]
        return self._lists[key]


def current_popularity(request: Request, params: Params) -> pl.Series:
    """`popularity` of each of the request's articles at its moment."""
    rings = ring_columns([*(w for w, _ in _WINDOWS), "dwell_24h", "reads_24h"])
    rows = (
        request.articles.select("article_id")
        .join(
            request.features.article.select("article_id", "stamped_at", *rings),
            on="article_id",
            how="left",
            maintain_order="left",
        )
        .with_columns(asked_at=pl.lit(request.as_of))
    )
    windows = article_windows(rows, "asked_at", params.features)
    mean_dwell = pl.col("dwell_24h") / (pl.col("reads_24h") + 1.0)
    return windows.with_columns(mean_dwell_24h=mean_dwell).select(popularity(params)).to_series()
