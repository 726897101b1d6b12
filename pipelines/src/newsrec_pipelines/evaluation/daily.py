"""Daily slates: how well the ten articles that each reader would have got foretell her day."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import polars as pl

from newsrec_pipelines import partitions
from newsrec_pipelines.evaluation.beyond_accuracy import BEYOND_METRICS, Background, beyond_metrics
from newsrec_pipelines.evaluation.day import Day
from newsrec_pipelines.evaluation.evaluated_lists import EvaluatedLists, Part
from newsrec_pipelines.evaluation.lists import about_readers
from newsrec_pipelines.evaluation.metrics import SLATE_METRICS, Values, coverage, slate_metrics
from newsrec_pipelines.evaluation.slate_systems import SlateSystems
from newsrec_pipelines.features.types import Request
from newsrec_pipelines.models.feedback import Weights, feedback
from newsrec_pipelines.models.news import NewsModel
from newsrec_pipelines.models.ranker import Ranker
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.store import Store

METRICS: Final = (*SLATE_METRICS, *BEYOND_METRICS)


def evaluate_slates(
    day: Day,
    model: NewsModel,
    rankers: Mapping[str, Ranker],
    without: Mapping[Part, Ranker],
    known: pl.DataFrame,
    params: Params,
) -> EvaluatedLists | None:
    """Evaluate systems on the slates of those readers who were known and opened something new.

    Args:
        day: what happened, and what was known when it began.
        model: ours.
        rankers: system -> ranker of the same candidates; ours among them.
        without: what was left out of ours -> ranker; ours for sources of candidates.
        known: who had opened what before the day; see `openers`.
        params: for slices, and the rules of slates.

    Returns:
        None when nobody known opened anything new, or there was nothing to recommend.
    """
    oldest = day.start - timedelta(hours=params.slate.max_age_hours)
    fresh = pl.col("published_at").is_between(oldest, day.start)
    candidates = day.request.articles.filter(fresh)
    relevant = newly_opened(day, model.scorers.als.weights)
    users = day.request.users.join(relevant, on="user_id", how="semi")
    if users.is_empty() or candidates.is_empty():
        return None
    history = day.request.history.join(users, on="user_id", how="semi")
    request = replace(day.request, users=users, articles=candidates, history=history)
    background = _background(request, model, known)
    slates = SlateSystems(request, model, params).slates(rankers, without)
    values: dict[str | Part, Values] = {}
    for system, made in slates.items():
        found = slate_metrics(made, relevant)
        if not day.reads["dwell_seconds"].is_not_null().any():
            found["dwell_ndcg@10"] = np.full(users.height, np.nan)
        found |= beyond_metrics(made.sort("user_id"), background)
        values[system] = np.column_stack([found[metric] for metric in METRICS])
    return EvaluatedLists(
        metrics=METRICS,
        lists=_lists(day, request, relevant, background, params),
        values={s: v for s, v in values.items() if not isinstance(s, Part)},
        without={s: v for s, v in values.items() if isinstance(s, Part)},
        of_days={
            system: {"coverage": [coverage(made, candidates.height) or 0.0]}
            for system, made in slates.items()
            if not isinstance(system, Part)
        },
        counts={
            "readers of the days": day.reads["user_id"].n_unique(),
            "candidates": candidates.height,
            "relevant": relevant.height,
            "reachable": relevant.join(candidates, on="article_id", how="semi").height,
        },
    )


def openers(store: Store, params: Params, start: datetime) -> pl.DataFrame:
    """``user_id`` and ``article_id`` of all that had been opened before a moment."""
    oldest = start - timedelta(days=params.training.window_days)
    reads = partitions.load(store, "reads", start, oldest.date(), start.date())
    return reads.filter(pl.col("kind") != "hide").select("user_id", "article_id").unique()


def newly_opened(day: Day, weights: Weights) -> pl.DataFrame:
    """``user_id``, ``article_id``, ``gain``: what known readers opened for the first time."""
    return (
        feedback(day.reads, weights)
        .filter(pl.col("weight") >= 0)
        .select("user_id", "article_id", gain=pl.col("weight").cast(pl.Float64))
        .join(day.request.history, on=["user_id", "article_id"], how="anti")
        .join(day.request.users, on="user_id", how="semi")
    )


def _background(request: Request, model: NewsModel, known: pl.DataFrame) -> Background:
    opened = known.group_by("article_id").agg(openers=pl.col("user_id").n_unique())
    of_candidates = request.articles.select("article_id").join(
        opened, on="article_id", how="left", maintain_order="left"
    )
    return Background(
        request.articles["article_id"],
        of_candidates["openers"].fill_null(0).to_numpy().astype(np.int64),
        known["user_id"].n_unique(),
        model.scorers.content.embed(request.articles),
    )


def _lists(
    day: Day, request: Request, relevant: pl.DataFrame, background: Background, params: Params
) -> pl.DataFrame:
    """One row a evaluated reader, in the order of their ids, as `slate_metrics` has them."""
    cold = pl.DataFrame(
        {
            "article_id": background.article_ids,
            "cold": background.openers <= params.backtest.cold_article_clicks,
        }
    )
    # Only what could be recommended: most of a day's news is published after 00:00.
    reached = (
        relevant.join(cold, on="article_id")
        .group_by("user_id")
        .agg(cold_article=pl.col("cold").all())
    )
    return (
        about_readers(request, params)
        .join(reached, on="user_id", how="left")
        .sort("user_id")
        .select(
            "user_id",
            "region",
            "cold_reader",
            pl.col("cold_article").fill_null(False),
            day=pl.lit(day.start.date()),
        )
    )
