"""Estimates of another policy, against laws that hold exactly and a world whose truth is known."""

from datetime import date
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from newsrec_pipelines.datasets.world.articles import articles_of
from newsrec_pipelines.datasets.world.behaviour import (
    click_probability,
    expected_dwell,
    reactions,
)
from newsrec_pipelines.datasets.world.readers import readers_on
from newsrec_pipelines.datasets.world.visits import visits_of
from newsrec_pipelines.evaluation.off_policy import (
    MAX_WEIGHT,
    Estimate,
    Logged,
    RewardModel,
    estimate,
)
from newsrec_pipelines.parameters import BacktestParams, WorldParams

FEW = BacktestParams(bootstrap=200)
PLACES, POOL = 6, 4
DAY = date(2026, 3, 3)


def no_model(logged: Logged) -> RewardModel:
    """A model that knows nothing: DR is IPS."""
    return RewardModel(np.zeros_like(logged.rewards), np.zeros_like(logged.rewards))


def lists(rewards: np.ndarray, readers: np.ndarray | None = None) -> Logged:
    many = np.arange(len(rewards)) if readers is None else readers
    return Logged(many, np.ones(rewards.shape, bool), rewards)


@settings(max_examples=25)
@given(arrays(float, (150, 3), elements=st.floats(0, 600, width=32)), st.floats(0, 100))
def test_the_logged_policy_earns_what_it_earned_whatever_the_model(
    rewards: np.ndarray, guess: float
) -> None:
    same = np.full(rewards.shape, guess)
    found = estimate(
        lists(rewards),
        np.ones(rewards.shape),
        RewardModel(same, same),
        BacktestParams(bootstrap=20),
        1,
    )
    mean = rewards.sum(axis=1).mean()
    for interval in (found.ips, found.snips, found.dr):
        assert interval is not None
        assert interval.value == pytest.approx(mean, abs=1e-6)
        assert interval.low - 1e-6 <= mean <= interval.high + 1e-6
    assert found.effective == pytest.approx(150)


def test_a_perfect_model_leaves_nothing_to_the_weights() -> None:
    rng = np.random.default_rng(1)
    worth = rng.uniform(1, 60, (400, 2, 3))  # of three articles at two places
    chosen = rng.integers(0, 3, (400, 2))
    rewards = np.take_along_axis(worth, chosen[..., None], axis=2)[..., 0]
    target = np.array([0.1, 0.2, 0.7])
    model = RewardModel(logged=rewards, expected=(worth * target).sum(axis=2))
    found = estimate(lists(rewards), target[chosen] * 3, model, FEW, 1)
    truth = (worth * target).sum(axis=2).sum(axis=1).mean()
    assert found.dr is not None
    assert found.ips is not None
    assert found.dr.value == pytest.approx(truth)
    assert abs(found.ips.value - truth) > 1e-3


def test_what_was_never_shown_cannot_be_judged() -> None:
    rng = np.random.default_rng(1)
    logged = lists(rng.uniform(0, 60, (1000, 2)))
    never = np.where(rng.random((1000, 2)) < 0.5, 1.0, 0.0)  # half of it has no logged chance
    seldom = np.where(rng.random((1000, 2)) < 0.02, 50.0, 0.0)
    for weights in (never, seldom, np.zeros((1000, 2))):
        found = estimate(logged, weights, no_model(logged), FEW, 1)
        assert found.ips is None
        assert (found.ips, found.snips, found.dr) == (None, None, None)
    assert estimate(logged, never, no_model(logged), FEW, 1).mean_weight == pytest.approx(0.5, 0.2)
    assert estimate(logged, seldom, no_model(logged), FEW, 1).effective < 50


def test_clipped_weights_are_told() -> None:
    weights = np.ones((1000, 1))
    weights[:10] = 2 * MAX_WEIGHT
    found = estimate(lists(np.ones((1000, 1))), weights, no_model(lists(weights)), FEW, 1)
    assert found.clipped == pytest.approx(0.01)


def test_lists_of_one_reader_hang_together() -> None:
    rng = np.random.default_rng(1)
    own = np.repeat(rng.uniform(0, 100, (200, 1)), 10, axis=0)
    ones = np.ones(own.shape)
    alone = estimate(lists(own), ones, no_model(lists(own)), FEW, 1).ips
    together = lists(own, np.repeat(np.arange(200), 10))
    clustered = estimate(together, ones, no_model(together), FEW, 1).ips
    assert alone is not None
    assert clustered is not None
    assert clustered.high - clustered.low > 2 * (alone.high - alone.low)


class Log(NamedTuple):
    """A log of a randomised policy on the world, with the truth about every choice.

    Attributes:
        logged: what happened.
        chosen: (visits, places) which of the pool was shown.
        logging: (visits, places, POOL) its probabilities.
        worth: (visits, places, POOL) true expected seconds of each that could have been shown.
    """

    logged: Logged
    chosen: np.ndarray
    logging: np.ndarray
    worth: np.ndarray


def play(seed: int, readers: int = 4000, *, mean_rewards: bool = False) -> Log:
    """Every place of every visit has a pool of its own, and draws from it.

    With `mean_rewards` a place earns what it is worth, without the chance of clicks and dwell, so
    that only the chance of what was shown is left.
    """
    params = WorldParams(
        seed=3, start=date(2026, 3, 1), readers=readers, articles_per_day=600, history_days=2
    )
    rng = np.random.default_rng(seed)
    everybody, articles = readers_on(params, DAY), articles_of(params, date(2026, 3, 2))
    visits = visits_of(params, everybody, DAY)
    # One visit a reader, since nobody opens an article twice on a day; and time to report it.
    first = np.unique(visits.reader, return_index=True)[1]
    visits = visits.select(np.sort(first[visits.shown_us[first] % 86_400_000_000 < 8e10]))
    shape = (len(visits), PLACES, POOL)
    pools = rng.random((len(visits), len(articles))).argpartition(PLACES * POOL, axis=1)
    pools = pools[:, : PLACES * POOL].reshape(shape).astype(np.int32)
    appeal = articles.appeal[pools] + rng.normal(0, 0.5, shape)
    logging = softmax(0.7 * appeal)
    chosen = (rng.random((*shape[:2], 1)) > logging.cumsum(axis=2)).sum(axis=2).clip(0, POOL - 1)
    worth = np.empty(shape)
    for n in range(POOL):
        chance, liking = click_probability(everybody, articles, visits, pools[..., n], params)
        worth[..., n] = chance * expected_dwell(articles, pools[..., n], liking)
    slates = np.take_along_axis(pools, chosen[..., None], axis=2)[..., 0]
    views = reactions(rng, everybody, articles, visits, slates, params)
    rewards = np.zeros(slates.shape)
    # Where the log tells no dwell, the mean stands for it.
    rewards[views.visit, views.place] = np.where(
        np.isnan(views.dwell), views.expected_dwell, views.dwell
    )
    if mean_rewards:
        rewards = _of(worth, chosen)
    return Log(lists(rewards), chosen, logging, worth)


def softmax(x: np.ndarray) -> np.ndarray:
    exp = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(exp / exp.sum(axis=-1, keepdims=True))


def evaluated(log: Log, target: np.ndarray, resamples: int = 200) -> tuple[Estimate, float]:
    """The estimate of a policy, by a model that is right but for a factor and some noise; truth."""
    weights = _of(target, log.chosen) / _of(log.logging, log.chosen)
    guess = 0.7 * log.worth * np.random.default_rng(9).lognormal(0, 0.3, log.worth.shape)
    model = RewardModel(_of(guess, log.chosen), (target * guess).sum(axis=2))
    found = estimate(log.logged, weights, model, BacktestParams(bootstrap=resamples), 1)
    return found, float((target * log.worth).sum(axis=(1, 2)).mean())


def _of(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    return np.asarray(np.take_along_axis(values, chosen[..., None], axis=2)[..., 0])


def test_the_truth_of_another_policy_lies_in_the_intervals() -> None:
    log = play(1)
    as_logged, logged_truth = evaluated(log, log.logging)
    better, truth = evaluated(log, softmax(np.log(log.logging) + 0.8 * np.log(log.worth)))
    assert truth > 1.3 * logged_truth  # another policy indeed
    assert 0.2 * better.lists < better.effective < 0.95 * better.lists
    for found, true in ((as_logged, logged_truth), (better, truth)):
        for interval in (found.ips, found.snips, found.dr):
            assert interval is not None
            assert interval.low < true < interval.high


@pytest.mark.parametrize("mean_rewards", [True, False])
def test_no_estimate_is_biased_and_doubly_robust_errs_least(mean_rewards: bool) -> None:
    errors = []
    for seed in range(40):
        log = play(seed, readers=1200, mean_rewards=mean_rewards)
        target = softmax(2 * np.log(log.logging) + 0.8 * np.log(log.worth))
        found, truth = evaluated(log, target, resamples=20)
        assert found.ips is not None
        three = (found.ips, found.snips, found.dr)
        errors.append([(i.value - truth) / truth for i in three if i is not None])
    ips, snips, dr = np.sqrt(np.square(errors).mean(axis=0))
    if mean_rewards:
        assert dr < 0.75 * snips < 0.75 * ips
    else:  # the chance of clicks and dwell is the same for all three
        assert max(ips, snips, dr) < 1.15 * min(ips, snips, dr)
    spread = np.std(errors, axis=0) / np.sqrt(len(errors))
    assert (np.abs(np.mean(errors, axis=0)) < 4 * spread).all()


def test_a_policy_of_certain_choices_that_the_log_made_seldom_is_refused() -> None:
    log = play(1)
    worst = np.zeros(log.logging.shape)
    np.put_along_axis(worst, log.logging.argmin(axis=2)[..., None], 1.0, axis=2)
    rare = np.where(log.logging < 0.02, 1.0, 0.0)  # and mostly nothing that was logged at all
    found, _ = evaluated(log, rare)
    assert found.ips is None
    spread, _ = evaluated(log, worst)
    assert spread.effective < 0.3 * spread.lists
