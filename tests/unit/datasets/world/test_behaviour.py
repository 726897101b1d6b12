"""What readers do must follow the truth that is written beside it."""

from datetime import date

import numpy as np
import pytest

from newsrec_pipelines.datasets.world.behaviour import interest, reactions
from newsrec_pipelines.datasets.world.taxonomy import DAY_US, day_start_us
from newsrec_pipelines.datasets.world.traffic import Traffic
from newsrec_pipelines.datasets.world.visits import MAIN
from newsrec_pipelines.parameters import WorldParams

DAY = date(2026, 3, 3)
WORLD = WorldParams(
    seed=3, start=date(2026, 3, 1), readers=6000, articles_per_day=400, history_days=5
)


@pytest.fixture
def traffic() -> Traffic:
    return Traffic.of(WORLD, DAY, MAIN)


def react(
    traffic: Traffic, slates: np.ndarray, strength: float = 1.0, fatigue: float = 0.5, seed: int = 1
):  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(seed)
    params = WORLD.model_copy(update={"taste_strength": strength, "fatigue": fatigue})
    return reactions(rng, traffic.readers, traffic.articles, traffic.visits, slates, params)


def test_the_same_list_in_reverse_moves_the_clicks_to_the_other_end(traffic: Traffic) -> None:
    for slates in (traffic.slates, traffic.slates[:, ::-1]):
        clicks = np.bincount(react(traffic, slates).place, minlength=slates.shape[1])
        assert clicks[0] > 2 * clicks[-1] > 0


def test_clickbait_is_clicked_more_and_read_less(traffic: Traffic) -> None:
    bait = traffic.articles.clickbait
    shown = np.bincount(bait[traffic.slates[traffic.slates >= 0]].astype(int))
    clicked = np.bincount(bait[traffic.views.article].astype(int))
    rate = clicked / shown
    assert rate[1] > 1.3 * rate[0]
    dwell, is_bait = traffic.views.dwell, bait[traffic.views.article]
    assert np.nanmedian(dwell[is_bait]) < 0.5 * np.nanmedian(dwell[~is_bait])


def test_dwell_follows_interest_and_quality(traffic: Traffic) -> None:
    views, articles = traffic.views, traffic.articles
    reader = traffic.visits.reader[views.visit]
    liking = interest(traffic.readers, articles, reader, views.article, 1.0)
    known = ~np.isnan(views.dwell) & ~articles.clickbait[views.article]
    log_dwell = np.log(views.dwell[known])
    for truth in (liking, articles.quality[views.article], np.log(views.expected_dwell)):
        assert np.corrcoef(truth[known], log_dwell)[0, 1] > 0.15
    ratio = views.dwell[known].mean() / views.expected_dwell[known].mean()
    assert 0.9 < ratio < 1.1


def test_clicks_come_as_often_as_their_true_probability_says(traffic: Traffic) -> None:
    many = [react(traffic, traffic.slates[:, :3], seed=s).click_probability for s in range(3)]
    probability = np.concatenate(many)
    assert probability.min() > 0
    assert probability.max() <= 1
    # The mean of p over clicks is E[p²]/E[p], larger than the click rate whenever tastes differ.
    assert probability.mean() > len(probability) / (3 * 3 * len(traffic.visits))


def test_personal_taste_matters_as_much_as_its_strength(traffic: Traffic) -> None:
    def lift(strength: float) -> float:
        views = react(traffic, traffic.slates, strength)
        liked = traffic.readers.interests[
            traffic.visits.reader[views.visit], traffic.articles.subcategory[views.article]
        ]
        return float(liked.mean())

    assert abs(lift(0.0)) < 0.1
    assert lift(0.5) > 0.2
    assert lift(1.5) > lift(0.5)


def test_what_was_passed_over_before_is_opened_less(traffic: Traffic) -> None:
    same = np.broadcast_to(traffic.slates[:1], traffic.slates.shape)
    came = np.argsort(np.argsort(traffic.visits.reader, kind="stable"), kind="stable")
    first = np.searchsorted(np.sort(traffic.visits.reader), traffic.visits.reader)
    nth = came - first

    def rate(fatigue: float) -> float:
        views = react(traffic, same, fatigue=fatigue)
        return np.isin(views.visit, np.flatnonzero(nth >= 2)).sum() / (nth >= 2).sum()

    assert rate(1.0) < 0.5 * rate(0.0)


def test_what_is_meant_for_another_region_attracts_less_and_is_on_no_front_page(
    traffic: Traffic,
) -> None:
    articles, readers = traffic.articles, traffic.readers
    local = np.flatnonzero(articles.local).astype(np.int32)
    assert 0.05 < len(local) / len(articles) < 0.2
    at_home = readers.region[:, None] == articles.region[local]
    liking = interest(readers, articles, np.arange(len(readers))[:, None], local, 1.0)
    assert liking[at_home].mean() > liking[~at_home].mean() + 1
    row, place = np.nonzero(traffic.slates >= 0)
    shown, region = traffic.slates[row, place], readers.region[traffic.visits.reader[row]]
    scoped = articles.local[shown]
    assert scoped.any()
    assert (articles.region[shown] == region)[scoped].mean() > 0.98


def test_empty_places_are_never_clicked_and_times_stay_in_the_day(traffic: Traffic) -> None:
    slates = np.full_like(traffic.slates, -1)
    assert len(react(traffic, slates)) == 0
    slates[:, 4] = traffic.slates[:, 4]
    views = react(traffic, slates)
    assert set(views.place) == {4}
    begin = day_start_us(DAY)
    assert ((views.opened_us >= begin) & (views.opened_us < begin + DAY_US)).all()


def test_a_reader_opens_an_article_at_most_once_a_day(traffic: Traffic) -> None:
    views = traffic.views
    pairs = np.stack([traffic.visits.reader[views.visit], views.article])
    assert np.unique(pairs, axis=1).shape == pairs.shape


def test_readers_open_one_article_after_the_other(traffic: Traffic) -> None:
    views = traffic.views
    same_visit = np.diff(views.visit) == 0
    assert (np.diff(views.opened_us)[same_visit] > 0).all()


def test_front_pages_show_fresh_articles_of_the_readers_language_without_repetition(
    traffic: Traffic,
) -> None:
    articles, slates = traffic.articles, traffic.slates
    assert all(len(set(row[row >= 0])) == (row >= 0).sum() for row in slates)
    row, place = np.nonzero(slates >= 0)
    shown = slates[row, place]
    language = traffic.readers.language[traffic.visits.reader[row]]
    assert (articles.language[shown] == language).mean() > 0.95
    hours = (traffic.visits.shown_us[row] - articles.published_us[shown]) / 3.6e9
    assert hours.min() >= 0
    assert np.median(hours) < 12


def test_lists_differ_between_visits_of_the_same_moment(traffic: Traffic) -> None:
    assert len(np.unique(traffic.slates, axis=0)) > 0.9 * len(traffic.slates)
