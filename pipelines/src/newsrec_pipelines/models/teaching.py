"""How the ranker is taught without seeing the future."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from sklearn.metrics import roc_auc_score

from newsrec_pipelines.config import Params
from newsrec_pipelines.features.types import Request, TrainingData
from newsrec_pipelines.models.blend import COLUMNS, SCORERS, Scorers
from newsrec_pipelines.models.feedback import Weights
from newsrec_pipelines.models.ranker import Ranker


def teach_ranker(data: TrainingData, params: Params) -> tuple[Ranker, dict[str, float | None]]:
    """A ranker taught on the last days, with scorers that had not seen them.

    Scorers fitted on the very reads that the ranker is taught with would look all-knowing, and be
    trusted too much. So they are first fitted on what ended before the first example, scoring
    readers by their history up to then; the caller fits them anew on everything afterwards. Pair
    features and popularity are those of each example's own moment.

    Returns:
        The ranker, and its metrics on its own examples: ``examples``, ``mean_share_read``, and
        ``auc`` (None when all or none were clicked).
    """
    start = data.as_of - timedelta(days=params.training.ranker_days)
    examples = data.examples.filter(pl.col("asked_at") >= start)
    weights = Weights.of(data.reads, params)
    share_read = (
        examples.select(
            pl.when("clicked").then(weights.of_dwell(pl.col("dwell_seconds"))).otherwise(0.0)
        )
        .to_series()
        .cast(pl.Float64)
        .to_numpy()
    )
    before = _before(data, start)
    columns = Scorers.fit(before, params).columns_of_examples(
        _request(before, data, examples), examples
    )
    position = examples["position"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    ranker = Ranker.fit(columns, COLUMNS, share_read, position, SCORERS, params.ranker)
    clicked = examples["clicked"].to_numpy()
    varied = 0 < clicked.sum() < len(clicked)
    metrics = {
        "examples": float(len(examples)),
        "mean_share_read": float(share_read.mean()) if len(examples) else None,
        "auc": float(roc_auc_score(clicked, ranker.score(columns))) if varied else None,
    }
    return ranker, metrics


def _before(data: TrainingData, start: datetime) -> TrainingData:
    """What was known at `start`."""
    return replace(
        data,
        as_of=start,
        articles=data.articles.filter(pl.col("published_at") < start),
        reads=data.reads.filter(pl.col("available_at") < start),
    )


def _request(before: TrainingData, data: TrainingData, examples: pl.DataFrame) -> Request:
    """The readers and articles of the examples, as if asked for at the start of the examples."""
    nothing = pl.DataFrame()
    return Request(
        as_of=before.as_of,
        users=data.users.join(examples, on="user_id", how="semi"),
        articles=data.articles.join(examples, on="article_id", how="semi"),
        history=before.reads.join(examples, on="user_id", how="semi"),
        article_features=nothing,
        user_features=nothing,
        user_category_features=nothing,
    )
