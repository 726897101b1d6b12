"""Simulated readers react to our slates: they ask the API, read, report, and open email links."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from newsrec_pipelines.config import WorldParams
from newsrec_pipelines.datasets.world import truth
from newsrec_pipelines.datasets.world.articles import Articles, living_articles
from newsrec_pipelines.datasets.world.behaviour import Views, reactions
from newsrec_pipelines.datasets.world.client import ApiClient, Slate
from newsrec_pipelines.datasets.world.dirt import Record
from newsrec_pipelines.datasets.world.emails import click_paths
from newsrec_pipelines.datasets.world.readers import readers_on
from newsrec_pipelines.datasets.world.seeds import stream
from newsrec_pipelines.datasets.world.tables import impressions_table, reads_table, to_records
from newsrec_pipelines.datasets.world.taxonomy import (
    DAY_US,
    HOUR_US,
    day_start_us,
    to_datetime,
)
from newsrec_pipelines.datasets.world.traffic import Traffic
from newsrec_pipelines.datasets.world.visits import MAIN, Visits, visits_of
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.store import Store

_ARTICLE_DAYS = 5  # a slate may hold older articles than the front page does
_UNREPORTED_US = 35 * 60 * 1_000_000  # what is opened in the day's last minutes is not told
_OPENED_EMAILS = 0.3  # share of the digests of which one link is followed


def react_to_slates(
    store: Store, params: WorldParams, day: date, api_url: str, outbox: Path | None = None
) -> dict[str, int]:
    """Play the visits of a day that did not see the front page, against the API.

    Event ids, times and choices are the same whenever the slates are the same, so a second call
    reports duplicates only.

    Returns:
        Counts of visits, events and followed links.

    Raises:
        DataError: when the day was not simulated or leaves no visits, or the API fails.
    """
    truth.claim_world(store, params)
    share = truth.front_page_share_of(store, day)
    readers = readers_on(params, day)
    visits = visits_of(params, readers, day)
    visits = _before_the_report(visits.select(visits.share >= share))
    if not len(visits):
        raise DataError(
            f"all visits of {day} saw the front page: simulate it with --front-page-share below 1"
        )
    client = ApiClient(api_url)
    # The API stands still meanwhile: a reader who comes twice would get the same slate twice.
    came, slate_of_visit = np.unique(visits.reader, return_inverse=True)
    slates = client.slates([readers.id(i) for i in came.tolist()])
    articles = living_articles(params, day, _ARTICLE_DAYS)
    matrix = _positions(articles, slates)[slate_of_visit]
    rng = stream(params.seed, "reactions to slates", day)
    views = reactions(rng, readers, articles, visits, matrix, params)
    seen = _read_on_front_page(params, day, share)
    views = views.select(~np.isin(_pairs(articles, visits, views), seen))
    truth.write_slate_truth(store, visits, views)
    ids = pa.array(articles.ids())
    shown = to_records(impressions_table(readers, ids, visits, matrix))
    reads = to_records(reads_table(readers, ids, visits, views))
    events = _events(day, shown, [slates[i] for i in slate_of_visit.tolist()], reads)
    counts = {"visits": len(visits), "events": len(events), **client.report(events)}
    if outbox is not None:
        paths = _followed(params, day, click_paths(outbox / str(day)))
        client.follow(paths)
        counts["links followed"] = len(paths)
    return counts


def _before_the_report(visits: Visits) -> Visits:
    """Who would come in the last minutes comes an hour earlier: apps report before midnight."""
    latest = day_start_us(visits.day) + DAY_US - HOUR_US
    return replace(
        visits,
        shown_us=np.where(visits.shown_us > latest, visits.shown_us - HOUR_US, visits.shown_us),
    )


def _positions(articles: Articles, slates: list[Slate]) -> NDArray[np.int32]:
    """(slates, places) positions in `articles`, -1 where there is none.

    An article that the world does not know is shown, and interests nobody.
    """
    known = {key: i for i, key in enumerate(articles.ids())}
    matrix = np.full((len(slates), max(len(s.article_ids) for s in slates)), -1, np.int32)
    for row, slate in enumerate(slates):
        matrix[row, : len(slate.article_ids)] = [known.get(key, -1) for key in slate.article_ids]
    return matrix


def _events(
    day: date, shown: list[Record], slates: list[Slate], reads: list[Record]
) -> list[Record]:
    """The events in order of time, as the API takes them; `slates` are those of `shown`."""
    for record, slate in zip(shown, slates, strict=True):
        record["article_ids"] = list(slate.article_ids)
        if slate.slate_id is not None:
            record["slate_id"] = slate.slate_id
    end = to_datetime(day_start_us(day) + DAY_US - _UNREPORTED_US)
    events = [(r["shown_at"], {"type": "impression", **r}) for r in shown]
    events += [(r["read_at"], {"type": "read", **r}) for r in reads if r["read_at"] < end]
    return [event for _, event in sorted(events, key=lambda pair: pair[0])]


def _read_on_front_page(params: WorldParams, day: date, share: float) -> NDArray[np.int64]:
    """What was opened on the front page of the day is not opened again in a slate."""
    front = Traffic.of(params, day, MAIN, share)
    return _pairs(front.articles, front.visits, front.views)


def _pairs(articles: Articles, visits: Visits, views: Views) -> NDArray[np.int64]:
    """A number for each reader and article that is the same in any selection of days."""
    day, number = articles.day[views.article].astype(np.int64), articles.number[views.article]
    return np.asarray((visits.reader[views.visit] * 1000 + day % 1000) * 2**24 + number)


def _followed(params: WorldParams, day: date, paths: dict[str, list[str]]) -> list[str]:
    """One link of some emails, the first ones more often."""
    rng = stream(params.seed, "email links", day)
    followed = []
    for address in sorted(paths):
        links = paths[address]
        opened, place = rng.random(), rng.geometric(0.25)
        if links and opened < _OPENED_EMAILS:
            followed.append(links[(place - 1) % len(links)])
    return followed
