"""Policies that the log of our slates can speak for: the same ranking, exploring less or more.

With the chance ``slate.exploration`` a place goes to a drawn article instead of the ranked one (see
`models.exploration`), and every placed article carries the probability of that. So the log knows
what both earn at each place, and hence what any other share of exploration would earn. It knows
nothing of other rankings: what they would show was shown by chance only, too seldom and only where
hardly anybody had seen it; that takes an experiment.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from newsrec_pipelines import partitions
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.evaluation.off_policy import (
    Estimate,
    Logged,
    RewardModel,
    Values,
    estimate,
)
from newsrec_pipelines.features.labels import shown_examples
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.store import Store

AS_LOGGED, NEVER, ALWAYS = "as logged", "never explore", "always explore"
# Propensities are stored as float32.
_TOLERANCE: Final = 1e-5
# So many lists of the mean reader are mixed with a reader's own, and of the mean with a place's.
_PRIOR_LISTS: Final = 5.0
_PRIOR_PLACES: Final = 20.0
_FOLDS: Final = 2


@dataclass(frozen=True)
class OffPolicy:
    """What the log of our own slates says about exploring less or more.

    Attributes:
        estimates: policy -> what it would earn a list; empty when the log says nothing.
        missing: why it says nothing; None when it does.
    """

    estimates: Mapping[str, Estimate]
    missing: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Estimates by policy; their numbers are null where the log has no support."""
        return {
            "policies": {
                name: {
                    **{key: i and i._asdict() for key, i in found.numbers.items()},
                    "lists": found.lists,
                    "effective_lists": found.effective,
                    "mean_weight": found.mean_weight,
                    "clipped": found.clipped,
                }
                for name, found in self.estimates.items()
            },
            "missing": self.missing,
        }


def said_by_log(store: Store, params: Params, first: date, last: date) -> OffPolicy:
    """The estimates of `off_policy`, or why there are none: a report goes on without them."""
    try:
        found = off_policy(store, params, first, last)
    except DataError as e:
        return OffPolicy({}, str(e))
    nothing = "no list with a place left to chance was shown in a known order, or no dwell is known"
    return OffPolicy(found, None if found else nothing)


def off_policy(store: Store, params: Params, first: date, last: date) -> dict[str, Estimate]:
    """Dwell a list under the share of exploration that was, under none, and under nothing but it.

    From the impressions from `first` to `last` of slates in which something was left to chance; the
    others are the same under all three. The dwell of a click that does not tell it counts as
    ``training.click_weight`` of a whole read.

    Returns:
        By policy; empty when there are no such impressions, or no dwell is known at all.

    Raises:
        DataError: when the propensities are not those of ``slate.exploration``.
    """
    found = logged_lists(store, params, first, last)
    if found is None:
        return {}
    logged, propensities = found
    share = params.slate.exploration
    policies = {AS_LOGGED: share, NEVER: 0.0, ALWAYS: 1.0}
    drawn = drawn_share(propensities, share)
    return {
        name: estimate(
            logged,
            weights_of(propensities, drawn, share, other),
            reward_model(logged, propensities, drawn, share, other),
            params.backtest,
            params.training.seed,
        )
        for name, other in policies.items()
    }


def logged_lists(
    store: Store, params: Params, first: date, last: date
) -> tuple[Logged, Values] | None:
    """Lists in which something was left to chance, and the propensities of their places."""
    end = datetime.combine(last, time(), UTC) + timedelta(days=1)
    known = end + timedelta(days=params.etl.late_days)
    shown = partitions.load(store, "impressions", known, first, last).filter(
        pl.col("order_known") & (pl.col("propensities").list.min() < 1 - _TOLERANCE)
    )
    reads = partitions.load(store, "reads", known, first, last + timedelta(days=1))
    if shown.is_empty() or not reads["dwell_seconds"].is_not_null().any():
        return None
    most = int(shown["article_ids"].list.len().sum())
    labels = shown_examples(shown, reads, most, np.random.default_rng(0))
    click = params.training.click_weight * params.training.full_dwell_seconds
    reward = pl.when("clicked").then(pl.col("dwell_seconds").fill_null(click)).fill_null(0.0)
    places = (
        shown.select("impression_id", "user_id", "article_ids", "propensities")
        .with_row_index("list")
        .with_columns(place=pl.int_ranges(pl.col("article_ids").list.len()))
        .explode("article_ids", "propensities", "place")
        .rename({"article_ids": "article_id"})
        .join(
            labels.select("impression_id", "article_id", reward=reward),
            on=["impression_id", "article_id"],
            how="left",
            maintain_order="left",
        )
    )
    at = (places["list"].to_numpy(), places["place"].to_numpy())
    shape = (shown.height, int(at[1].max()) + 1)
    logged = Logged(
        readers=shown["user_id"].rank("dense").to_numpy().astype(np.int64) - 1,
        there=np.zeros(shape, bool),
        rewards=np.zeros(shape),
    )
    propensities = np.ones(shape)
    logged.there[at] = True
    logged.rewards[at] = places["reward"].fill_null(0.0).to_numpy()
    propensities[at] = places["propensities"].to_numpy()
    return logged, propensities


def drawn_share(propensities: Values, exploration: float) -> Values:
    """How probable it is that an article was drawn and not ranked to its place; same shape.

    A propensity is ``(1 - e) [it is the ranked one] + e / m [it is one of m in the pool]``, and 1
    where the pool is empty. Below one half, `e` tells both cases apart.

    Raises:
        DataError: when they are not of that form.
    """
    if not 0 < exploration < 0.5:
        raise DataError(f"a share of exploration of {exploration} says nothing of other shares")
    ranked = propensities >= 1 - exploration - _TOLERANCE
    if not (ranked | (propensities <= exploration + _TOLERANCE)).all():
        odd = propensities[~ranked & (propensities > exploration + _TOLERANCE)][0]
        raise DataError(
            f"a propensity of {odd:.3f} does not come from slate.exploration = {exploration}: "
            "say the share with which the slates were made"
        )
    also_drawn = np.clip(propensities - (1 - exploration), 0, None) / propensities
    also_drawn[also_drawn < _TOLERANCE] = 0.0
    return np.where(ranked, also_drawn, 1.0)


def weights_of(propensities: Values, drawn: Values, exploration: float, other: float) -> Values:
    """``pi / mu`` of each place when the share of exploration is `other`; same shape."""
    ranked_weight, drawn_weight = (1 - other) / (1 - exploration), other / exploration
    weights = (1 - drawn) * ranked_weight + drawn * drawn_weight
    return np.where(_left_to_chance(propensities), weights, 1.0)


def reward_model(
    logged: Logged, propensities: Values, drawn: Values, exploration: float, other: float
) -> RewardModel:
    """The mean reward of each place, ranked and drawn, times how much the reader reads elsewhere.

    Nothing is predicted from itself: means are of the other half of the readers, and a reader's own
    level is that of her other lists.
    """
    level = _levels(logged)
    ranked, random = np.zeros_like(logged.rewards), np.zeros_like(logged.rewards)
    for fold in range(_FOLDS):
        mine = logged.readers % _FOLDS == fold
        for target, share in ((ranked, 1 - drawn), (random, drawn)):
            target[mine] = _place_means(logged, share, ~mine)
    ranked, random = ranked * level[:, None], random * level[:, None]
    expected = (1 - other) * ranked + other * random
    weights = weights_of(propensities, drawn, exploration, other)
    parts = (1 - drawn) * (1 - other) / (1 - exploration) * ranked
    parts = parts + drawn * other / exploration * random
    blended = np.divide(parts, weights, out=np.zeros_like(parts), where=weights > 0)
    chance = _left_to_chance(propensities)
    return RewardModel(np.where(chance, blended, ranked), np.where(chance, expected, ranked))


def _left_to_chance(propensities: Values) -> NDArray[np.bool_]:
    return propensities < 1 - _TOLERANCE


def _place_means(logged: Logged, share: Values, rows: NDArray[np.bool_]) -> Values:
    """Mean reward of each place, weighted, shrunk towards that of the place; shape (places,)."""
    there, rewards = logged.there[rows], logged.rewards[rows]
    weights = share[rows] * there
    mean = rewards.sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    total = weights.sum(axis=0) + _PRIOR_PLACES
    return np.asarray(((weights * rewards).sum(axis=0) + _PRIOR_PLACES * mean) / total)


def _levels(logged: Logged) -> Values:
    """What a reader's other lists earned, of what the mean list earns; shape (lists,)."""
    earned = logged.rewards.sum(axis=1)
    mean = earned.mean()
    if not mean:
        return np.ones(len(earned))
    others = np.bincount(logged.readers, earned)[logged.readers] - earned
    lists = np.bincount(logged.readers)[logged.readers] - 1
    return np.asarray((others / mean + _PRIOR_LISTS) / (lists + _PRIOR_LISTS))
