"""The readers: where they live, what they like, how often they come, and who starts cold."""

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from newsrec_pipelines.datasets.world.seeds import stream
from newsrec_pipelines.datasets.world.taxonomy import (
    CATEGORIES,
    CATEGORY_OF,
    DAY_US,
    HOMES,
    LANGUAGES,
    SUBCATEGORIES,
    day_start_us,
)
from newsrec_pipelines.parameters import WorldParams
from newsrec_pipelines.schemas import REGIONS

ANGLES = 6  # hidden traits of articles beyond the subcategory, as many as collaboration may find
_COMMUNITIES = 8
_JOINING_DAYS = 10  # later readers join within so many days of the world's start
# How readers begin: known for long; join later; chose categories but never read; nothing at all.
STARTS = ("known", "later", "categories_only", "nothing")
_START_SHARES = (0.80, 0.10, 0.06, 0.04)


@dataclass(frozen=True)
class Readers:
    """All readers as arrays of length n; the number of a reader is her position.

    Attributes:
        home: position in `taxonomy.HOMES`.
        region, language: codes, positions in `schemas.REGIONS` and `taxonomy.LANGUAGES`.
        start: position in `STARTS`.
        joined_us: when she joined, microseconds since 1970.
        active_us: her first possible visit.
        rate: expected visits a day.
        app: True when she reads in the app, else on the site.
        interests: (n, subcategories) float32, about N(0, 1) within a reader.
        angles: (n, ANGLES) float32, about N(0, 1).
        gullibility: (n,) pull of clickbait, 0 to 1.
        preferred: (n, categories) bool, what she chose at the start.
        has_email, digest: whether an address is known and the daily digest is wanted.
    """

    home: NDArray[np.int8]
    region: NDArray[np.int8]
    language: NDArray[np.int8]
    start: NDArray[np.int8]
    joined_us: NDArray[np.int64]
    active_us: NDArray[np.int64]
    rate: NDArray[np.float32]
    app: NDArray[np.bool_]
    interests: NDArray[np.float32]
    angles: NDArray[np.float32]
    gullibility: NDArray[np.float32]
    preferred: NDArray[np.bool_]
    has_email: NDArray[np.bool_]
    digest: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.home)

    def id(self, number: int) -> str:
        """The reader's public id."""
        return f"reader-{number:06d}"


def readers_on(params: WorldParams, day: date) -> Readers:
    """The readers with the tastes that they have on a day."""
    shifted = params.shift_day is not None and day >= params.shift_day
    return _readers(params.seed, params.start, params.readers, params.visits_per_day, shifted)


@lru_cache(maxsize=2)
def _readers(seed: int, start_day: date, n: int, visits: float, shifted: bool) -> Readers:
    rng = stream(seed, "readers")
    weights = np.array([h.weight for h in HOMES])
    home = rng.choice(len(HOMES), n, p=weights / weights.sum()).astype(np.int8)
    start = rng.choice(len(STARTS), n, p=_START_SHARES).astype(np.int8)
    joined, active = _when(rng, start, day_start_us(start_day))
    interests, angles = _tastes(stream(seed, "tastes"), n)
    # Preferences are chosen at the start: they stay when tastes move on.
    preferred = _preferred(rng, interests, start)
    if shifted:
        interests, angles = _tastes(stream(seed, "tastes after the shift"), n)
    rate = rng.gamma(1.5, visits / 1.5, n).astype(np.float32)
    return Readers(
        home=home,
        region=np.array([REGIONS.index(h.region) for h in HOMES], np.int8)[home],
        language=np.array([LANGUAGES.index(h.language) for h in HOMES], np.int8)[home],
        start=start,
        joined_us=joined,
        active_us=active,
        rate=rate,
        app=rng.random(n) < 0.6,
        interests=interests,
        angles=angles,
        gullibility=rng.beta(2, 2, n).astype(np.float32),
        preferred=preferred,
        has_email=rng.random(n) < 0.97,
        digest=rng.random(n) < 0.8,
    )


def _when(
    rng: np.random.Generator, start: NDArray[np.int8], begin: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    n = len(start)
    # One second of distance: nobody joins before a day that has ended.
    long_ago = begin - rng.integers(1_000_000, 400 * DAY_US, n)
    later = begin + rng.integers(0, _JOINING_DAYS * DAY_US, n)
    joined = np.where(start == STARTS.index("later"), later, long_ago)
    first_visit = begin + rng.integers(2 * DAY_US, (_JOINING_DAYS + 2) * DAY_US, n)
    silent = start >= STARTS.index("categories_only")
    return joined // 1000 * 1000, np.where(silent, first_visit, joined) // 1000 * 1000


def _tastes(rng: np.random.Generator, n: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Each reader mixes two communities and a taste of her own: what others read tells something.

    Within a category the subcategories go together, so that a chosen category tells something too.
    """
    category = rng.normal(size=(_COMMUNITIES, len(CATEGORIES)))[:, list(CATEGORY_OF)]
    profiles = 0.9 * category + 0.5 * rng.normal(size=(_COMMUNITIES, len(SUBCATEGORIES)))
    profiles = np.concatenate([profiles, rng.normal(size=(_COMMUNITIES, ANGLES))], axis=1)
    first, second = rng.integers(_COMMUNITIES, size=(2, n))
    share = rng.uniform(0.5, 1.0, (n, 1))
    mixed = share * profiles[first] + (1 - share) * profiles[second]
    tastes = (mixed + 0.35 * rng.normal(size=mixed.shape)).astype(np.float32)
    topics, angles = tastes[:, : len(SUBCATEGORIES)], tastes[:, len(SUBCATEGORIES) :]
    topics = (topics - topics.mean(1, keepdims=True)) / topics.std(1, keepdims=True)
    return np.ascontiguousarray(topics), np.ascontiguousarray(angles)


def by_category(interests: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, subcategories) interests as the mean of each category's: (n, categories)."""
    each = len(SUBCATEGORIES) // len(CATEGORIES)
    return np.asarray(interests.reshape(len(interests), len(CATEGORIES), each).mean(2))


def _preferred(
    rng: np.random.Generator, interests: NDArray[np.float32], start: NDArray[np.int8]
) -> NDArray[np.bool_]:
    """One to four favourite categories, as well as people know themselves; many choose none."""
    n = len(interests)
    of_category = by_category(interests)
    noisy = of_category + 0.3 * rng.normal(size=of_category.shape)
    rank = np.argsort(np.argsort(-noisy, axis=1), axis=1)
    chosen = rank < rng.integers(1, 5, (n, 1))
    share = np.array([0.6, 0.8, 1.0, 0.0])[start]
    return chosen & (rng.random(n) < share)[:, None]
