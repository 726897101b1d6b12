"""One day of arrival, step by step: stage, commit, manifests, counters; and repair after a kill."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

import polars as pl
import psycopg2

from newsrec_pipelines import partitions
from newsrec_pipelines.db import Connection
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.etl import clean, runs, tables
from newsrec_pipelines.etl.checks import Rules
from newsrec_pipelines.etl.plan import Piece, Plan, make_plan
from newsrec_pipelines.etl.source import LandingSource, Source
from newsrec_pipelines.etl.staging import Sink, StagingArea
from newsrec_pipelines.features.counters import update_counters
from newsrec_pipelines.features.raw import KEYS
from newsrec_pipelines.features.snapshots import rows_dataset
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.partitions import Manifest, PartitionFile
from newsrec_pipelines.schemas import ENTITIES, Entity
from newsrec_pipelines.store import Store

# Ids of so many bytes of landing files are deduplicated together, in one worker's memory.
_BYTES_PER_PARTITION = 64 << 20

Counts = dict[str, Any]
Pipeline = Callable[[Iterable[Piece], Source, Sink, Rules, int], None]


@dataclass
class Etl:
    """The ETL with everything that it needs; `conn` holds the lock (`runs.only_one`)."""

    conn: Connection
    store: Store
    params: Params
    pipeline: Pipeline
    counts: Counts = field(default_factory=dict)

    def repair(self) -> list[str]:
        """Bring what a kill left to its end or to its beginning; batches that were repaired."""
        repaired = []
        for batch_id, day, status in runs.unfinished(self.conn):
            if status == "committed":
                for _ in self._complete(day, batch_id):
                    pass
            else:
                self._discard(batch_id)
            repaired.append(batch_id)
        return repaired

    def day(self, day: date) -> Iterator[str]:
        """Process what arrived on `day`, yielding the name of each step when it is done.

        Afterwards `counts` has the numbers of the run. The last step is ``unchanged`` when the same
        files were processed before. A generator that is closed before ``committed`` leaves
        everything as it was.

        Raises:
            DataError: when a file is broken.
            DatabaseError: when PostgreSQL fails.
        """
        self.counts = {}
        plan = make_plan(self.store, day, self.params)
        if (done := self._done(plan)) is not None:
            self.counts = done
            yield "unchanged"
            return
        runs.begin(self.conn, plan)
        yield "begun"
        try:
            yield from self._commit(plan)
        except BaseException:
            with suppress(psycopg2.Error):  # the next start will do it
                self.conn.rollback()
                self._discard(plan.batch_id)
            raise
        yield "committed"
        yield from self._complete(day, plan.batch_id)

    def _commit(self, plan: Plan) -> Iterator[str]:
        rules = Rules(plan.day, self.params.etl)
        staging = StagingArea(self.store, plan.batch_id)
        staging.remove()
        number = 1 + plan.bytes // _BYTES_PER_PARTITION
        if plan.pieces:
            self.pipeline(plan.pieces, LandingSource(self.store), staging, rules, number)
        dead = _dead_letters(staging, plan)
        yield "staged"
        rows = {e.name: _rows(staging, e, plan) for e in ENTITIES.values()}
        for entity in ENTITIES.values():
            if entity.day_field:
                tables.ensure_partitions(self.conn, entity.name, _days(rows[entity.name]))
        tables.ensure_partitions(self.conn, "dead_letters", [plan.day] if dead.height else [])
        with self.conn:
            placed = {name: self._load(ENTITIES[name], frame) for name, frame in rows.items()}
            tables.replace_dead_letters(self.conn, plan.day, dead)
            yield "loaded"
            manifests = list(self._write_clean(staging, rows, placed, plan.batch_id))
            staging.write_json("manifests", [asdict(m) for m in manifests])
            counts = _counts(staging, rows, placed, dead, manifests)
            runs.mark_committed(self.conn, plan.batch_id, counts)
            self.counts = counts
            yield "written"

    def _load(self, entity: Entity, rows: pl.DataFrame) -> tables.Placed:
        if rows.is_empty():
            return tables.Placed()
        if entity.day_field:
            return tables.upsert_events(self.conn, entity, rows)
        tables.upsert_versions(self.conn, entity, rows.drop("day"))
        return tables.Placed()

    def _write_clean(
        self,
        staging: StagingArea,
        rows: dict[str, pl.DataFrame],
        placed: dict[str, tables.Placed],
        batch_id: str,
    ) -> Iterator[Manifest]:
        touched = {
            clean.dataset(e): [str(d) for d in clean.changed_days(e, rows[e.name], placed[e.name])]
            for e in ENTITIES.values()
        }
        staging.write_json("touched", touched)
        for name, entity in ENTITIES.items():
            yield from clean.write_days(self.store, entity, rows[name], placed[name], batch_id)

    def _complete(self, day: date, batch_id: str) -> Iterator[str]:
        """Everything after the commit; may be repeated."""
        staging = StagingArea(self.store, batch_id)
        found = staging.read_json("manifests")
        if not isinstance(found, list):  # somebody emptied the store: the day has to run again
            runs.fail(self.conn, batch_id)
            return
        for manifest in map(_manifest, found):
            partitions.write_manifest(self.store, manifest)
            clean.sweep(self.store, manifest.dataset, manifest.day)
            yield f"manifest {manifest.dataset} {manifest.day}"
        later = [d for d in self.store.days("counters/article") if d > day]
        for d in [day, *later]:
            rows = update_counters(self.store, d, self.params, batch_id)
            if d == day:
                self.counts["counters"] = rows
            yield f"counters {d}"
        runs.finish(self.conn, batch_id)
        staging.remove()
        yield "finished"

    def _discard(self, batch_id: str) -> None:
        staging = StagingArea(self.store, batch_id)
        touched = staging.read_json("touched")
        if isinstance(touched, dict):
            for name, days in touched.items():
                for day in days:
                    clean.sweep(self.store, name, date.fromisoformat(day))
        staging.remove()
        runs.fail(self.conn, batch_id)

    def _done(self, plan: Plan) -> Counts | None:
        """Counts of the run that processed the same files, if all that it wrote is still there."""
        last = runs.last_finished(self.conn, plan.day)
        if last is None or last[0] != plan.batch_id:
            return None
        counts = last[1]
        written = [(n, date.fromisoformat(d)) for n, ds in counts["partitions"].items() for d in ds]
        written += [(rows_dataset(view), plan.day) for view in KEYS]
        if any(partitions.read_manifest(self.store, *part) is None for part in written):
            return None
        return counts


def _dead_letters(staging: StagingArea, plan: Plan) -> pl.DataFrame:
    """All dead letters as rows of their table; a broken file is an error."""
    found = [
        pl.DataFrame(
            schema={
                "line": pl.Int64,
                "reason": pl.String,
                "record": pl.String,
                "file": pl.String,
                "entity": pl.String,
            }
        )
    ]
    for name in ENTITIES:
        found += [
            f.with_columns(pl.lit(name).alias("entity")) for f in staging.frames("dead", name)
        ]
    dead = pl.concat(found)
    files = dead.filter(pl.col("line") == 0)
    if not files.is_empty():
        raise DataError(str(files["reason"][0]))
    return dead.with_columns(
        pl.lit(plan.day).alias("arrival_date"), pl.lit(plan.batch_id).alias("batch_id")
    )


def _rows(staging: StagingArea, entity: Entity, plan: Plan) -> pl.DataFrame:
    """Rows as they go into the table: the clean schema's columns, and ``day``."""
    frames = list(staging.frames("rows", entity.name))
    names = entity.clean_schema.names
    if not frames:
        empty = pl.DataFrame(entity.clean_schema.empty_table())
        return empty.with_columns(pl.lit(plan.day).alias("day"))
    day = pl.col(entity.day_field).dt.date() if entity.day_field else pl.lit(plan.day)
    rows = pl.concat(frames).with_columns(pl.lit(plan.batch_id).alias("batch_id"))
    return rows.select(*names, day.alias("day"))


def _days(rows: pl.DataFrame) -> list[date]:
    return sorted(rows["day"].unique())


def _counts(
    staging: StagingArea,
    rows: dict[str, pl.DataFrame],
    placed: dict[str, tables.Placed],
    dead: pl.DataFrame,
    manifests: list[Manifest],
) -> Counts:
    counts: Counts = {}
    for name, frame in rows.items():
        mine = dead.filter(entity=name)
        good = sum(f.records for f in staging.files("rows", name))
        counts[name] = {
            "records": good + mine.height,
            "rows": frame.height - len(placed[name].lost),
            "duplicates": good - frame.height,
            "known": len(placed[name].lost),
            "moved": len(placed[name].moved),
            "dead_letters": dict(mine["reason"].value_counts(sort=True).iter_rows()),
        }
    written: dict[str, list[str]] = {}
    for m in manifests:
        written.setdefault(m.dataset, []).append(str(m.day))
    return {**counts, "partitions": written}


def _manifest(raw: dict[str, Any]) -> Manifest:
    files = tuple(PartitionFile(**f) for f in raw["files"])
    return Manifest(raw["dataset"], date.fromisoformat(raw["day"]), raw["batch_id"], files)
