"""One run: a request, slates by the pinned models, and everything published in one moment."""

import os
import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TypeVar

import polars as pl

from newsrec_pipelines.db import Connection
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.features.types import Request
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.progress import track
from newsrec_pipelines.rollout.variants import CHAMPION, Variant, assign
from newsrec_pipelines.scoring import slates
from newsrec_pipelines.scoring.evidence import Evidence
from newsrec_pipelines.scoring.popular import popular_slates
from newsrec_pipelines.scoring.publish import Run, Writer, prune, publishing, without_rows
from newsrec_pipelines.scoring.readers import blocked_articles, override, reader_settings
from newsrec_pipelines.scoring.versions import Version

READERS_PER_BLOCK = 2_000
# A thread for each core: each makes whole blocks by itself.
THREADS = os.cpu_count() or 1
T = TypeVar("T")


@dataclass(kw_only=True)
class Counts:
    """What the slates of one variant are like.

    Attributes:
        ranked: pairs of a reader and a candidate that the ranker has scored.
    """

    readers: int = 0
    without_slate: int = 0
    shorter: int = 0
    places: int = 0
    ranked: int = 0

    def add(self, block: slates.Made, depth: int) -> None:
        """Count a block of slates."""
        lengths = block.slates["article_ids"].list.len()
        self.readers += block.slates.height
        self.without_slate += block.readers - block.slates.height
        self.places += int(lengths.sum())
        self.shorter += int((lengths < depth).sum())
        self.ranked += block.candidates


@dataclass
class Summary(Counts):
    """What a run did; what it counts of slates are those of the champion.

    Attributes:
        candidates: articles that anybody could get.
        seconds: by step, in order; blocks are predicted while others are written.
        variants: those that were written.
        skipped: variants without slates in this run, and why.
    """

    run_id: str
    cold: int = 0
    candidates: int = 0
    pruned: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    variants: dict[Variant, Counts] = field(default_factory=dict)
    skipped: dict[Variant, str] = field(default_factory=dict)

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
    champion: Version,
    request: Request,
    params: Params,
    summary: Summary,
    variants: Mapping[Variant, Callable[[], Version]],
    readers_per_block: int = READERS_PER_BLOCK,
) -> None:
    """Write and publish slates for all readers of the request; `summary` says what was done.

    Everybody gets a slate of the champion, and the readers of a variant one of its version beside
    it, so that the end of a variant needs no other run. A variant that fails is left out, whatever
    is wrong with it: it must not cost anybody the champion's slates.

    The slates do not depend on `readers_per_block`, which only bounds the memory. What explains
    them is whole in the store before anybody can see them, and goes when their rows go.

    Raises:
        ModelError: when a slate of the champion breaks a rule of publishing. Nothing is published
            then.
        DatabaseError: when another run of the same date is being written.
    """
    summary.candidates = request.articles.height
    known = request.history["user_id"].unique()
    summary.cold = int((~request.users["user_id"].is_in(known.implode())).sum())
    with publishing(conn, run) as writer, evidence.whole(run):
        _sweep(conn, evidence)
        written = _Slates(writer, evidence, request, params.slate.depth, summary, readers_per_block)
        written.write(CHAMPION, champion, request.users, summary)
        with summary.timed("popular and similar"):
            writer.popular(popular_slates(request, params))
            writer.similar(slates.similar(champion.model, request, params.slate.depth))
        shares = assign(request.users["user_id"], list(variants))
        for variant, load in variants.items():
            readers, counts = request.users.filter(shares == variant.name), Counts()
            try:
                if readers.height:
                    written.write(variant.name, load(), readers, counts)
                summary.variants[variant] = counts
            except Exception as e:
                writer.remove_slates(variant.name)
                summary.skipped[variant] = " ".join(str(e).split()) or type(e).__name__
    with summary.timed("prune"):
        summary.pruned = prune(conn, params.slate.keep_runs, run.run_id)
        _sweep(conn, evidence)


@dataclass(frozen=True)
class _Slates:
    """Writes slates, those of one variant after those of another."""

    writer: Writer
    evidence: Evidence
    request: Request
    depth: int
    summary: Summary
    readers_per_block: int

    def write(self, variant: str, version: Version, readers: pl.DataFrame, counts: Counts) -> None:
        """Slates of a version for some of the request's readers, and what explains them."""
        request, summary = replace(self.request, users=readers), self.summary
        total = -(-readers.height // self.readers_per_block)
        made = slates.predict(version.model, request, self.depth, self.readers_per_block, THREADS)
        kept = self.evidence.keeping(self.writer.run, variant, version.origin, request.articles)
        with kept as places:
            for block in track(summary.waiting("predict", made), f"slates of {variant}", total):
                with summary.timed("write"):
                    self.writer.slates(block.slates, variant, version.name)
                with summary.timed("keep"):
                    places.write(block.placed)
                counts.add(block, self.depth)


def _sweep(conn: Connection, evidence: Evidence) -> None:
    """Remove what was kept of runs that are gone: a kill may have come between the two."""
    evidence.remove(without_rows(conn, evidence.runs()))
