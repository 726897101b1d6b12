"""Off-policy estimates: what another policy's lists would have earned, from the log of ours.

A place of a logged list weighs ``w = pi / mu``: how probable its article is there under the policy
asked about, over how probable it was when it was logged. Places are taken to be independent of each
other (the item-position model, Li et al. 2018, section 4): what an article earns at a place does
not depend on the other places, and both probabilities are given the places before it as they were
logged. The second is a small bias: where chance decided earlier, the articles left for later places
are other ones than the policy itself would have left.

Of the rewards ``r`` of a list's places, summed and averaged over lists:

- IPS (Horvitz & Thompson 1952): ``w r``. Unbiased, and as noisy as the weights are uneven.
- SNIPS (Swaminathan & Joachims 2015): at each place ``sum(w r) / sum(w)``. A little bias for much
  less noise.
- DR (Dudík, Langford & Li 2011; Dudík et al. 2014): ``E_pi[m] + w (r - m)`` with a model ``m`` of
  the reward. Unbiased whatever the model, and the less noisy the better it is.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from newsrec_pipelines.evaluation.bootstrap import Bootstrap
from newsrec_pipelines.parameters import BacktestParams

Values = NDArray[np.float64]

# Larger weights are cut down to it: a known bias instead of an estimate that hangs on single reads.
MAX_WEIGHT: Final = 50.0
# Fewer equally weighted lists than this say nothing about a policy.
LEAST_EFFECTIVE: Final = 100.0
# The mean weight of a place is 1 where the log can speak for the policy; so many standard
# deviations from it, it cannot: the policy shows what was never shown.
_FAR: Final = 4.0


class Interval(NamedTuple):
    """A number and the ends of its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Logged:
    """Lists as they were logged.

    Attributes:
        readers: shape (lists,), from 0 on, whose list each one is.
        there: shape (lists, places), whether the list has the place.
        rewards: shape (lists, places), seconds; 0 where there is no place.
    """

    readers: NDArray[np.int64]
    there: NDArray[np.bool_]
    rewards: Values


@dataclass(frozen=True)
class RewardModel:
    """What a model makes of the places; shape (lists, places) each, in seconds.

    Attributes:
        logged: of the article that was shown.
        expected: of those that the policy asked about would show, by their probability.
    """

    logged: Values
    expected: Values


@dataclass(frozen=True)
class Estimate:
    """What one policy would earn a list.

    Attributes:
        ips, snips, dr: seconds a list; None when the log cannot speak for the policy.
        lists: how many were logged.
        effective: of how many equally weighted lists a place says as much as of these (Kish 1965),
            at the place where it is worst.
        mean_weight: at the place where it is farthest from 1, what it should be.
        clipped: share of the places whose weight was cut down to `MAX_WEIGHT`.
    """

    ips: Interval | None
    snips: Interval | None
    dr: Interval | None
    lists: int
    effective: float
    mean_weight: float
    clipped: float

    @property
    def numbers(self) -> dict[str, Interval | None]:
        """The three estimates by name."""
        return {"ips": self.ips, "snips": self.snips, "dr": self.dr}


def estimate(
    logged: Logged, weights: Values, model: RewardModel, params: BacktestParams, seed: int
) -> Estimate:
    """What a policy would earn a list, with intervals by the bootstrap over readers.

    It is refused (no numbers) when a place has less than
    `LEAST_EFFECTIVE` lists of effect, or a mean weight that is not 1.

    Args:
        logged: n lists.
        weights: shape (n, places), ``pi / mu`` of what was shown; any value where there is none.
        model: of the rewards.
        params: resamples and confidence.
        seed: of the resamples.
    """
    there = logged.there
    weights = np.where(there, weights, 0.0)
    cut = np.minimum(weights, MAX_WEIGHT)
    bootstrap = Bootstrap(logged.readers, params, seed)
    places = there.shape[1]
    gain = cut * logged.rewards
    doubly = np.where(there, model.expected + cut * (logged.rewards - model.logged), 0.0)
    sums = np.stack([gain.sum(axis=1), doubly.sum(axis=1)], axis=1)
    draws = bootstrap.means(np.concatenate([sums, gain, cut, there, weights], axis=1))
    # One row more than the resamples: the data itself.
    rows = np.concatenate([draws.point[None, :], draws.resampled])
    _, gains, cuts, shares, uncut = np.split(rows, [2 + n * places for n in range(4)], axis=1)
    means = np.divide(uncut, shares, out=np.ones_like(uncut), where=shares > 0)
    mean_weight = means[0, np.abs(means[0] - 1).argmax()] if places else 1.0
    far = np.abs(means[0] - 1) > _FAR * means[1:].std(axis=0) + 1e-9
    effective = _effective(weights, there)
    clipped = float((weights > MAX_WEIGHT).sum() / max(there.sum(), 1))
    ips: Interval | None = None
    snips: Interval | None = None
    dr: Interval | None = None
    if effective >= LEAST_EFFECTIVE and not far.any():
        of_place = np.divide(shares * gains, cuts, out=np.zeros_like(cuts), where=cuts > 0)
        values = np.stack([rows[:, 0], of_place.sum(axis=1), rows[:, 1]], axis=1)
        low, high = bootstrap.interval(values[1:])
        columns = np.stack([values[0], low, high], axis=1)
        ips, snips, dr = (Interval(*ends) for ends in columns.tolist())
    return Estimate(ips, snips, dr, len(there), effective, float(mean_weight), clipped)


def _effective(weights: Values, there: NDArray[np.bool_]) -> float:
    """``(sum w)^2 / sum w^2`` at the worst place, as if all lists had that place."""
    some = there.any(axis=0)
    if not some.any():
        return 0.0
    weights, there = weights[:, some], there[:, some]
    squares = np.square(weights).sum(axis=0)
    kish = np.divide(
        np.square(weights.sum(axis=0)), squares, out=np.zeros_like(squares), where=squares > 0
    )
    return float((kish / there.sum(axis=0)).min() * len(weights))
