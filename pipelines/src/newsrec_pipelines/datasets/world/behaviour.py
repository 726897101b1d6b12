"""How readers react to a list, on the front page and to our slates alike: the hidden truth at work.

Clicks follow the position-based model (Craswell et al. 2008): a place is examined with a
probability that falls with its rank, and an examined headline attracts or not. Dwell follows
interest and quality, and clickbait disappoints. Who has passed over a headline before is less
likely to open it.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from newsrec_pipelines.datasets.world.articles import Articles
from newsrec_pipelines.datasets.world.exposures import earlier_exposures
from newsrec_pipelines.datasets.world.readers import Readers
from newsrec_pipelines.datasets.world.taxonomy import DAY_US, HOUR_US, day_start_us
from newsrec_pipelines.datasets.world.visits import Visits
from newsrec_pipelines.parameters import WorldParams

_EXAMINED = 0.6  # exponent: the tenth place is examined a quarter as often as the first
_BASE = -2.6  # log odds of a click on an average headline at the top
_FOREIGN = -3.0  # log odds for a headline in another language
_NEAR, _ELSEWHERE = 0.5, -1.0  # interest in one's own region, and in what is meant for another one
_HOLDS = 0.15  # what is left of the dwell when the headline was clickbait
_NOISE = 0.6  # sigma of the log of the dwell
_MAX_DWELL = 1800.0
_UNKNOWN = 0.04  # share of views whose end reports no dwell
_NO_END = 0.04  # share of views whose end is never reported
_LIKED, _HIDDEN = 0.03, 0.03


@dataclass(frozen=True)
class Views:
    """Opened articles, in order of their visits and places, as arrays of equal length.

    Attributes:
        visit: position in the visits.
        place: position in the list, 0 is the top.
        article: position in the articles.
        opened_us: microseconds since 1970.
        dwell: seconds, NaN where unknown.
        ended: whether the end was reported at all.
        liked, hidden: whether the reader said so.
        expected_dwell: the truth behind `dwell`, seconds.
        click_probability: the truth behind the click.
    """

    visit: NDArray[np.int64]
    place: NDArray[np.int64]
    article: NDArray[np.int32]
    opened_us: NDArray[np.int64]
    dwell: NDArray[np.float32]
    ended: NDArray[np.bool_]
    liked: NDArray[np.bool_]
    hidden: NDArray[np.bool_]
    expected_dwell: NDArray[np.float32]
    click_probability: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.visit)

    def select(self, rows: NDArray[np.bool_]) -> Self:
        """Some of the views."""
        return type(self)(**{name: column[rows] for name, column in vars(self).items()})


def interest(
    readers: Readers,
    articles: Articles,
    reader: NDArray[np.int64],
    article: NDArray[np.int32],
    strength: float,
) -> NDArray[np.float32]:
    """True interest of readers in articles, about N(0, 1.7²) when `strength` is 1.

    `reader` and `article` are positions and broadcast against each other.
    """
    topic = readers.interests[reader, articles.subcategory[article]]
    angle = np.einsum("...k,...k->...", readers.angles[reader], articles.angles[article])
    elsewhere = np.where(articles.local, np.float32(_ELSEWHERE), np.float32(0))
    near = readers.region[reader] == articles.region[article]
    place = np.where(near, np.float32(_NEAR), elsewhere[article])
    total = strength * (1.5 * topic + 0.25 * angle + place)
    return np.asarray(total, np.float32)


def expected_dwell(
    articles: Articles, article: NDArray[np.int32], liking: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Seconds that a reader with this interest spends on an article once she opened it."""
    attention = 1 / (1 + np.exp(-(0.8 * liking - 0.4)))
    held = np.where(articles.clickbait[article], _HOLDS, articles.quality[article])
    return np.asarray(articles.seconds[article] * held * attention, np.float32)


def reactions(
    rng: np.random.Generator,
    readers: Readers,
    articles: Articles,
    visits: Visits,
    slates: NDArray[np.int32],
    params: WorldParams,
) -> Views:
    """What the visitors open of the lists they see, and how long they stay.

    Args:
        rng: the only source of chance.
        readers: all readers, with the tastes of the day.
        articles: those that `slates` points to.
        visits: n visits in order of time.
        slates: (n, places) positions in `articles`, the top place first, -1 for an empty place.
        params: how much personal taste and earlier exposures matter.
    """
    probability, liking = click_probability(readers, articles, visits, slates, params)
    visit, place = np.nonzero(rng.random(slates.shape, np.float32) < probability)
    opened = slates[visit, place]
    expected = expected_dwell(articles, opened, liking[visit, place])
    views = _views(rng, visits, visit, place, opened, expected, probability[visit, place])
    return _first_and_in_time(visits, views)


def click_probability(
    readers: Readers,
    articles: Articles,
    visits: Visits,
    slates: NDArray[np.int32],
    params: WorldParams,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The chance that each place is opened, and the interest in what lies there.

    Arguments as for `reactions`. Both results are (visits, places); an empty place has chance 0.
    """
    filled = slates >= 0
    article = np.where(filled, slates, 0)
    reader = visits.reader[:, None]
    liking = interest(readers, articles, reader, article, params.taste_strength)
    age = (visits.shown_us[:, None] - articles.published_us[article]) / np.float32(HOUR_US)
    odds = _BASE + liking + articles.appeal[article] * np.float32(0.8)
    odds += articles.clickbait[article] * readers.gullibility[reader]
    odds -= np.float32(0.5) * np.clip(age / articles.half_life[article], 0, 8)
    odds += _FOREIGN * (articles.language[article] != readers.language[reader])
    if params.fatigue:
        odds -= np.float32(params.fatigue) * earlier_exposures(visits, slates)
    examined = (1 + np.arange(slates.shape[1])) ** -_EXAMINED
    return (examined / (1 + np.exp(-odds)) * filled).astype(np.float32), liking


def _views(
    rng: np.random.Generator,
    visits: Visits,
    visit: NDArray[np.int64],
    place: NDArray[np.int64],
    opened: NDArray[np.int32],
    expected: NDArray[np.float32],
    probability: NDArray[np.float32],
) -> Views:
    n = len(visit)
    noise = rng.normal(-(_NOISE**2) / 2, _NOISE, n)
    dwell = np.clip(expected * np.exp(noise), 1, _MAX_DWELL).round(1)
    # Within a visit one article is read after the other; looking at a place takes two seconds.
    before = np.cumsum(dwell) - dwell
    first = np.searchsorted(visit, visit)
    spent = before - before[first] + 2.0 * (place + 1)
    end = rng.random(n)
    said = rng.random(n)
    satisfied = dwell > 60
    return Views(
        visit=visit,
        place=place,
        article=opened,
        opened_us=visits.shown_us[visit] + (spent * 1000).astype(np.int64) * 1000,
        dwell=np.where(end < _UNKNOWN + _NO_END, np.nan, dwell).astype(np.float32),
        ended=end >= _NO_END,
        liked=satisfied & (said < _LIKED),
        hidden=(dwell < 10) & (said > 1 - _HIDDEN),
        expected_dwell=expected,
        click_probability=probability,
    )


def _first_and_in_time(visits: Visits, views: Views) -> Views:
    """Nobody opens an article twice on one day, and what is opened after the day is not told."""
    pair = visits.reader[views.visit] * (1 + views.article.max(initial=0)) + views.article
    _, first = np.unique(pair, return_index=True)
    keep = np.zeros(len(views), bool)
    keep[first] = True
    keep &= views.opened_us < day_start_us(visits.day) + DAY_US
    return views.select(keep)
