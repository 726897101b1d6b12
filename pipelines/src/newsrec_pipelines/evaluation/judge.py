"""One day's judgement: how a model made before the day ranks what happened on it."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import numpy as np
import polars as pl

from newsrec_pipelines import partitions
from newsrec_pipelines.config import Params
from newsrec_pipelines.evaluation.metrics import Mean, coverage, list_metrics, slate_metrics
from newsrec_pipelines.features.examples import build_request, examples
from newsrec_pipelines.features.types import Request
from newsrec_pipelines.models.alone import Chance, slates_alone
from newsrec_pipelines.models.blend import COLUMNS, SCORERS
from newsrec_pipelines.models.feedback import feedback
from newsrec_pipelines.models.news import NewsModel
from newsrec_pipelines.schemas import IMPRESSIONS
from newsrec_pipelines.store import Store

# The blend, each scorer alone, and chance.
SYSTEMS: Final = (NewsModel.name, *SCORERS, Chance.name)


@dataclass(frozen=True)
class Judgement:
    """What a day says about each system.

    Attributes:
        day: the day that was judged.
        metrics: system -> metric -> mean; a metric that the day cannot give is missing.
        counts: what there was to judge by.
    """

    day: date
    metrics: dict[str, dict[str, Mean]]
    counts: dict[str, int] = field(default_factory=dict)


def judge(store: Store, params: Params, model: NewsModel, day: date) -> Judgement:
    """Judge a model on the lists shown on `day`, and on the slates it would have made at 00:00.

    The caller sees to it that the model knew nothing of the day. Labels are what was known some
    days later, when late reports had come in.
    """
    start = datetime.combine(day, time(), UTC)
    known = start + timedelta(days=1 + params.etl.late_days)
    metrics: dict[str, dict[str, Mean]] = {system: {} for system in SYSTEMS}
    counts: dict[str, int] = {}
    _judge_lists(store, params, model, start, known, metrics, counts)
    _judge_slates(store, params, model, start, known, metrics, counts)
    return Judgement(day, metrics, counts)


def _judge_lists(
    store: Store,
    params: Params,
    model: NewsModel,
    start: datetime,
    known: datetime,
    metrics: dict[str, dict[str, Mean]],
    counts: dict[str, int],
) -> None:
    if not partitions.manifests(store, f"clean/{IMPRESSIONS.name}", start.date(), start.date()):
        return
    shown, sampled = examples(store, known, params, start, start + timedelta(days=1))
    if sampled or shown.is_empty():
        return
    columns = model.scorers.columns_of_examples(_request(store, params, shown, start), shown)
    scores = {name: columns[:, COLUMNS.index(name)] for name in SCORERS}
    scores[model.name] = model.ranker.score(columns)
    # All scores equal: the metrics rank equals at random.
    scores[Chance.name] = np.zeros(len(columns))
    clicked = shown["clicked"].to_numpy()
    for system in SYSTEMS:
        values = list_metrics(shown["impression_id"], scores[system], clicked, params.training.seed)
        metrics[system] |= {name: Mean.of(v) for name, v in values.items()}
    counts["impressions"] = shown["impression_id"].n_unique()
    counts["impressions judged"] = metrics[model.name]["auc"].count


def _request(store: Store, params: Params, shown: pl.DataFrame, start: datetime) -> Request:
    """The day's readers as they were known at its start, and its articles as known at its end."""
    readers = shown["user_id"].unique().sort().to_list()
    request = build_request(store, start, params, readers)
    first = (start - timedelta(days=params.training.window_days)).date()
    # Not later: a correction that came afterwards would tell of the future.
    end = start + timedelta(days=1)
    articles = partitions.load(store, "articles", end, first, start.date())
    wanted = articles.join(shown, on="article_id", how="semi").select(request.articles.columns)
    return Request(
        as_of=start,
        users=request.users,
        articles=wanted,
        history=request.history,
        # Popularity and pair features come with the examples, from their own moments.
        article_features=request.article_features,
        user_features=request.user_features,
        user_category_features=request.user_category_features,
    )


def _judge_slates(
    store: Store,
    params: Params,
    model: NewsModel,
    start: datetime,
    known: datetime,
    metrics: dict[str, dict[str, Mean]],
    counts: dict[str, int],
) -> None:
    day = start.date()
    reads = partitions.load(store, "reads", known, day, day)
    readers = reads["user_id"].unique().sort().to_list()
    request = build_request(store, start, params, readers)
    relevant = (
        feedback(reads, model.scorers.als.weights)
        .filter(pl.col("weight") >= 0)
        .select("user_id", "article_id", gain=pl.col("weight").cast(pl.Float64))
        # A slate never holds what was read before, and is made for readers known at its moment.
        .join(request.history, on=["user_id", "article_id"], how="anti")
        .join(request.users, on="user_id", how="semi")
    )
    judged = relevant["user_id"].unique().sort()
    request = build_request(store, start, params, judged.to_list())
    counts["readers"] = len(readers)
    counts["readers judged"] = len(judged)
    counts["candidates"] = request.articles.height
    counts["relevant"] = relevant.height
    counts["reachable"] = relevant.join(request.articles, on="article_id", how="semi").height
    if not len(judged) or request.articles.is_empty():
        return
    has_dwell = reads["dwell_seconds"].is_not_null().any()
    scorers = (*model.scorers.all, Chance(params.training.seed))
    for system, slates in (
        (model.name, model.predict(request)),
        *((scorer.name, slates_alone(scorer, request, params)) for scorer in scorers),
    ):
        values = slate_metrics(slates, relevant)
        if not has_dwell:
            del values["dwell_ndcg@10"]
        metrics[system] |= {name: Mean.of(v) for name, v in values.items()}
        covered = coverage(slates, request.articles.height)
        if covered is not None:
            metrics[system]["coverage"] = Mean.of(np.array([covered]))
