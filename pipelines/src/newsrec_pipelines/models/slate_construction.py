"""Constructs slates: rules say what may have a position, diversity and chance which gets it.

Readers lie side by side in padded arrays, so that one step fills a position of all of them.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from newsrec_pipelines.models import diversity, exploration
from newsrec_pipelines.models.diversity import Topics
from newsrec_pipelines.models.exploration import Keys, Mask
from newsrec_pipelines.models.protocols import Rows
from newsrec_pipelines.models.reliability import HELD_BACK_FROM, MOST_HELD_BACK
from newsrec_pipelines.parameters import SlateParams

# Why an article is where it is: by its score, because diversity moved it up or down, or drawn.
STEPS: Final = ("ranked", "diversified", "explored")
_RANKED, _DIVERSIFIED, _EXPLORED = range(len(STEPS))
_NO_CANDIDATE: Final = -1


class CandidateTable(NamedTuple):
    """Candidates of some readers, the best first; all of shape (readers, candidates).

    Attributes:
        exists: False where a row is padded, at its end.
        score: NaN where a row is padded.
        first: comes before all others.
        held_back: see `reliability`.
        unseen: may be explored.
        topics: see `diversity`.
    """

    exists: Mask
    score: NDArray[np.float64]
    first: Mask
    held_back: Mask
    unseen: Mask
    topics: Topics


class SlatePositions(NamedTuple):
    """Slates; all of shape (readers, depth).

    Attributes:
        candidate: column of the table, -1 from the end of a shorter slate on.
        step: position in `STEPS`.
        propensity: see `exploration.propensities`.
    """

    candidate: Rows
    step: NDArray[np.int8]
    propensity: NDArray[np.float32]


def construct(table: CandidateTable, keys: Keys, params: SlateParams) -> SlatePositions:
    """The slates of the readers of a table.

    Args:
        table: the candidates.
        keys: shape (readers,), see `exploration.reader_keys`.
        params: the rules.
    """
    readers, depth = len(keys), params.depth
    made = SlatePositions(
        np.full((readers, depth), _NO_CANDIDATE, np.int64),
        np.zeros((readers, depth), np.int8),
        np.ones((readers, depth), np.float32),
    )
    if not table.exists.size:
        return made
    state = _State(table, params)
    going_on = np.ones(readers, dtype=bool)
    for position in range(1, depth + 1):
        allowed = state.allowed(position)
        going_on &= allowed.any(axis=1)
        if not going_on.any():
            break
        ranked, step = state.ranked(allowed)
        pool, spent = allowed & table.unseen & ~table.held_back, 0.0
        if position >= params.explore_from:
            spent = params.exploration
        choice, explored = _explore(ranked, pool, keys, position, spent)
        state.take(choice, ranked, allowed, explored)
        column = position - 1
        made.candidate[:, column] = np.where(going_on, choice, _NO_CANDIDATE)
        made.step[:, column] = np.where(explored, _EXPLORED, step)
        made.propensity[:, column] = exploration.propensities(choice, ranked, pool, spent)
    return made


def _explore(
    ranked: Rows, pool: Mask, keys: Keys, position: int, spent: float
) -> tuple[Rows, Mask]:
    """Which candidate gets the position, and whether it was drawn; shape (readers,) each."""
    if not spent:
        return ranked, np.zeros(len(keys), dtype=bool)
    drawn = (exploration.uniform(keys, 2 * position - 1) < spent) & pool.any(axis=1)
    choice = ranked.copy()
    choice[drawn] = exploration.drawn(pool[drawn], exploration.uniform(keys[drawn], 2 * position))
    return choice, drawn


class _State:
    """What the positions taken so far mean for those that follow."""

    def __init__(self, table: CandidateTable, params: SlateParams) -> None:
        self._table = table
        self._limit = params.max_per_publisher
        self._weight = np.float32(params.diversity)
        relevance = diversity.relevance(table.score, params.depth)
        self._weighted_relevance = (np.float32(1) - self._weight) * relevance
        self._readers = np.arange(len(table.score))
        self._columns = np.arange(table.score.shape[1])
        self._free = table.exists.copy()
        self._of_publisher = np.zeros(table.score.shape, np.int16)
        self._held_back = np.zeros(len(table.score), np.int16)
        self._closest = np.zeros(table.score.shape, np.float32)
        self._passed_over = np.zeros(table.score.shape, dtype=bool)
        self._any_held_back = bool(table.held_back.any())
        self._any_first = bool(table.first.any())

    def allowed(self, position: int) -> Mask:
        """Who may have the position: by the limits, and among these by `first`."""
        free = self._free
        if self._any_held_back:
            enough = (self._held_back >= MOST_HELD_BACK) | (position < HELD_BACK_FROM)
            free = free & ~(self._table.held_back & enough[:, None])
        allowed = free & (self._of_publisher < self._limit)
        # Better more of one publisher than a short slate.
        _restrict(allowed, free, ~np.any(allowed, axis=1))
        if self._any_first:
            before = allowed & self._table.first
            _restrict(allowed, before, np.any(before, axis=1))
        return allowed

    def ranked(self, allowed: Mask) -> tuple[Rows, NDArray[np.int8]]:
        """Who gets the position by marginal relevance, and by which step; shape (readers,) each."""
        leader = allowed.argmax(axis=1)
        if not self._weight:
            return leader, np.zeros(len(leader), np.int8)
        gain = np.where(allowed, self._weighted_relevance - self._weight * self._closest, -np.inf)
        best = gain.argmax(axis=1)  # the first of equal ones, so the one with the higher score
        moved = (best != leader) | self._passed_over[self._readers, best]
        return best, np.where(moved, _DIVERSIFIED, _RANKED).astype(np.int8)

    def take(self, choice: Rows, ranked: Rows, allowed: Mask, explored: Mask) -> None:
        """Give the position to `choice`; `ranked` would have it without exploration."""
        at = (self._readers, choice)
        self._free[at] = False
        self._held_back += self._table.held_back[at]
        chosen = self._table.topics.at((self._readers[:, None], choice[:, None]))
        known = np.where(chosen.publisher < 0, np.int32(-2), chosen.publisher)
        self._of_publisher += self._table.topics.publisher == known
        if self._weight:
            self._passed_over |= allowed & (self._columns < ranked[:, None]) & ~explored[:, None]
            np.maximum(
                self._closest,
                diversity.similarity(self._table.topics, chosen),
                out=self._closest,
            )


def _restrict(mask: Mask, to: Mask, where: Mask) -> None:
    """Put rows of `to` into `mask`, `where` it is so."""
    mask[where] = to[where]
