"""A day that models are evaluated by, and models whose slates a test writes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import polars as pl

from newsrec_pipelines.evaluation.day import Day
from newsrec_pipelines.features.types import SLATE_SCHEMA, Request
from newsrec_pipelines.gate.evaluation import System
from newsrec_pipelines.gate.steps import Trained
from support.factories_models import (
    AS_OF,
    REGIONS,
    load_params,
    make_read,
    make_reads,
    make_request,
    make_training_data,
)

READERS = 40
ARTICLES = 80
_DATA = make_training_data(users=READERS, articles=ARTICLES)


def is_cold(reader: int) -> bool:
    """A quarter of the readers, as many of one region as of the other."""
    return reader % 8 in (0, 1)


def region(reader: int) -> str:
    return REGIONS[reader % len(REGIONS)]


def make_day(dwell: float | None = 60.0, readers: int = READERS) -> Day:
    """Each reader opens one article; four have to do for all of them."""
    history = [
        make_read(f"u{n:02d}", f"a{40 + k:03d}")
        for n in range(READERS)
        for k in range(0 if is_cold(n) else 5)
    ]
    opened = [
        make_read(f"u{n:02d}", f"a{n % 4:03d}", dwell, hours_ago=-1 - n / 60)
        for n in range(readers)
    ]
    return Day(
        start=AS_OF,
        known=AS_OF + timedelta(days=1),
        shown=None,
        reads=make_reads(opened),
        request=make_request(_DATA, history=make_reads(history)),
    )


@dataclass
class Written:
    """A model that puts the article that a reader will open at a place, among others.

    Attributes:
        place: of a reader -> from 1 on; 0: not among the ten.
        narrow: fill up with the same articles for all.
        score: of all.
        seconds: that it takes of `clock`.
    """

    place: Callable[[int], int]
    narrow: bool = False
    score: float = 1.0
    seconds: float = 0.0
    clock: list[float] = field(default_factory=lambda: [0.0])
    asked: int = 0

    def predict(self, request: Request) -> pl.DataFrame:
        self.clock[0] += self.seconds
        self.asked += 1
        rows = []
        for user in request.users["user_id"]:
            reader = int(user[1:])
            first = 4 if self.narrow else 4 + 7 * reader % (ARTICLES - 15)
            ids = [f"a{first + k:03d}" for k in range(10)]
            if place := self.place(reader):
                ids[place - 1] = f"a{reader % 4:03d}"
            rows.append(
                {
                    "user_id": user,
                    "article_ids": ids,
                    "scores": [self.score] * 10,
                    "propensities": [1.0] * 10,
                    "reasons": [{"code": "fresh", "text": "New"}] * 10,
                }
            )
        return pl.DataFrame(rows, schema=SLATE_SCHEMA)


def system(model: Written, version: str = "v", megabytes: float = 1.0) -> System:
    return System(model, version, int(megabytes * 1e6))


def trained(*systems: str, failed: dict[str, str] | None = None) -> Trained:
    """The first step, as if each of the systems was a version of its own."""
    return Trained(
        day=AS_OF.date(),
        champion="v-champion" if "champion" in systems else None,
        versions={name: f"v-{name}" for name in systems},
        failed=failed or {},
        notes=[],
        configuration="abc",
        git_commit="abc",
        params=load_params().model_dump(mode="json"),
    )
