"""Simulated readers react to our slates: they ask the API, read, report, and open email links."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from newsrec_pipelines.config import WorldParams
from newsrec_pipelines.datasets.world import truth
from newsrec_pipelines.datasets.world.articles import Articles, living_articles
from newsrec_pipelines.datasets.world.behaviour import Views, reactions
from newsrec_pipelines.datasets.world.client import ApiClient, Slate
from newsrec_pipelines.datasets.world.emails import click_paths
from newsrec_pipelines.datasets.world.readers import Readers, readers_on
from newsrec_pipelines.datasets.world.seeds import stream
from newsrec_pipelines.datasets.world.tables import impressions_table, reads_table
from newsrec_pipelines.datasets.world.traffic import Traffic
from newsrec_pipelines.datasets.world.visits import MAIN, Visits, visits_of
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.store import Store

_ARTICLE_DAYS = 5  # a slate may hold older articles than the front page does
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
    visits = visits.select(visits.share >= share)
    if not len(visits):
        raise DataError(
            f"all visits of {day} saw the front page: simulate it with --front-page-share below 1"
        )
    client = ApiClient(api_url)
    came, slate_of_visit = np.unique(visits.reader, return_inverse=True)
    slates = client.slates([readers.id(i) for i in came.tolist()])
    articles = living_articles(params, day, _ARTICLE_DAYS)
    events = _events(params, readers, articles, visits, slates, slate_of_visit)
    counts = {"visits": len(visits), "events": len(events), **client.report(events)}
    if outbox is not None:
        paths = _followed(params, day, click_paths(outbox / str(day)))
        client.follow(paths)
        counts["links followed"] = len(paths)
    return counts


def _events(
    params: WorldParams,
    readers: Readers,
    articles: Articles,
    visits: Visits,
    slates: list[Slate],
    slate_of_visit: np.ndarray[Any, np.dtype[np.int64]],
) -> list[dict[str, Any]]:
    """The events in order of time, as the API takes them."""
    ids = articles.ids()
    # An article that the world does not know is shown, and nobody is interested.
    known = {key: i for i, key in enumerate(ids)}
    places = max(len(s.article_ids) for s in slates)
    matrix = np.full((len(slates), places), -1, np.int32)
    for row, slate in enumerate(slates):
        for place, key in enumerate(slate.article_ids):
            matrix[row, place] = known.get(key, -1)
    rng = stream(params.seed, "reactions to slates", visits.day)
    views = reactions(rng, readers, articles, visits, matrix[slate_of_visit], params.taste_strength)
    views = _not_read_before(params, articles, visits, views)
    shown = impressions_table(readers, pa.array(ids), visits, matrix[slate_of_visit]).to_pylist()
    for record, number in zip(shown, slate_of_visit.tolist(), strict=True):
        record["slate_id"] = slates[number].slate_id
        record["article_ids"] = list(slates[number].article_ids)
    reads = reads_table(readers, pa.array(ids), visits, views).to_pylist()
    timed = [(r["shown_at"], {"type": "impression", **r}) for r in shown]
    timed += [(r["read_at"], {"type": "read", **r}) for r in reads]
    timed.sort(key=lambda pair: pair[0])
    return [{k: v for k, v in event.items() if v is not None} for _, event in timed]


def _not_read_before(
    params: WorldParams, articles: Articles, visits: Visits, views: Views
) -> Views:
    """Without the views of what the same reader opened on the front page of the day."""
    share = float(visits.share.min())
    front = Traffic.of(params, visits.day, MAIN, share)
    width = np.int64(2**40)
    theirs = front.visits.reader[front.views.visit] * width + _numbers(
        front.articles, front.views.article
    )
    ours = visits.reader[views.visit] * width + _numbers(articles, views.article)
    keep = ~np.isin(ours, theirs)
    return Views(**{name: column[keep] for name, column in vars(views).items()})


def _numbers(articles: Articles, rows: Any) -> Any:
    """A number for each article that is the same in any selection of days."""
    return (articles.day[rows].astype(np.int64) % 1000) * 2**30 + articles.number[rows]


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
