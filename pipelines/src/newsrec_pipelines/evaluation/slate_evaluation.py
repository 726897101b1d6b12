"""Any kind of model, evaluated by its answers alone: the slates that it would have made."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl

from newsrec_pipelines.evaluation.daily import newly_opened
from newsrec_pipelines.evaluation.day import Day
from newsrec_pipelines.evaluation.metrics import Mean, coverage, slate_metrics
from newsrec_pipelines.models.feedback import Weights
from newsrec_pipelines.models.kind import Model
from newsrec_pipelines.parameters import Params


def evaluate_answers(
    day: Day, model: Model, params: Params
) -> tuple[dict[str, Mean], dict[str, int]]:
    """How well slates at the day's first moment foretell what known readers opened on it.

    Readers and candidates are those by which the slates of the news model are evaluated.

    Returns:
        Means by the name of their metric, and what there was to evaluate by; nothing of either when
        nobody known opened anything new.
    """
    relevant = newly_opened(day, Weights.of(day.reads, params))
    users = day.request.users.join(relevant, on="user_id", how="semi")
    oldest = day.start - timedelta(hours=params.slate.max_age_hours)
    fresh = pl.col("published_at").is_between(oldest, day.start)
    candidates = day.request.articles.filter(fresh)
    if users.is_empty() or candidates.is_empty():
        return {}, {}
    history = day.request.history.join(users, on="user_id", how="semi")
    request = replace(day.request, users=users, articles=candidates, history=history)
    made = model.predict(request).select("user_id", "article_ids")
    found = slate_metrics(made, relevant)
    if not day.reads["dwell_seconds"].is_not_null().any():
        del found["dwell_ndcg@10"]
    means = {name: Mean.of(values) for name, values in found.items()}
    means["coverage"] = Mean.of(np.array([coverage(made, candidates.height) or 0.0]))
    counts = {
        "readers of the days": day.reads["user_id"].n_unique(),
        "candidates": candidates.height,
        "relevant": relevant.height,
        "reachable": relevant.join(candidates, on="article_id", how="semi").height,
        "readers evaluated": users.height,
    }
    return {name: mean for name, mean in means.items() if mean.count}, counts
