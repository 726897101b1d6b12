"""Finds features that know the future, by making them again in a store that has no future."""

import tempfile
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from newsrec_pipelines import partitions
from newsrec_pipelines.features import snapshots
from newsrec_pipelines.features.counters import update_counters
from newsrec_pipelines.features.examples import with_features
from newsrec_pipelines.features.pairs import PAIR_FEATURES
from newsrec_pipelines.features.raw import KEYS
from newsrec_pipelines.features.views import day_start
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.schemas import ENTITIES
from newsrec_pipelines.store import Store

_BATCH = "leaks"
_ID = ("user_id", "article_id", "asked_at")


def find_leaks(store: Store, params: Params, examples: pl.DataFrame, sample: int) -> pl.DataFrame:
    """Features of examples that differ when everything that came later is taken away.

    For each drawn moment, the clean partitions are copied without the rows that became available at
    or after it, the counters of the last days are counted anew from the copy, and the features are
    made again. Counters of days that even a late report cannot change any more are taken as they
    are.

    Args:
        store: where the clean partitions and the counters lie.
        params: those that `examples` were made with.
        examples: `user_id`, `article_id`, `asked_at` and the columns PAIR_FEATURES.
        sample: how many moments are drawn (by `training.seed`); each costs a day of counting.

    Returns:
        One row an example and feature that differs: `user_id`, `article_id`, `asked_at`, `feature`,
        `value` (in `examples`) and `expected` (without the future). Empty when nothing leaks.
    """
    drawn = _draw(examples, sample, params.training.seed)
    found = [_differences(drawn.head(0), drawn.head(0))]
    with tempfile.TemporaryDirectory(prefix="newsrec-leaks-") as folder:
        for day in drawn["asked_at"].dt.date().unique(maintain_order=True):
            past = _Past(store, Store(Path(folder, f"{day}").as_uri()), day, params)
            of_day = drawn.filter(pl.col("asked_at").dt.date() == day)
            for moment in of_day["asked_at"].unique(maintain_order=True):
                past.end_at(moment)
                asked = of_day.filter(pl.col("asked_at") == moment)
                expected = with_features(past.copy, asked.select(_ID), params, moment)
                found.append(_differences(asked, expected))
    return pl.concat(found)


class _Past:
    """A copy of a store, as it was at moments of one day."""

    def __init__(self, store: Store, copy: Store, day: date, params: Params) -> None:
        self.copy = copy
        self._store = store
        self._day = day
        self._params = params
        self._counted = False
        # A report may come so late, and its read may have ended on the day after its own.
        self._late = params.etl.late_days + 1
        first = day - timedelta(days=self._late)
        for view in KEYS:
            self._copy_counters(view, first)
        self._first = first

    def end_at(self, moment: datetime) -> None:
        """Take away what became available at or after the moment, and count again."""
        for entity in ENTITIES:
            self._copy_clean(entity, moment)
        days = (self._day - self._first).days
        for n in range(days if self._counted else 0, days + 1):
            update_counters(self.copy, self._first + timedelta(days=n), self._params, _BATCH)
        self._counted = True

    def _copy_counters(self, view: str, before: date) -> None:
        """What was known at the end of the day before `before`."""
        yesterday = before - timedelta(days=1)
        if view in snapshots.FORGETFUL:
            since = before - timedelta(days=self._params.features.exposure_history_days)
            dataset = snapshots.rows_dataset(view)
            for part in partitions.manifests(self._store, dataset, since, yesterday):
                frame = partitions.scan(self._store, [part])
                if frame is not None:
                    snapshots.write(self.copy, dataset, part.day, [frame.collect()], _BATCH)
            return
        state = snapshots.last_rows(self._store, view, day_start(before))
        if state is not None:
            dataset = snapshots.state_dataset(view)
            snapshots.write(self.copy, dataset, yesterday, [state], _BATCH)

    def _copy_clean(self, entity: str, moment: datetime) -> None:
        dataset, first = f"clean/{entity}", self._first_day(entity)
        for part in partitions.manifests(self._store, dataset, first, None):
            # What had ended before this day was copied the first time.
            if self._counted and part.day < self._day - timedelta(days=self._late):
                continue
            frame = partitions.scan(self._store, [part])
            if frame is not None:
                known = frame.filter(pl.col("available_at") < moment).collect()
                snapshots.write(self.copy, dataset, part.day, [known], _BATCH)

    def _first_day(self, entity: str) -> date | None:
        """The first day of which features need clean rows."""
        if entity == "users":
            return None
        if entity == "articles":
            return self._first - timedelta(days=self._params.training.window_days)
        return self._first - timedelta(days=self._late)


def _draw(examples: pl.DataFrame, sample: int, seed: int) -> pl.DataFrame:
    moments = examples.select("asked_at").unique().sort("asked_at")
    rng = np.random.default_rng(seed)
    drawn = np.sort(rng.permutation(moments.height)[:sample])
    return examples.join(moments[drawn], on="asked_at", how="semi").sort(
        "asked_at", "user_id", "article_id"
    )


def _differences(asked: pl.DataFrame, expected: pl.DataFrame) -> pl.DataFrame:
    """The features of which the values are not the same; rows side by side."""
    long = [
        frame.select(*_ID, pl.col(PAIR_FEATURES).cast(pl.Float32)).unpivot(
            PAIR_FEATURES, index=_ID, variable_name="feature", value_name=name
        )
        for name, frame in (("value", asked), ("expected", expected))
    ]
    both = long[0].with_columns(long[1]["expected"])
    return both.filter(pl.col("value").ne_missing(pl.col("expected")))
