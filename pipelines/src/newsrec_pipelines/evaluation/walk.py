"""Models made on the way: each of what was known before its day, and trained day by day."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from newsrec_pipelines import partitions
from newsrec_pipelines.features.examples import available_before, examples, training_data
from newsrec_pipelines.features.labels import shown_examples
from newsrec_pipelines.features.types import TrainingData
from newsrec_pipelines.models.blend import Scorers
from newsrec_pipelines.models.feedback import Weights
from newsrec_pipelines.models.news import NewsModel
from newsrec_pipelines.models.ranker import Ranker
from newsrec_pipelines.models.ranker_training import (
    RankerTrainingSet,
    fit_ranker,
    ranker_training_set,
    ranker_training_sets,
)
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.store import Store

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Made:
    """What was learnt of all that was known at a moment.

    Attributes:
        data: what was known; its examples may be missing.
        scorers: fitted to all of it.
        ranker_training_sets: of the last `ranker_days`, oldest first; their scorers did
            not know them yet.
        params: everything that changes the result.
    """

    data: TrainingData
    scorers: Scorers
    ranker_training_sets: Sequence[RankerTrainingSet]
    params: Params

    @property
    def weights(self) -> Weights:
        """What a read is worth in this data."""
        return Weights.of(self.data.reads, self.params)

    def ranker(self, off: Sequence[str] = (), *, by_clicks: bool = False) -> Ranker:
        """The ranker, without some groups of columns beside those that params switch off.

        Args:
            off: the groups.
            by_clicks: every click counts the same, however long it was read.
        """
        changes: dict[str, Any] = {"off": tuple(dict.fromkeys((*self.params.ranker.off, *off)))}
        if by_clicks:
            changes |= {"grades": 1, "bounce_seconds": 0.0, "least_weight": 1.0}
        changed = self.params.ranker.model_copy(update=changes)
        return fit_ranker(
            self.ranker_training_sets,
            self.weights,
            self.params.model_copy(update={"ranker": changed}),
        )

    def model(self, ranker: Ranker) -> NewsModel:
        """The model that serves."""
        return NewsModel(self.scorers, ranker, self.params, {})


@dataclass
class Walk:
    """Makes a model for each of some days in order, reusing what the days before it took to make.

    Attributes:
        store: where the clean partitions and the counters lie.
        params: everything that changes the result.
        sampled_negatives: whether any training set had drawn negatives.
    """

    store: Store
    params: Params
    sampled_negatives: bool = False
    _training_sets: list[RankerTrainingSet] = field(default_factory=list)
    _scorers: Scorers | None = None

    def made_at(self, start: datetime) -> Made:
        """Learn from what was known before `start`.

        Raises:
            DataError: when nothing was.
        """
        if self._scorers is None:
            data = training_data(self.store, start, self.params)
            self.sampled_negatives = data.sampled_negatives
            for training_set, scorers in ranker_training_sets(data, self.params):
                self._training_sets.append(training_set)
                self._scorers = scorers
        else:
            data = available_before(self.store, start, self.params)
        self._scorers = Scorers.fit(data, self.params, self._scorers)
        return Made(data, self._scorers, tuple(self._training_sets), self.params)

    def learn(self, evaluated: RankerTrainingSet | None, made: Made) -> None:
        """Keep the lists of the day that was evaluated for the models of the days after it.

        Args:
            evaluated: its lists; None when nobody said what was shown.
            made: what was known before it.
        """
        start = made.data.as_of
        if evaluated is None:
            given = self._drawn(start, made.scorers)
        else:
            given = available_by(evaluated, self.store, start + _DAY)
        wanted = self.params.training.ranker_days
        self._training_sets = [*self._training_sets, *([given] if given else [])][-wanted:]

    def _drawn(self, start: datetime, scorers: Scorers) -> RankerTrainingSet | None:
        """The day's reads with drawn negatives, by what was known at its end."""
        end = start + _DAY
        rows, sampled = examples(self.store, end, self.params, start, end)
        if rows.is_empty():
            return None
        self.sampled_negatives |= sampled
        return ranker_training_set(
            scorers, available_before(self.store, end, self.params), rows, start
        )


def available_by(
    evaluated: RankerTrainingSet, store: Store, as_of: datetime
) -> RankerTrainingSet | None:
    """A evaluated day's lists with the labels that were known at a moment after it.

    A day is evaluated by what was known when late reports had come in; a model made the next
    morning must not learn from them. Lists that were not known by then are left out, too.
    """
    day = evaluated.day
    impressions = partitions.load(store, "impressions", as_of, day, day)
    reads = partitions.load(store, "reads", as_of, day, as_of.date() + _DAY)
    rows = shown_examples(
        impressions.join(evaluated.examples, on="impression_id", how="semi"),
        reads,
        evaluated.examples.height,
        np.random.default_rng(0),
    )
    labels = rows.select("impression_id", "article_id", "clicked", "dwell_seconds")
    labelled = evaluated.examples.drop("clicked", "dwell_seconds").join(
        labels, on=["impression_id", "article_id"], how="left", maintain_order="left"
    )
    known = labelled["clicked"].is_not_null()
    if not known.any():
        return None
    return replace(
        evaluated,
        examples=labelled.filter(known).select(evaluated.examples.columns),
        columns=evaluated.columns[known.to_numpy()],
    )
