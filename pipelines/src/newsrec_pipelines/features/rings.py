"""Rings of buckets: how an article's last hours are kept in one row."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from newsrec_pipelines.parameters import FeatureParams

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Grid:
    """The buckets of one day: fine ones (slots), and coarse ones made of whole fine ones."""

    fine: int  # length of a fine ring
    coarse: int  # length of a coarse ring
    slots: int  # fine buckets of one day
    per_coarse: int  # fine buckets in a coarse one

    @classmethod
    def of(cls, params: FeatureParams) -> "Grid":
        """The grid that the parameters describe."""
        return cls(
            fine=params.fine_buckets,
            coarse=params.coarse_buckets,
            slots=24 * 60 // params.fine_bucket_minutes,
            per_coarse=params.coarse_bucket_minutes // params.fine_bucket_minutes,
        )


def day_rings(
    article: NDArray[np.intp],
    slot: NDArray[np.intp],
    count: Counts,
    prior_fine: Counts,
    prior_coarse: Counts,
    prior_age: NDArray[np.int64],
    grid: Grid,
) -> tuple[Counts, Counts]:
    """The rings of every active bucket of one day, for one measure.

    Args:
        article: shape (rows,), index of the article of each active bucket.
        slot: shape (rows,), fine bucket within the day, 0 is the first.
        count: shape (rows,), what happened in the bucket.
        prior_fine: shape (articles, fine), the ring of the last row before the day.
        prior_coarse: shape (articles, coarse), likewise.
        prior_age: shape (articles,), fine buckets between that row's stamp and the day's start.
        grid: the buckets.

    Returns:
        Fine rings (rows, fine) and coarse rings (rows, coarse). The last element of a fine ring is
        the row's own bucket; that of a coarse ring is the aligned coarse bucket so far.
    """
    n = len(prior_age)
    fine = np.zeros((n, grid.fine + grid.slots), np.int64)
    shift_in(fine, prior_fine, prior_age)
    fine[article, grid.fine + slot] = count

    # A stamp inside a coarse bucket belongs to that bucket, which ends later, never after the day.
    hours = fine[:, grid.fine :].reshape(n, grid.slots // grid.per_coarse, grid.per_coarse)
    coarse = np.zeros((n, grid.coarse + hours.shape[1]), np.int64)
    shift_in(coarse, prior_coarse, prior_age // grid.per_coarse)
    coarse[:, grid.coarse :] = hours.sum(axis=2)
    so_far = hours.cumsum(axis=2)

    hour, within = np.divmod(slot, grid.per_coarse)
    fine_rings = fine[article[:, None], slot[:, None] + 1 + np.arange(grid.fine)]
    coarse_rings = coarse[article[:, None], hour[:, None] + 1 + np.arange(grid.coarse)]
    coarse_rings[:, -1] = so_far[article, hour, within]
    return fine_rings, coarse_rings


def shift_in(target: Counts, ring: Counts, age: NDArray[np.int64]) -> None:
    """Write each ring into the front of `target`, moved to the left by its age in buckets.

    Args:
        target: shape (n, any), changed.
        ring: shape (n, length); what is moved out on the left is lost.
        age: shape (n,), not negative.
    """
    length = ring.shape[1]
    columns = np.arange(length)[None, :] - age[:, None]
    row, element = np.nonzero(columns >= 0)
    target[row, columns[row, element]] = ring[row, element]
