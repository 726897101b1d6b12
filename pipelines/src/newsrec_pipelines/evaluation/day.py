"""One day that is evaluated: what happened on it, and what was known when it began."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from newsrec_pipelines import partitions
from newsrec_pipelines.features.examples import build_request, examples
from newsrec_pipelines.features.types import Request, TrainingData
from newsrec_pipelines.models.blend import Scorers
from newsrec_pipelines.models.ranker_training import RankerTrainingSet, ranker_training_set
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.schemas import ARTICLES, IMPRESSIONS
from newsrec_pipelines.store import Store

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Day:
    """A day to evaluate. Labels are what was known some days later, when late reports were in.

    Attributes:
        start: its first moment; models knew what was available before it, or less.
        known: labels are what was available before this moment.
        shown: examples of its lists with their pair features; None when nobody said what was shown.
        reads: of the day.
        request: its readers as they were known at its start, what they had read until then, and
            the candidates of that moment.
    """

    start: datetime
    known: datetime
    shown: pl.DataFrame | None
    reads: pl.DataFrame
    request: Request

    @classmethod
    def load(cls, store: Store, params: Params, day: date, lists: bool = True) -> "Day":
        """Read a day; without its lists when they are not wanted."""
        start = datetime.combine(day, time(), UTC)
        known = start + _DAY + timedelta(days=params.etl.late_days)
        shown = _shown(store, params, start, known) if lists else None
        reads = partitions.load(store, "reads", known, day, day)
        parts = [reads] if shown is None else [reads, shown]
        readers = pl.concat(part.select("user_id") for part in parts)["user_id"].unique().sort()
        request = build_request(store, start, params, readers.to_list())
        return cls(start, known, shown, reads, request)

    def ranker_training_set(
        self, store: Store, params: Params, scorers: Scorers
    ) -> RankerTrainingSet | None:
        """Its lists as `scorers` see them, who did not know the day; None without any."""
        if self.shown is None or self.shown.is_empty():
            return None
        articles, known = _when_first_shown(store, params, self.shown, self.known)
        data = TrainingData(
            as_of=self.start,
            articles=articles,
            users=self.request.users,
            reads=self.request.history,
            examples=self.shown.clear(),
            sampled_negatives=False,
            data_hash="",
        )
        # Who was shown an article before we knew it was shown one of which nobody knew anything.
        named = pl.when(known).then("article_id").otherwise(pl.lit(""))
        seen = ranker_training_set(
            scorers, data, self.shown.with_columns(named.alias("article_id")), self.start
        )
        return replace(seen, examples=seen.examples.with_columns(self.shown["article_id"]))


def _shown(store: Store, params: Params, start: datetime, known: datetime) -> pl.DataFrame | None:
    if not partitions.manifests(store, f"clean/{IMPRESSIONS.name}", start.date(), start.date()):
        return None
    shown, sampled = examples(store, known, params, start, start + _DAY)
    return None if sampled else shown


def _when_first_shown(
    store: Store, params: Params, shown: pl.DataFrame, known: datetime
) -> tuple[pl.DataFrame, pl.Series]:
    """Each article as it was known when it was first shown on the day, once it was known at all.

    A later version might tell what only happened after an impression.

    Returns:
        The articles, and whether each example's was known at its moment.
    """
    oldest: datetime = shown.select(pl.col("asked_at").min()).item()
    first = (oldest - timedelta(days=params.training.window_days)).date()
    moments = shown.select("article_id", "asked_at").unique()
    versions = partitions.load_available_when_asked(
        store, "articles", moments, ("published_at",), known, first, known.date()
    )
    earliest = versions.group_by("article_id").agg(pl.col("asked_at").min())
    texts = partitions.load_available_when_asked(
        store,
        "articles",
        earliest,
        [name for name in ARTICLES.schema.names if name != "article_id"],
        known,
        first,
        known.date(),
    )
    there = shown.select("article_id", "asked_at").join(
        versions.select("article_id", "asked_at", known=pl.lit(True)),
        on=["article_id", "asked_at"],
        how="left",
        maintain_order="left",
    )
    return texts.select(ARTICLES.schema.names), there["known"].fill_null(False)
