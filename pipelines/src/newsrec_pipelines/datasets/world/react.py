"""Simulated readers react to our slates: they ask the API, read, report, and open email links."""

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa

from newsrec_pipelines.datasets.world import truth
from newsrec_pipelines.datasets.world.client import ApiClient, Slate
from newsrec_pipelines.datasets.world.dirt import Record
from newsrec_pipelines.datasets.world.emails import click_paths
from newsrec_pipelines.datasets.world.readers import readers_on
from newsrec_pipelines.datasets.world.seeds import stream
from newsrec_pipelines.datasets.world.slate_visits import (
    positions,
    slate_articles,
    slate_views,
    slate_visits,
)
from newsrec_pipelines.datasets.world.tables import impressions_table, reads_table, to_records
from newsrec_pipelines.datasets.world.taxonomy import DAY_US, day_start_us, to_datetime
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.parameters import WorldParams
from newsrec_pipelines.store import Store

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
    visits = slate_visits(params, day, share)
    if not len(visits):
        raise DataError(
            f"all visits of {day} saw the front page: simulate it with --front-page-share below 1"
        )
    client, readers = ApiClient(api_url), readers_on(params, day)
    # The API stands still meanwhile: a reader who comes twice would get the same slate twice.
    came, slate_of_visit = np.unique(visits.reader, return_inverse=True)
    slates = client.slates([readers.id(i) for i in came.tolist()])
    articles = slate_articles(params, day)
    matrix = positions(articles, [s.article_ids for s in slates])[slate_of_visit]
    views = slate_views(params, articles, visits, matrix, share)
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
