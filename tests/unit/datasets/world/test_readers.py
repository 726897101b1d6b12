"""Readers: homes, cold starters, and tastes that may move."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from newsrec_pipelines.datasets.world.articles import articles_of, living_articles
from newsrec_pipelines.datasets.world.readers import STARTS, readers_on
from newsrec_pipelines.datasets.world.records import new_readers
from newsrec_pipelines.datasets.world.taxonomy import CATEGORIES, HOMES, LANGUAGES
from newsrec_pipelines.datasets.world.visits import visits_of
from newsrec_pipelines.parameters import WorldParams
from newsrec_pipelines.schemas import REGIONS

START = date(2026, 3, 1)


@pytest.fixture
def many(params: WorldParams) -> WorldParams:
    return params.model_copy(update={"readers": 5000})


def test_homes_cover_all_regions_and_languages_with_real_time_zones() -> None:
    assert {h.region for h in HOMES} == set(REGIONS)
    assert {h.language for h in HOMES} == set(LANGUAGES)
    assert all(ZoneInfo(h.timezone) for h in HOMES)


def test_records_say_what_the_contract_wants(many: WorldParams) -> None:
    records = new_readers(readers_on(many, START), START, START)
    for record in records:
        assert set(record["preferred_categories"]) <= set(CATEGORIES)
        assert set(record["consents"]) == {"email_digest"}
        assert record.get("email", f"{record['user_id']}@example.org").startswith("reader-")
    assert 0 < sum("email" not in r for r in records) < 0.1 * len(records)


def test_cold_starters_join_later_or_chose_only_categories_or_nothing(many: WorldParams) -> None:
    readers = readers_on(many, START)
    later, chosen, nothing = (readers.start == STARTS.index(s) for s in STARTS[1:])
    start_us = readers.joined_us[readers.start == 0].max()
    assert (readers.joined_us[later] > start_us).all()
    assert readers.preferred[chosen].any(axis=1).all()
    assert not readers.preferred[nothing].any()
    visits = visits_of(many, readers, START)
    assert not np.isin(visits.reader, np.flatnonzero(chosen | nothing)).any()
    coming = [visits_of(many, readers, START + timedelta(days=n)).reader for n in range(13)]
    assert np.isin(np.flatnonzero(nothing), np.concatenate(coming)).mean() > 0.5


def test_chosen_categories_are_liked_ones(many: WorldParams) -> None:
    readers = readers_on(many, START)
    liking = readers.interests.reshape(len(readers), len(CATEGORIES), -1).mean(2)
    assert liking[readers.preferred].mean() > 0.5 > 0 > liking[~readers.preferred].mean()


def test_tastes_move_on_the_shift_day_and_nothing_else_does(many: WorldParams) -> None:
    shifting = many.model_copy(update={"shift_day": date(2026, 3, 4)})
    before, after = (readers_on(shifting, date(2026, 3, d)) for d in (3, 4))
    assert np.array_equal(before.interests, readers_on(many, START).interests)
    same = np.corrcoef(before.interests.ravel(), after.interests.ravel())[0, 1]
    assert abs(same) < 0.2
    for name in ("home", "joined_us", "rate", "preferred", "digest"):
        assert np.array_equal(getattr(before, name), getattr(after, name))


def test_visits_follow_the_local_day(many: WorldParams) -> None:
    readers = readers_on(many, START)
    visits = visits_of(many, readers, START + timedelta(days=1))
    hours = visits.shown_us // 3_600_000_000 % 24
    for name, offset in (("America/Bogota", -5), ("Africa/Nairobi", 3)):
        zone = [i for i, h in enumerate(HOMES) if h.timezone == name]
        local = (hours[np.isin(readers.home[visits.reader], zone)] + offset) % 24
        evening, night = np.isin(local, (19, 20, 21)).mean(), np.isin(local, (1, 2, 3)).mean()
        assert evening > 4 * night


def test_breaking_stories_are_told_by_several_newsrooms_within_hours(many: WorldParams) -> None:
    busy = many.model_copy(update={"articles_per_day": 2000})
    articles = articles_of(busy, START)
    stories = set(articles.story.tolist()) - {-1}
    assert stories
    for story in stories:
        told = articles.published_us[articles.story == story]
        assert told.max() - told.min() < 3 * 3_600_000_000
    in_story = articles.story >= 0
    assert articles.appeal[in_story].mean() > articles.appeal[~in_story].mean() + 1


def test_living_articles_are_in_order_and_never_older_than_the_world(many: WorldParams) -> None:
    first = living_articles(many, START)
    assert len(first) == many.articles_per_day
    third = living_articles(many, START + timedelta(days=4))
    assert len(third) == 3 * many.articles_per_day
    assert (np.diff(third.published_us) >= 0).all()
    assert len(set(third.ids())) == len(third)
