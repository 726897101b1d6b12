"""Some days in the official shapes of MIND and EB-NeRD, with something to learn in them."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from support import official_files

READERS = 16
LISTS = 4  # of a reader and day
NEW = 10  # articles a day


class Shown(NamedTuple):
    """One list and what was clicked in it: a hit of the day, most of the time."""

    user: int
    at: datetime
    articles: list[int]
    clicked: int


def lists(first: date, days: int) -> Iterator[Shown]:
    """The articles of a day are shown on it and on the next; two of the new ones are hits."""
    rng = np.random.default_rng(5)
    for n in range(days):
        midnight = datetime.combine(first + timedelta(days=n), datetime.min.time())
        alive = 100 + np.arange(max(0, n - 1) * NEW, (n + 1) * NEW)
        hits = alive[-2:]
        for user in range(READERS):
            for _ in range(LISTS):
                hit = int(hits[user % 2])
                others = rng.choice(alive[:-2], 5, replace=False).tolist()
                shown = rng.permutation([hit, *others]).tolist()
                clicked = hit if rng.random() < 0.8 else int(rng.choice(others))
                moment = midnight + timedelta(seconds=int(rng.integers(600, 86_000)))
                yield Shown(user + 1, moment, shown, clicked)


def ebnerd(folder: Path, articles: bool = True) -> Path:
    """21 to 26 May 2023; the last two days are the validation."""
    shown = sorted(lists(date(2023, 5, 21), 6), key=lambda s: s.at)
    nobody = [official_files.history(user + 1) for user in range(READERS)]
    for split, days in (("train", range(21, 25)), ("validation", range(25, 27))):
        rows = [
            official_files.behavior(
                number,
                s.user,
                s.at,
                " ".join(map(str, s.articles)),
                str(s.clicked),
                next_read_time=45.0,
            )
            for number, s in enumerate(shown)
            if s.at.day in days
        ]
        official_files.ebnerd_split(folder / split, rows, nobody)
    if articles:
        first = datetime.fromisoformat("2023-05-21T00:00:00")
        rows = [
            (
                100 + n, f"Artikel {n}", "u", "b", first + timedelta(days=n // NEW),
                "sport" if n % 2 else "nyheder", [], f"https://eb.dk/{n}", 10, 9, 5e2,
            )
            for n in range(6 * NEW)
        ]  # fmt: skip
        table = pl.DataFrame(rows, schema=official_files.ARTICLES, orient="row")
        table.write_parquet(folder / "articles.parquet")
    return folder


def mind(folder: Path) -> Path:
    """11 to 15 November 2019; the last day is dev."""
    shown = sorted(lists(date(2019, 11, 11), 5), key=lambda s: s.at)
    news = [f"N{100 + n}" for n in range(5 * NEW)]
    for split, days in (("MINDsmall_train", range(11, 15)), ("MINDsmall_dev", range(15, 16))):
        rows = [
            (
                str(number),
                f"U{s.user}",
                f"{s.at:%m/%d/%Y %I:%M:%S %p}",
                "",
                " ".join(f"N{a}-{int(a == s.clicked)}" for a in s.articles),
            )
            for number, s in enumerate(shown)
            if s.at.day in days
        ]
        official_files.mind_split(folder / split, rows, news)
    return folder
