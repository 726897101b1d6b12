"""Exploration: chance for articles that hardly anybody has seen, drawn so that it can be repeated.

With `propensities` (the probability that a place went to the article that it went to) the log tells
later what another policy would have earned: Horvitz & Thompson 1952; Swaminathan & Joachims 2015.
"""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from newsrec_pipelines.models.protocols import Rows

Keys = NDArray[np.uint64]
Mask = NDArray[np.bool_]

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX: Final = ((30, np.uint64(0xBF58476D1CE4E5B9)), (27, np.uint64(0x94D049BB133111EB)))


def reader_keys(user_ids: Iterable[str], as_of: datetime, seed: int) -> Keys:
    """The start of each reader's random numbers at one moment; shape (readers,)."""
    moment = f"{seed} {as_of.astimezone(UTC).isoformat()}".encode()
    digests = b"".join(
        hashlib.blake2b(user.encode(), digest_size=8, key=moment).digest() for user in user_ids
    )
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def uniform(keys: Keys, number: int) -> NDArray[np.float64]:
    """The `number`-th random number of each reader, counted from 1, in [0, 1); shape (readers,).

    SplitMix64 (Steele, Lea & Flood 2014): the n-th number needs none of those before it.
    """
    state = keys + np.array([number], np.uint64) * _GOLDEN
    for shift, factor in _MIX:
        state = (state ^ (state >> np.uint64(shift))) * factor
    return ((state ^ (state >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53


def drawn(pool: Mask, chance: NDArray[np.float64]) -> Rows:
    """One of each reader's pool, all alike; shape (readers,).

    Args:
        pool: shape (readers, candidates), at least one of each reader.
        chance: shape (readers,), in [0, 1).
    """
    size = pool.sum(axis=1)
    # The product may round up to the size itself.
    wanted = np.minimum((chance * size).astype(np.int64), size - 1)
    return (pool.cumsum(axis=1) > wanted[:, None]).argmax(axis=1)


def propensities(choice: Rows, ranked: Rows, pool: Mask, exploration: float) -> NDArray[np.float32]:
    """The probability of each choice, given the places before it; shape (readers,).

    With chance `exploration` a place goes to one of the pool, each alike, else to the ranked one;
    always to the ranked one where the pool is empty.

    Args:
        choice: column that the place went to.
        ranked: column that it goes to without exploration.
        pool: shape (readers, candidates).
        exploration: chance of the place to be drawn.
    """
    size = pool.sum(axis=1)
    spent = np.where(size > 0, exploration, 0.0)
    in_pool = pool[np.arange(len(choice)), choice]
    share = spent * in_pool / np.maximum(size, 1)
    return ((1.0 - spent) * (choice == ranked) + share).astype(np.float32)
