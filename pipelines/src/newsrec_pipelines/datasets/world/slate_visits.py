"""Visits that see a slate instead of the front page: who comes, what she sees, what she opens."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from newsrec_pipelines.datasets.world.articles import Articles, living_articles
from newsrec_pipelines.datasets.world.behaviour import Views, reactions
from newsrec_pipelines.datasets.world.readers import readers_on
from newsrec_pipelines.datasets.world.seeds import stream
from newsrec_pipelines.datasets.world.taxonomy import DAY_US, HOUR_US, day_start_us
from newsrec_pipelines.datasets.world.traffic import Traffic
from newsrec_pipelines.datasets.world.visits import MAIN, Visits, visits_of
from newsrec_pipelines.parameters import WorldParams

_ARTICLE_DAYS = 5  # a slate may hold older articles than the front page does


def slate_visits(params: WorldParams, day: date, front_page_share: float) -> Visits:
    """The visits of a day that do not see the front page, in order of time."""
    visits = visits_of(params, readers_on(params, day), day)
    return _before_the_report(visits.select(visits.share >= front_page_share))


def slate_articles(params: WorldParams, day: date) -> Articles:
    """The articles that a slate of the day may hold."""
    return living_articles(params, day, _ARTICLE_DAYS)


def positions(articles: Articles, slates: Sequence[Sequence[str]]) -> NDArray[np.int32]:
    """(slates, places) positions in `articles`, -1 where there is none.

    An article that the world does not know is shown, and interests nobody.
    """
    known = {key: i for i, key in enumerate(articles.ids())}
    matrix = np.full((len(slates), max(map(len, slates), default=0)), -1, np.int32)
    for row, slate in enumerate(slates):
        matrix[row, : len(slate)] = [known.get(key, -1) for key in slate]
    return matrix


def slate_views(
    params: WorldParams,
    articles: Articles,
    visits: Visits,
    slates: NDArray[np.int32],
    front_page_share: float,
) -> Views:
    """What the visitors open of their slates.

    The same visits meet the same chance, whatever they are shown. What a reader opened on the front
    page of the day she does not open again.

    Args:
        params: of the world.
        articles: those that `slates` points to.
        visits: of `slate_visits`.
        slates: (visits, places) positions in `articles`, -1 for an empty place.
        front_page_share: as for `slate_visits`.
    """
    rng = stream(params.seed, "reactions to slates", visits.day)
    views = reactions(rng, readers_on(params, visits.day), articles, visits, slates, params)
    opened = opened_before(params, articles, visits, slates, front_page_share)
    return views.select(~opened[views.visit, views.place])


def opened_before(
    params: WorldParams,
    articles: Articles,
    visits: Visits,
    slates: NDArray[np.int32],
    front_page_share: float,
) -> NDArray[np.bool_]:
    """Which places hold what the reader opened on the front page of the day; as `slates`."""
    front = Traffic.of(params, visits.day, MAIN, front_page_share)
    views = front.views
    pairs = _pairs(front.articles, front.visits.reader[views.visit], views.article)
    return np.isin(_pairs(articles, visits.reader[:, None], slates), pairs) & (slates >= 0)


def _before_the_report(visits: Visits) -> Visits:
    """Who would come in the last minutes comes an hour earlier: apps report before midnight."""
    latest = day_start_us(visits.day) + DAY_US - HOUR_US
    shown_us = np.where(visits.shown_us > latest, visits.shown_us - HOUR_US, visits.shown_us)
    order = np.argsort(shown_us, kind="stable")
    return replace(visits, shown_us=shown_us).select(order)


def _pairs(
    articles: Articles, reader: NDArray[np.int64], article: NDArray[np.int32]
) -> NDArray[np.int64]:
    """A number for each reader and article that is the same in any selection of days."""
    day, number = articles.day[article].astype(np.int64), articles.number[article]
    return np.asarray((reader * 1000 + day % 1000) * 2**24 + number)
