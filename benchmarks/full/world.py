"""Draws a world of the stated size as arrays: readers, articles, and who read what."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from newsrec_pipelines.schemas import REGIONS

Ints = NDArray[np.int64]

LANGUAGES: Final = ("en", "es", "fr", "pt")
CATEGORIES: Final = tuple(f"category {n:02}" for n in range(20))
SUBCATEGORIES: Final = 6  # of each category
PUBLISHERS: Final = 600  # of each language
READS_A_DAY: Final = 2.4  # of a reader on average: two visits with 1.2 reads each
SHOWN_BESIDE: Final = 8  # unread articles in the list that a read came from
DAY: Final = 86_400_000_000  # microseconds

_READERS_BY_REGION: Final = (0.45, 0.30, 0.25)
# Of the readers of each region, in the order of LANGUAGES.
_LANGUAGE_BY_REGION: Final = ((0.05, 0.6, 0.0, 0.35), (0.5, 0.0, 0.4, 0.1), (0.7, 0.2, 0.1, 0.0))
_ARTICLES_BY_LANGUAGE: Final = (0.4, 0.3, 0.15, 0.15)
_EVERYWHERE: Final = 0.6  # share of the articles that are meant for all regions
_LIKED: Final = 3  # categories of a reader
_OF_LIKED: Final = 0.7  # share of her reads in them
_OF_TODAY: Final = 0.75  # share of the reads of a day that are of articles of that day
_NEVER_READS: Final = 0.05  # share of the readers


@dataclass(frozen=True)
class Size:
    """What is generated; the day after the last one is the day that is recommended for."""

    readers: int
    articles_a_day: int
    days: int
    seed: int = 7
    first: date = date(2026, 3, 1)

    @property
    def as_of(self) -> datetime:
        """The end of the last day."""
        midnight = datetime(self.first.year, self.first.month, self.first.day, tzinfo=UTC)
        return midnight + timedelta(days=self.days)

    def day(self, n: int) -> date:
        """The date of the day `n`."""
        return self.first + timedelta(days=n)


class Readers(NamedTuple):
    """Shape (readers,) each; `liked` (readers, 3)."""

    region: Ints
    language: Ints
    liked: Ints
    chooses: NDArray[np.bool_]  # whether she has told some of what she likes
    activity: NDArray[np.float64]  # 1 is the average


class Articles(NamedTuple):
    """The articles of all days, in the order of their days; shape (articles,) each."""

    language: Ints
    category: Ints
    subcategory: Ints
    publisher: Ints
    regions: Ints  # bits, in the order of REGIONS
    published: Ints  # microseconds since the start of the first day
    weight: NDArray[np.float64]  # how much it is read


class Reads(NamedTuple):
    """The reads of one day; shape (reads,) each, `beside` (reads, SHOWN_BESIDE)."""

    reader: Ints
    article: Ints
    at: Ints  # microseconds since the start of the first day
    dwell: NDArray[np.float32]  # seconds; NaN is unknown
    beside: NDArray[np.int32]  # articles shown with it and not read


class World:
    """The readers and articles of one size, the same for the same seed."""

    def __init__(self, size: Size) -> None:
        self.size = size
        self._popular = _zipf(len(CATEGORIES))
        self.readers = self._draw_readers(np.random.default_rng([size.seed, 1]))
        self.articles = self._draw_articles(np.random.default_rng([size.seed, 2]))

    def reads(self, first: int = 0) -> Iterator[Reads]:
        """The reads of each day from `first` on."""
        for n in range(first, self.size.days):
            yield self._draw_reads(n, np.random.default_rng([self.size.seed, 3, n]))

    def of_day(self, n: int) -> slice:
        """The rows of the articles of a day."""
        return slice(n * self.size.articles_a_day, (n + 1) * self.size.articles_a_day)

    def _draw_readers(self, rng: np.random.Generator) -> Readers:
        n = self.size.readers
        region = rng.choice(len(REGIONS), n, p=_READERS_BY_REGION)
        language = np.zeros(n, np.int64)
        for r, shares in enumerate(_LANGUAGE_BY_REGION):
            language[region == r] = rng.choice(len(LANGUAGES), (region == r).sum(), p=shares)
        activity = rng.gamma(1.0, 1.0, n)
        activity[rng.random(n) < _NEVER_READS] = 0.0
        return Readers(
            region=region,
            language=language,
            liked=rng.choice(len(CATEGORIES), (n, _LIKED), p=self._popular),
            chooses=rng.random(n) < 0.6,
            activity=activity,
        )

    def _draw_articles(self, rng: np.random.Generator) -> Articles:
        n = self.size.articles_a_day * self.size.days
        language = rng.choice(len(LANGUAGES), n, p=_ARTICLES_BY_LANGUAGE)
        everywhere = (1 << len(REGIONS)) - 1
        some = rng.integers(1, everywhere, n)
        day = np.repeat(np.arange(self.size.days), self.size.articles_a_day)
        return Articles(
            language=language,
            category=rng.choice(len(CATEGORIES), n, p=self._popular),
            subcategory=rng.integers(0, SUBCATEGORIES, n),
            publisher=language * PUBLISHERS + (PUBLISHERS * rng.random(n) ** 3).astype(np.int64),
            regions=np.where(rng.random(n) < _EVERYWHERE, everywhere, some),
            published=day * DAY + (rng.beta(2, 2, n) * DAY).astype(np.int64),
            weight=rng.lognormal(0.0, 1.5, n),
        )

    def _draw_reads(self, n: int, rng: np.random.Generator) -> Reads:
        reader = np.repeat(
            np.arange(self.size.readers), rng.poisson(READS_A_DAY * self.readers.activity)
        )
        liked = self.readers.liked[reader, rng.integers(0, _LIKED, len(reader))]
        other = rng.choice(len(CATEGORIES), len(reader), p=self._popular)
        category = np.where(rng.random(len(reader)) < _OF_LIKED, liked, other)
        pools = _Pools(self.articles, self._alive(n))
        article = pools.draw(self.readers, reader, category, rng)
        reader, category, article = (a[article >= 0] for a in (reader, category, article))
        k = len(reader) * SHOWN_BESIDE
        any_category = rng.choice(len(CATEGORIES), k, p=self._popular)
        beside = pools.draw(self.readers, np.repeat(reader, SHOWN_BESIDE), any_category, rng)
        published = self.articles.published[article]
        at = n * DAY + (rng.beta(2, 2, len(reader)) * DAY).astype(np.int64)
        soon = published + (rng.exponential(2 / 24, len(reader)) * DAY).astype(np.int64)
        # Two minutes before the end, so that nobody reads an article on the day after.
        at = np.minimum(np.where(at <= published, soon, at), (n + 1) * DAY - 120_000_000)
        in_taste = (self.readers.liked[reader] == category[:, None]).any(axis=1)
        dwell = rng.exponential(np.where(in_taste, 55.0, 20.0)).clip(1, 600).astype(np.float32)
        dwell[rng.random(len(reader)) < 0.1] = np.nan
        return Reads(reader, article, at, dwell, beside.reshape(-1, SHOWN_BESIDE).astype(np.int32))

    def _alive(self, n: int) -> Ints:
        """Rows of the articles of a day and of the day before, the older ones less often read."""
        return np.arange(max(n - 1, 0) * self.size.articles_a_day, self.of_day(n).stop)


class _Pools:
    """Draws articles by weight among those of one language, category and region."""

    def __init__(self, articles: Articles, rows: Ints) -> None:
        self._of_region = []
        today = articles.published[rows] >= articles.published[rows].max() // DAY * DAY
        weight = articles.weight[rows] * np.where(today, _OF_TODAY, 1 - _OF_TODAY)
        pool = articles.language[rows] * len(CATEGORIES) + articles.category[rows]
        order = np.argsort(pool, kind="stable")
        for region in range(len(REGIONS)):
            meant = order[articles.regions[rows[order]] >> region & 1 == 1]
            bounds = np.searchsorted(
                pool[meant], np.arange(len(LANGUAGES) * len(CATEGORIES) + 1), side="left"
            )
            total = np.concatenate([[0.0], np.cumsum(weight[meant])])
            self._of_region.append((rows[meant], total, bounds))

    def draw(
        self, readers: Readers, reader: Ints, category: Ints, rng: np.random.Generator
    ) -> Ints:
        """An article for each reader and category; -1 where there is none."""
        drawn = np.full(len(reader), -1, np.int64)
        pool = readers.language[reader] * len(CATEGORIES) + category
        chance = rng.random(len(reader))
        region_of = readers.region[reader]
        for region, (rows, total, bounds) in enumerate(self._of_region):
            here = np.flatnonzero(region_of == region)
            low, high = bounds[pool[here]], bounds[pool[here] + 1]
            here, low, high = here[high > low], low[high > low], high[high > low]
            wanted = total[low] + chance[here] * (total[high] - total[low])
            found = np.searchsorted(total, wanted, side="right") - 1
            drawn[here] = rows[np.clip(found, low, high - 1)]
        return drawn


def _zipf(n: int) -> NDArray[np.float64]:
    shares = 1 / np.arange(2, n + 2)
    return shares / shares.sum()
