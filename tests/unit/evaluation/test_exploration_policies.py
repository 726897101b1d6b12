"""The log of our slates tells what less or more exploration would have earned, by exact laws."""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsrec_pipelines.errors import DataError
from newsrec_pipelines.evaluation.exploration_policies import (
    ALWAYS,
    AS_LOGGED,
    NEVER,
    drawn_share,
    logged_lists,
    off_policy,
    reward_model,
    said_by_log,
    weights_of,
)
from newsrec_pipelines.evaluation.off_policy import Logged
from newsrec_pipelines.models.exploration import propensities
from newsrec_pipelines.store import Store
from support.factories_models import with_params
from support.feature_events import at, frame, write_clean

DAY = date(2026, 3, 2)
PARAMS = with_params(slate={"exploration": 0.2}, backtest={"bootstrap": 100})
SHARE = PARAMS.slate.exploration


@given(
    pool=st.lists(st.booleans(), min_size=1, max_size=5),
    ranked=st.integers(0, 4),
    worth=st.lists(st.floats(0, 100), min_size=5, max_size=5),
    share=st.floats(0.01, 0.49),
    other=st.floats(0, 1),
)
def test_weighted_rewards_of_the_log_are_on_average_those_of_the_other_share(
    pool: list[bool], ranked: int, worth: list[float], share: float, other: float
) -> None:
    ranked %= len(pool)
    rewards = np.array(worth[: len(pool)])

    def chances(exploration: float) -> np.ndarray:
        """Of each candidate, as the slates compute them."""
        n = len(pool)
        rows = np.tile(np.array(pool), (n, 1))
        return propensities(np.arange(n), np.full(n, ranked), rows, exploration)

    logged = chances(share).astype(np.float64)
    shown = logged > 0
    weights = weights_of(logged[shown], drawn_share(logged[shown], share), share, other)

    estimated = (logged[shown] * weights * rewards[shown]).sum()

    assert estimated == pytest.approx((chances(other) * rewards).sum(), rel=1e-3, abs=1e-3)


def log_of(seed: int, lists: int, gain: float = 30.0) -> tuple[Logged, np.ndarray]:
    """Lists of two places, the second left to chance; a drawn article earns 20, a ranked `gain`."""
    rng = np.random.default_rng(seed)
    drawn = rng.random(lists) < SHARE
    chances = np.ones((lists, 2))
    chances[:, 1] = np.where(drawn, SHARE / 4, 1 - SHARE)
    level = rng.gamma(4, 0.25, lists // 5)[np.arange(lists) % (lists // 5)]
    rewards = np.stack([np.full(lists, 50.0), np.where(drawn, 20.0, gain)], axis=1)
    rewards *= level[:, None] * rng.lognormal(-0.125, 0.5, rewards.shape)
    there = np.ones(rewards.shape, bool)
    return Logged(np.arange(lists) % (lists // 5), there, rewards), chances


@pytest.mark.parametrize("other", [0.0, 0.2, 1.0])
def test_the_model_is_right_on_average_for_what_was_shown(other: float) -> None:
    logged, chances = log_of(1, 20_000)
    drawn = drawn_share(chances, SHARE)
    model = reward_model(logged, chances, drawn, SHARE, other)
    weights = weights_of(chances, drawn, SHARE, other)
    residual = (weights * (logged.rewards - model.logged)).mean(axis=0)
    assert np.abs(residual).max() < 1
    truth = (1 - other) * 30 + other * 20
    assert model.expected.mean(axis=0) == pytest.approx([50, truth], rel=0.03)


@pytest.mark.parametrize(
    ("wrong", "says"), [(0.5, r"0\.500 does not come"), (0.79, r"slate\.exploration = 0\.2")]
)
def test_propensities_of_another_share_are_refused(wrong: float, says: str) -> None:
    with pytest.raises(DataError, match=says):
        drawn_share(np.array([[1.0, 0.8], [1.0, wrong]]), SHARE)


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_share_that_tells_nothing_apart_is_refused(share: float) -> None:
    with pytest.raises(DataError, match="says nothing of other shares"):
        drawn_share(np.ones((1, 1)), share)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path.as_uri())


def write_log(store: Store, lists: int = 3000, dwell: bool = True) -> tuple[Logged, np.ndarray]:
    logged, chances = log_of(2, lists)
    shown, reads = [], []
    for n, (reader, row) in enumerate(zip(logged.readers.tolist(), chances.tolist(), strict=True)):
        ids = [f"top{n}", f"second{n}"]
        shown.append(
            {
                "impression_id": f"i{n:05d}",
                "user_id": f"u{reader}",
                "shown_at": at(8),
                "article_ids": ids,
                "propensities": row,
                "slate_id": f"run:champion:u{reader}",
            }
        )
        reads += [
            {
                "event_id": f"{key} read",
                "user_id": f"u{reader}",
                "article_id": key,
                "read_at": at(9),
                "kind": "read",
                "impression_id": f"i{n:05d}",
                "view_id": key,
                "dwell_seconds": seconds if dwell else None,
            }
            for key, seconds in zip(ids, logged.rewards[n].tolist(), strict=True)
        ]
    # Lists of others, who leave nothing to chance or tell no propensities, do not count.
    plain = {**shown[0], "impression_id": "plain", "propensities": [1.0, 1.0]}
    silent = {**shown[1], "impression_id": "silent", "propensities": None, "slate_id": None}
    write_clean(store, "impressions", frame("impressions", [*shown, plain, silent]))
    write_clean(store, "reads", frame("reads", reads))
    return logged, chances


def test_lists_come_from_the_store_as_they_were_logged(store: Store) -> None:
    logged, chances = write_log(store, 50)
    found = logged_lists(store, PARAMS, DAY, DAY)
    assert found is not None
    ours, probabilities = found
    assert ours.there.all()
    assert ours.there.shape == (50, 2)
    assert np.sort(ours.rewards[:, 0]) == pytest.approx(np.sort(logged.rewards[:, 0]), abs=1e-3)
    assert sorted(probabilities[:, 1]) == pytest.approx(sorted(chances[:, 1]))
    assert np.bincount(ours.readers).tolist() == [5] * 10


def test_no_exploring_and_nothing_else_earn_what_they_must(store: Store) -> None:
    write_log(store)
    found = off_policy(store, PARAMS, DAY, DAY)
    assert list(found) == [AS_LOGGED, NEVER, ALWAYS]
    for name, truth in ((AS_LOGGED, 50 + 28), (NEVER, 50 + 30), (ALWAYS, 50 + 20)):
        for interval in (found[name].ips, found[name].snips, found[name].dr):
            assert interval is not None
            # The readers of this log read more or less than readers do.
            assert interval.low - 3 < truth < interval.high + 3
    always = found[ALWAYS]
    assert always.dr
    assert always.ips
    assert always.dr.high - always.dr.low < 0.9 * (always.ips.high - always.ips.low)
    assert found[AS_LOGGED].effective == pytest.approx(3000)
    assert found[ALWAYS].effective == pytest.approx(3000 * SHARE, rel=0.1)


def test_too_few_lists_say_nothing_of_what_they_seldom_show(store: Store) -> None:
    write_log(store, 200)
    found = off_policy(store, PARAMS, DAY, DAY)
    assert found[NEVER].ips is not None
    assert found[ALWAYS].ips is None


def test_without_propensities_or_dwell_there_is_no_estimate(store: Store) -> None:
    assert off_policy(store, PARAMS, DAY, DAY) == {}
    write_log(store, 20, dwell=False)
    assert off_policy(store, PARAMS, DAY, DAY) == {}


def test_a_report_has_the_estimates_or_says_why_not(store: Store) -> None:
    nothing = said_by_log(store, PARAMS, DAY, DAY).as_json()
    assert nothing["policies"] == {}
    assert "left to chance" in nothing["missing"]
    write_log(store, 600)
    found = said_by_log(store, PARAMS, DAY, DAY).as_json()
    assert found["missing"] is None
    assert list(found["policies"]) == [AS_LOGGED, NEVER, ALWAYS]
    assert set(found["policies"][NEVER]["dr"]) == {"value", "low", "high"}
    other = with_params(slate={"exploration": 0.1}, backtest={"bootstrap": 100})
    refused = said_by_log(store, other, DAY, DAY).as_json()
    assert refused["policies"] == {}
    assert "slate.exploration = 0.1" in refused["missing"]


def test_a_click_of_unknown_dwell_counts_as_one(store: Store) -> None:
    write_log(store, 20)
    reads = pl.read_parquet(store.path(f"clean/reads/day={DAY}/b-0.parquet"))
    unknown = pl.when(pl.col("view_id") != "top0").then("dwell_seconds").alias("dwell_seconds")
    write_clean(store, "reads", reads.with_columns(unknown), "c")
    found = logged_lists(store, PARAMS, DAY, DAY)
    assert found is not None
    training = PARAMS.training
    assert (
        found[0].rewards[:, 0] == training.click_weight * training.full_dwell_seconds
    ).sum() == 1
