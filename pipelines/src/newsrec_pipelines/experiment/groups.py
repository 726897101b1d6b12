"""Who gets our slates and who is held out: by a stable hash of the reader's id."""

import hashlib
from collections.abc import Iterable
from typing import Final

import polars as pl

OURS: Final = "ours"
HELD_OUT: Final = "held_out"
GROUPS: Final = (OURS, HELD_OUT)


def group_of(user_id: str, seed: int) -> str:
    """The reader's group, the same on every day and machine; half of the readers are held out."""
    digest = hashlib.blake2b(user_id.encode(), digest_size=8, key=str(seed).encode()).digest()
    return GROUPS[digest[0] & 1]


def groups_of(user_ids: Iterable[str], seed: int) -> pl.DataFrame:
    """One row a reader: ``user_id`` and ``group``."""
    rows = [(user_id, group_of(user_id, seed)) for user_id in user_ids]
    return pl.DataFrame(rows, {"user_id": pl.String, "group": pl.String}, orient="row")
