"""The articles of a day as numbers: topic, quality, appeal, clickbait, breaking stories."""

from dataclasses import dataclass, fields
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from newsrec_pipelines.datasets.world.readers import ANGLES
from newsrec_pipelines.datasets.world.seeds import stream
from newsrec_pipelines.datasets.world.taxonomy import (
    BREAKING,
    CATEGORY_OF,
    CATEGORY_WEIGHTS,
    DAY_US,
    HALF_LIFE_HOURS,
    HOUR_US,
    LANGUAGE_WEIGHTS,
    LANGUAGES,
    PUBLISHERS,
    SUBCATEGORIES,
    day_start_us,
)
from newsrec_pipelines.parameters import WorldParams
from newsrec_pipelines.schemas import REGIONS

_LOCAL = 0.3  # share of a local publisher's articles that are meant for its home only
LIFE_DAYS = 2  # articles older than this are on no page any more
# Share of the day's articles by hour, UTC: newsrooms of three continents.
_HOURS = np.array([2, 1, 1, 1, 2, 4, 6, 7, 7, 6, 6, 6, 7, 7, 7, 6, 6, 6, 5, 5, 4, 4, 3, 3], float)


@dataclass(frozen=True)
class Articles:
    """Articles in order of publication, as arrays of equal length.

    Attributes:
        day: ordinal of the day of publication; with `number` it makes the id.
        number: position within the day.
        published_us: microseconds since 1970.
        language, subcategory, publisher, region: codes (positions in the taxonomy).
        local: meant for the readers of its region only.
        quality: 0 to 1, true quality; dwell follows it.
        clickbait: promises much, holds little.
        appeal: how much the headline attracts anyone, log odds.
        seconds: what reading the whole takes.
        half_life: hours until half of the interest is gone.
        story: number of the breaking story within the day, -1 for none.
        story_kind: position in `taxonomy.BREAKING`, -1 for none.
        angles: (n, ANGLES) float32, hidden traits.
    """

    day: NDArray[np.int32]
    number: NDArray[np.int32]
    published_us: NDArray[np.int64]
    language: NDArray[np.int8]
    subcategory: NDArray[np.int8]
    publisher: NDArray[np.int8]
    region: NDArray[np.int8]
    local: NDArray[np.bool_]
    quality: NDArray[np.float32]
    clickbait: NDArray[np.bool_]
    appeal: NDArray[np.float32]
    seconds: NDArray[np.float32]
    half_life: NDArray[np.float32]
    story: NDArray[np.int8]
    story_kind: NDArray[np.int8]
    angles: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.day)

    def ids(self) -> list[str]:
        """The public ids, in order."""
        return [
            f"world-{date.fromordinal(d):%Y%m%d}-{n:06d}"
            for d, n in zip(self.day.tolist(), self.number.tolist(), strict=True)
        ]


def living_articles(params: WorldParams, day: date, life_days: int = LIFE_DAYS) -> Articles:
    """The articles that were published on a day and up to `life_days` before it."""
    days = (day - timedelta(days=n) for n in range(life_days, -1, -1))
    parts = [articles_of(params, d) for d in days if d >= params.start]
    columns = {
        f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Articles)
    }
    return Articles(**columns)


def articles_of(params: WorldParams, day: date) -> Articles:
    """The articles that are published on one day."""
    return _articles_of(params.seed, params.articles_per_day, day)


@lru_cache(maxsize=12)
def _articles_of(seed: int, n: int, day: date) -> Articles:
    rng = stream(seed, "articles", day)
    hour = rng.choice(24, n, p=_HOURS / _HOURS.sum())
    published = np.sort(hour * HOUR_US + rng.integers(0, HOUR_US, n) // 1000 * 1000)
    weights = np.array([CATEGORY_WEIGHTS[c] for c in CATEGORY_OF])
    subcategory = rng.choice(len(SUBCATEGORIES), n, p=weights / weights.sum()).astype(np.int8)
    story, story_kind = _stories(stream(seed, "stories", day), published)
    covering = np.array([SUBCATEGORIES.index(s) for s in BREAKING.values()], np.int8)
    subcategory = np.where(story >= 0, covering[story_kind], subcategory).astype(np.int8)
    language = rng.choice(len(LANGUAGES), n, p=LANGUAGE_WEIGHTS).astype(np.int8)
    publisher = _publishers(rng, language)
    reliability = np.array([p.reliability for p in PUBLISHERS])[publisher]
    clickbait = rng.random(n) < np.array([p.clickbait for p in PUBLISHERS])[publisher]
    clickbait &= story < 0
    home = np.array([REGIONS.index(p.home) if p.home else -1 for p in PUBLISHERS])[publisher]
    local = (home >= 0) & (story < 0) & (stream(seed, "local", day).random(n) < _LOCAL)
    appeal = rng.normal(0, 0.7, n) + 1.3 * clickbait + 1.6 * (story >= 0)
    return Articles(
        day=np.full(n, day.toordinal(), np.int32),
        number=np.arange(n, dtype=np.int32),
        published_us=day_start_us(day) + published,
        language=language,
        subcategory=subcategory,
        publisher=publisher,
        region=np.where(local, home, rng.integers(len(REGIONS), size=n)).astype(np.int8),
        local=local,
        quality=np.clip(rng.normal(reliability, 0.12), 0.05, 1.0).astype(np.float32),
        clickbait=clickbait,
        appeal=appeal.astype(np.float32),
        seconds=np.clip(rng.lognormal(4.7, 0.5, n), 30, 600).astype(np.float32),
        half_life=np.array(HALF_LIFE_HOURS, np.float32)[np.array(CATEGORY_OF)[subcategory]],
        story=story,
        story_kind=story_kind,
        angles=rng.normal(size=(n, ANGLES)).astype(np.float32),
    )


def _stories(
    rng: np.random.Generator, published: NDArray[np.int64]
) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """Something happens now and then, and for three hours many newsrooms write about it."""
    story = np.full(len(published), -1, np.int8)
    kind = np.full(len(published), -1, np.int8)
    events = min(1 + rng.poisson(len(published) / 400), 100)
    for number in range(events):
        begin = rng.integers(0, DAY_US - 3 * HOUR_US)
        in_time = np.flatnonzero((published >= begin) & (published < begin + 3 * HOUR_US))
        covered = in_time[rng.random(len(in_time)) < 0.15][:12]
        story[covered] = number
        kind[covered] = rng.integers(len(BREAKING))
    return story, kind


def _publishers(rng: np.random.Generator, language: NDArray[np.int8]) -> NDArray[np.int8]:
    publisher = np.zeros(len(language), np.int8)
    for code, name in enumerate(LANGUAGES):
        ours = np.array([i for i, p in enumerate(PUBLISHERS) if p.language == name])
        rows = np.flatnonzero(language == code)
        publisher[rows] = rng.choice(ours, len(rows))
    return publisher
