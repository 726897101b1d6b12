"""What tests ask of bound scorers: every pair at once, and the laws that hold for all of them."""

import numpy as np

from newsrec_pipelines.features.types import Pairs, Request
from newsrec_pipelines.models.protocols import BoundScorer, Vectors
from newsrec_pipelines.models.request_rows import RequestRows


def every_pair(bound_scorer: BoundScorer, request: Request) -> Vectors:
    """Shape (readers, articles)."""
    shape = (request.users.height, request.articles.height)
    rows = np.unravel_index(np.arange(shape[0] * shape[1]), shape)
    return bound_scorer.of_pairs(Pairs(*rows)).reshape(shape)


def check_bound_scorer(bound_scorer: BoundScorer, rows: RequestRows, k: int = 7) -> None:
    """The laws of `BoundScorer`; the request should leave every reader something."""
    readers = np.arange(len(rows.users))
    best = bound_scorer.best(readers, k)
    assert (np.diff(best.user_row) >= 0).all()
    assert rows.eligibility.allows(best).all()
    assert len(set(zip(*best, strict=True))) == len(best.user_row)
    assert np.bincount(best.user_row, minlength=1).max(initial=0) <= k
    scores = bound_scorer.of_pairs(best)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()
    falling = np.diff(scores) <= 1e-6
    assert (falling | (np.diff(best.user_row) > 0)).all()
    _check_blocks(bound_scorer, best, readers, k)


def _check_blocks(bound_scorer: BoundScorer, best: Pairs, readers: np.ndarray, k: int) -> None:
    scores = bound_scorer.of_pairs(best)
    for size in (1, 5):
        parts = [bound_scorer.best(readers[n : n + size], k) for n in range(0, len(readers), size)]
        for whole, cut in zip(best, zip(*parts, strict=True), strict=True):
            np.testing.assert_array_equal(np.concatenate(cut), whole)
        again = np.concatenate([bound_scorer.of_pairs(part) for part in parts])
        assert again.tobytes() == scores.tobytes()
    last_first = bound_scorer.best(readers[::-1], k)
    np.testing.assert_array_equal(
        np.unique(last_first.user_row)[::-1],
        last_first.user_row[np.flatnonzero(np.diff(last_first.user_row, prepend=-1))],
    )
