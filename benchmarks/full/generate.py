"""Writes a world of the stated size into a store; run as a process of its own, and not timed."""

from datetime import date

import polars as pl
from benchmarks.full.feature_rows import FeatureRowsOf
from benchmarks.full.records import Ids, Records, write
from benchmarks.full.world import Size, World

from newsrec_pipelines.features.raw import KEYS
from newsrec_pipelines.features.snapshots import rows_dataset, state_dataset
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.store import Store


def generate(store: Store, size: Size, params: Params) -> dict[str, int]:
    """Clean partitions of all days, and the feature rows around the last one.

    Lists that were shown are written for the days that the ranker is trained on. Snapshots of the
    counters are those at the end of the last day, for the request, and of the day before them, for
    the examples.

    Returns:
        Rows and bytes by dataset.
    """
    world = World(size)
    ids = Ids(world)
    records = Records(world, ids)
    counts: dict[str, int] = {"bytes": 0}

    def put(dataset: str, day: date, frame: pl.DataFrame) -> None:
        counts["bytes"] += write(store, dataset, day, frame)
        counts[dataset] = counts.get(dataset, 0) + frame.height

    put("clean/users", size.day(0), records.users())
    # At least one day lies before them: what the scorers know when the ranker is trained.
    shown_from = max(size.days - params.training.ranker_days, 1)
    reads = []
    for n, of_day in enumerate(world.reads()):
        put("clean/articles", size.day(n), records.articles(n))
        put("clean/reads", size.day(n), records.reads(n, of_day))
        if n >= shown_from:
            put("clean/impressions", size.day(n), records.impressions(n, of_day))
        reads.append(of_day)
    rows = FeatureRowsOf(world, ids, reads, params)
    for view in KEYS:
        # It has no snapshots: what is older than some days is forgotten.
        if view == "exposure_history":
            continue
        for day in (shown_from - 1, size.days - 1):
            put(state_dataset(view), size.day(day), rows.at(view, day))
    for day in range(shown_from, size.days):
        put(rows_dataset("article"), size.day(day), rows.within(day))
    for day in range(max(shown_from - params.features.exposure_history_days, 0), size.days):
        put(rows_dataset("exposure_history"), size.day(day), rows.exposures(day))
    return counts
