"""Lists that were shown: how well each system orders them."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import polars as pl

from newsrec_pipelines.evaluation.evaluated_lists import EvaluatedLists, Part
from newsrec_pipelines.evaluation.metrics import LIST_METRICS, Values, list_metrics
from newsrec_pipelines.features.types import Request
from newsrec_pipelines.models.blend import COLUMNS, SCORERS
from newsrec_pipelines.models.ranker import Ranker
from newsrec_pipelines.models.ranker_training import RankerTrainingSet
from newsrec_pipelines.parameters import Params

# Systems that a single column orders by, and whether its highest or lowest value comes first.
_BY_COLUMN: Final = {
    **{name: (name, 1) for name in SCORERS},
    "clicks_3h": ("clicks_3h", 1),
    "clicks_24h": ("clicks_24h", 1),
    "newest": ("age_hours", -1),
}


def evaluate_lists(
    training_set: RankerTrainingSet,
    rankers: Mapping[str, Ranker],
    without: Mapping[Part, Ranker],
    request: Request,
    params: Params,
) -> EvaluatedLists:
    """Evaluate systems on the lists of a day that have opened and unopened articles.

    Equal scores are ranked at random, the same for all systems.

    Args:
        training_set: the day's lists, as scorers saw them that did not know the day.
        rankers: system -> ranker; ours among them.
        without: what was left out of ours -> ranker.
        request: the day's readers and their history, as known at its start.
        params: for slices, and the seed of the order of equal scores.
    """
    columns = training_set.columns
    scores: dict[str, Values] = {name: ranker.score(columns) for name, ranker in rankers.items()}
    for name, (column, sign) in _BY_COLUMN.items():
        scores[name] = sign * columns[:, COLUMNS.index(column)].astype(np.float64)
    scores["random"] = np.zeros(len(columns))
    ablated = {part: ranker.score(columns) for part, ranker in without.items()}
    lists = _lists(training_set, request, params)
    return EvaluatedLists(
        metrics=LIST_METRICS,
        lists=lists,
        values={name: _values(training_set, found, params) for name, found in scores.items()},
        without={part: _values(training_set, found, params) for part, found in ablated.items()},
        counts={
            "lists shown": training_set.examples["impression_id"].n_unique(),
            "articles shown": training_set.examples.height,
            "articles opened": int(training_set.examples["clicked"].sum()),
        },
    )


def _values(training_set: RankerTrainingSet, scores: Values, params: Params) -> Values:
    lists, clicked = (
        training_set.examples["impression_id"],
        training_set.examples["clicked"].to_numpy(),
    )
    dwell = training_set.examples["dwell_seconds"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    found = list_metrics(lists, scores, clicked, dwell, params.training.seed)
    return np.column_stack([found[metric] for metric in LIST_METRICS])


def _lists(training_set: RankerTrainingSet, request: Request, params: Params) -> pl.DataFrame:
    """One row a evaluated list, in the order of the lists' ids, as `list_metrics` has them."""
    month = training_set.columns[:, COLUMNS.index("clicks_30d")]
    clicked = pl.col("clicked")
    return (
        training_set.examples.select("impression_id", "user_id", "clicked")
        .with_columns(cold=pl.Series(month <= params.backtest.cold_article_clicks))
        .filter(clicked.any().over("impression_id"), ~clicked.all().over("impression_id"))
        .group_by("impression_id")
        .agg(pl.col("user_id").first(), cold_article=pl.col("cold").filter(clicked).all())
        .sort("impression_id")
        .join(about_readers(request, params), on="user_id", how="left", maintain_order="left")
        .select(
            "user_id",
            "region",
            pl.col("cold_reader").fill_null(True),
            "cold_article",
            day=pl.lit(training_set.day),
        )
    )


def about_readers(request: Request, params: Params) -> pl.DataFrame:
    """``user_id``, ``region``, and ``cold_reader``: she had read at most `backtest.cold_reads`."""
    had_read = request.history.group_by("user_id").agg(read=pl.col("article_id").n_unique())
    return (
        request.users.select("user_id", "region")
        .join(had_read, on="user_id", how="left")
        .select(
            "user_id",
            "region",
            cold_reader=pl.col("read").fill_null(0) <= params.backtest.cold_reads,
        )
    )
