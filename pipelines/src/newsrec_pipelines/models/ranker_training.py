"""How the ranker is trained day by day, without seeing the future."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from newsrec_pipelines.features.pairs import PAIR_FEATURES
from newsrec_pipelines.features.raw import schema
from newsrec_pipelines.features.types import FeatureRows, Pairs, Request, TrainingData
from newsrec_pipelines.models.blend import (
    COLUMNS,
    SCORERS,
    Matrix,
    Scorers,
    columns,
    list_starts,
    used_columns,
)
from newsrec_pipelines.models.feedback import Weights
from newsrec_pipelines.models.popularity import Popularity
from newsrec_pipelines.models.ranker import Ranker
from newsrec_pipelines.models.request_rows import RequestRows
from newsrec_pipelines.parameters import Params

_KEPT = ("impression_id", "user_id", "article_id", "asked_at", "position", "clicked")
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class RankerTrainingSet:
    """The lists of one day, as scorers saw them that did not know the day yet.

    Attributes:
        day: the day.
        examples: one row an article shown: ``impression_id``, ``user_id``, ``article_id``,
            ``asked_at``, ``position``, ``clicked``, ``dwell_seconds``; lists are neighbours.
        columns: shape (examples, `COLUMNS`).
    """

    day: date
    examples: pl.DataFrame
    columns: Matrix

    @property
    def starts(self) -> NDArray[np.int64]:
        """The first example of each list, and the end."""
        return list_starts(self.examples["impression_id"].rle_id().to_numpy())


def ranker_training_set(
    scorers: Scorers, data: TrainingData, examples: pl.DataFrame, start: datetime
) -> RankerTrainingSet:
    """One day's lists as columns.

    Pair features and popularity are those of each example's own moment; the other scores are by
    what was known at `start`, so nothing of the day is known too early.

    Args:
        scorers: fitted to what was known at `start` or earlier.
        data: holds the readers and articles of the examples, and the history before `start`.
        examples: with their pair features, lists as neighbours.
        start: when the day began.
    """
    asked = RequestRows(_request(data, examples, start))
    user_row = asked.users.rows(examples["user_id"])
    article_row = asked.articles.rows(examples["article_id"])
    known = (user_row >= 0) & (article_row >= 0)
    pairs = Pairs(user_row[known], article_row[known])
    bound_scorers = scorers.at(asked)
    scores = [_popularity(scorers.popularity, asked.request, examples, user_row, article_row)]
    for name in SCORERS[1:]:
        found = np.zeros(examples.height, np.float32)
        found[known] = bound_scorers[name].of_pairs(pairs)
        scores.append(found)
    kept = examples.select(*_KEPT, "dwell_seconds")
    starts = list_starts(kept["impression_id"].rle_id().to_numpy())
    features = examples.select(PAIR_FEATURES).cast(pl.Float32).to_numpy()
    return RankerTrainingSet(start.date(), kept, columns(features, scores, starts))


def ranker_training_sets(
    data: TrainingData, params: Params, previous: Scorers | None = None
) -> Iterator[tuple[RankerTrainingSet, Scorers]]:
    """The lists of each of the last `ranker_days`, and the scorers that saw them, oldest first.

    Scorers fitted to the very reads that the ranker is trained on would look all-knowing, and be
    trusted too much. So they are fitted anew before each day, starting from the day before. Days
    without any list, or without any read before them, give no examples and are left out.

    Args:
        data: all that was known.
        params: everything that changes the result.
        previous: scorers that knew nothing of these days, to start from.
    """
    scorers = previous
    for back in range(params.training.ranker_days, 0, -1):
        start = data.as_of - back * _DAY
        asked = pl.col("asked_at")
        examples = data.examples.filter(asked >= start, asked < start + _DAY)
        known = before(data, start)
        if examples.is_empty() or known.reads.is_empty():
            continue
        scorers = Scorers.fit(known, params, scorers)
        yield ranker_training_set(scorers, data, examples, start), scorers


def fit_ranker(given: Sequence[RankerTrainingSet], weights: Weights, params: Params) -> Ranker:
    """A ranker trained by lists of some days; without any, it sums up the scorers."""
    examples = [one.examples for one in given]
    sizes = [np.diff(one.starts) for one in given]
    return Ranker.fit(
        columns=np.vstack([np.zeros((0, len(COLUMNS)), np.float32), *(g.columns for g in given)]),
        names=COLUMNS,
        starts=np.concatenate([[0], *sizes]).cumsum().astype(np.int64),
        grades=np.concatenate([np.zeros(0, int), *(grades(e, weights, params) for e in examples)]),
        position=np.concatenate([np.zeros(0), *map(_positions, examples)]),
        scorers=SCORERS,
        params=params.ranker,
        seed=params.training.seed,
        used=used_columns(params.ranker.off),
    )


def grades(examples: pl.DataFrame, weights: Weights, params: Params) -> NDArray[np.int64]:
    """Relevance of each example: ``ceil(grades * r)`` of the share `r` of a whole read it got.

    0 for what was passed over, and for what was opened and left within ``bounce_seconds``: a
    headline that does not keep its promise is no better than one that makes none.
    """
    dwell = pl.col("dwell_seconds")
    left_at_once = (dwell < params.ranker.bounce_seconds).fill_null(False)
    share = pl.when(pl.col("clicked") & ~left_at_once).then(weights.of_dwell(dwell)).otherwise(0.0)
    # A share is kept in 32 bits: what is a whole grade there must not become the next one.
    grade = (share.cast(pl.Float64) * params.ranker.grades - 1e-6).ceil()
    opened = pl.col("clicked") & ~left_at_once
    return (
        examples.select(pl.when(opened).then(grade.clip(1, params.ranker.grades)).otherwise(0))
        .to_series()
        .cast(pl.Int64)
        .to_numpy()
    )


def before(data: TrainingData, start: datetime) -> TrainingData:
    """What was known at `start`."""
    return replace(
        data,
        as_of=start,
        articles=data.articles.filter(pl.col("published_at") < start),
        reads=data.reads.filter(pl.col("available_at") < start),
        examples=data.examples.filter(pl.col("asked_at") < start),
    )


def _request(data: TrainingData, examples: pl.DataFrame, start: datetime) -> Request:
    """The readers and articles of a day's lists, as if asked for when it began."""
    history = data.reads.filter(pl.col("available_at") < start)
    return Request(
        as_of=start,
        users=data.users.join(examples, on="user_id", how="semi"),
        articles=data.articles.join(examples, on="article_id", how="semi"),
        history=history.join(examples, on="user_id", how="semi"),
        # Pair features come with the examples.
        features=FeatureRows(*(schema(view).to_frame() for view in FeatureRows._fields)),
    )


def _popularity(
    popularity: Popularity,
    asked: Request,
    examples: pl.DataFrame,
    user_row: NDArray[np.int64],
    article_row: NDArray[np.int64],
) -> NDArray[np.float32]:
    region, category = (
        pl.Series([None if row < 0 else values[row] for row in rows.tolist()], dtype=pl.String)
        for values, rows in (
            (asked.users["region"].to_list(), user_row),
            (asked.articles["category"].to_list(), article_row),
        )
    )
    return popularity.pair_scores(examples, region, category)


def _positions(examples: pl.DataFrame) -> NDArray[np.float64]:
    return examples["position"].cast(pl.Float64).fill_null(np.nan).to_numpy()
