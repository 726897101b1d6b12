"""One run: a request, slates by the pinned model, and everything published in one moment."""

import os
import secrets
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TypeVar

import polars as pl

from newsrec_pipelines.config import Params
from newsrec_pipelines.db import Connection
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.features.types import Request
from newsrec_pipelines.progress import track
from newsrec_pipelines.scoring import slates
from newsrec_pipelines.scoring.evidence import Evidence, PlaceWriter
from newsrec_pipelines.scoring.popular import popular_slates
from newsrec_pipelines.scoring.publish import Run, Writer, prune, publishing, without_rows
from newsrec_pipelines.scoring.readers import blocked_articles, override, reader_settings

READERS_PER_BLOCK = 2_000
# A thread for each core: each makes whole blocks by itself.
THREADS = os.cpu_count() or 1
T = TypeVar("T")


@dataclass
class Summary:
    """What a run did.

    Attributes:
        candidates: articles that anybody could get.
        ranked: pairs of a reader and a candidate that the ranker has scored.
        seconds: by step, in order; blocks are predicted while others are written.
    """

    run_id: str
    readers: int = 0
    without_slate: int = 0
    shorter: int = 0
    places: int = 0
    cold: int = 0
    candidates: int = 0
    ranked: int = 0
    pruned: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Add the time that the block takes to the seconds of `step`."""
        began = time.perf_counter()
        yield
        self.seconds[step] += time.perf_counter() - began

    def waiting(self, step: str, items: Iterator[T]) -> Iterator[T]:
        """The items; the time that they take to come is added to the seconds of `step`."""
        while True:
            with self.timed(step):
                item = next(items, None)
            if item is None:
                return
            yield item


def new_run(day: date, as_of: datetime, model_version: str) -> Run:
    """A run with a unique id that says its date, its moment and its model."""
    run_id = f"{day}T{as_of:%H%M}-{model_version}-{secrets.token_hex(2)}"
    return Run(run_id, day, as_of, model_version)


def readers_and_candidates(request: Request, conn: Connection) -> Request:
    """The request with readers as they set themselves and without blocked candidates.

    Raises:
        DataError: when there is nobody to recommend to, or nothing to recommend.
    """
    at = f"{request.as_of:%Y-%m-%d %H:%M}"
    users = override(request.users, reader_settings(conn, request.as_of))
    if users.is_empty():
        raise DataError(f"no reader was known before {at}: run newsrec etl first")
    blocked = pl.DataFrame({"article_id": blocked_articles(conn)}, {"article_id": pl.String})
    articles = request.articles.join(blocked, on="article_id", how="anti")
    if articles.is_empty():
        raise DataError(f"no article to recommend at {at}: all are expired, blocked or unknown")
    return replace(request, users=users, articles=articles)


def write_run(
    conn: Connection,
    evidence: Evidence,
    run: Run,
    model: slates.Model,
    request: Request,
    params: Params,
    summary: Summary,
    readers_per_block: int = READERS_PER_BLOCK,
) -> None:
    """Write and publish slates for all readers of the request; `summary` says what was done.

    The slates do not depend on `readers_per_block`, which only bounds the memory. What explains
    them is whole in the store before anybody can see them, and goes when their rows go.

    Raises:
        ModelError: when a slate breaks a rule of publishing. Nothing is published then.
        DatabaseError: when another run of the same date is being written.
    """
    summary.candidates = request.articles.height
    known = request.history["user_id"].unique()
    summary.cold = int((~request.users["user_id"].is_in(known.implode())).sum())
    with publishing(conn, run) as writer, evidence.keeping(run, request.articles) as places:
        _sweep(conn, evidence)
        _write_slates(writer, places, summary, model, request, params, readers_per_block)
        with summary.timed("popular and similar"):
            writer.popular(popular_slates(request, params))
            writer.similar(slates.similar(model, request, params.slate.depth))
    with summary.timed("prune"):
        summary.pruned = prune(conn, params.slate.keep_runs, run.run_id)
        _sweep(conn, evidence)


def _write_slates(
    writer: Writer,
    places: PlaceWriter,
    summary: Summary,
    model: slates.Model,
    request: Request,
    params: Params,
    readers_per_block: int,
) -> None:
    depth = params.slate.depth
    total = -(-request.users.height // readers_per_block)
    made = slates.predict(model, request, depth, readers_per_block, THREADS)
    for block in track(summary.waiting("predict", made), "slates", total):
        with summary.timed("write"):
            writer.slates(block.slates)
        with summary.timed("keep"):
            places.write(block.placed)
        lengths = block.slates["article_ids"].list.len()
        summary.readers += block.slates.height
        summary.without_slate += block.readers - block.slates.height
        summary.places += int(lengths.sum())
        summary.shorter += int((lengths < depth).sum())
        summary.ranked += block.candidates


def _sweep(conn: Connection, evidence: Evidence) -> None:
    """Remove what was kept of runs that are gone: a kill may have come between the two."""
    evidence.remove(without_rows(conn, evidence.runs()))
