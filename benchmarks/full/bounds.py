"""What the heavy steps cost at least: the exact top-k product, and LightGBM's bare predict."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
from implicit.cpu.topk import topk
from threadpoolctl import threadpool_limits

from newsrec_pipelines.features.types import Pairs
from newsrec_pipelines.models.blend import Scorers
from newsrec_pipelines.models.eligibility import Eligibility
from newsrec_pipelines.models.protocols import BoundScorer
from newsrec_pipelines.models.ranker import Matrix, Ranker, Values
from newsrec_pipelines.models.request_rows import RequestRows
from newsrec_pipelines.models.topk import Dots
from newsrec_pipelines.parameters import CandidateParams

_SAMPLED_READERS: Final = 20_000  # whose exact products are timed
_CHECKED_READERS: Final = 500  # whose candidates are compared with the exact ones
_SAMPLED_ROWS: Final = 1_000_000  # that LightGBM is timed with


class Taken:
    """What the model used while it made slates: bound scorers and the first rows it ranked."""

    def __init__(self) -> None:
        self.eligibility: Eligibility | None = None
        self.ranker: Ranker | None = None
        self.products: dict[str, Dots] = {}
        self.rows: list[Matrix] = []

    @contextmanager
    def during(self) -> Iterator[None]:
        """Take them inside the block."""
        at, score = Scorers.at, Ranker.score

        def asked(scorers: Scorers, request: RequestRows) -> dict[str, BoundScorer]:
            bound_scorers = at(scorers, request)
            self.eligibility = request.eligibility
            self.products = {k: v for k, v in bound_scorers.items() if isinstance(v, Dots)}
            return bound_scorers

        def scoring(ranker: Ranker, columns: Matrix, threads: int = 0) -> Values:
            self.ranker = ranker
            if sum(map(len, self.rows)) < _SAMPLED_ROWS:
                self.rows.append(columns)
            return score(ranker, columns, threads)

        Scorers.at, Ranker.score = asked, scoring  # type: ignore[method-assign]
        try:
            yield
        finally:
            Scorers.at, Ranker.score = at, score  # type: ignore[method-assign]


def bounds(taken: Taken, pairs: int, params: CandidateParams) -> dict[str, Any]:
    """Seconds of both for all readers, by those of a sample; and the recall of the retrieval.

    Args:
        taken: what the model had in hand.
        pairs: how many pairs it ranked.
        params: how many candidates each source gives.
    """
    assert taken.eligibility is not None
    assert taken.ranker is not None
    wanted: dict[str, int] = params.model_dump()
    rows = np.vstack(taken.rows)[:_SAMPLED_ROWS]
    began = time.perf_counter()
    taken.ranker.score(rows)
    took = time.perf_counter() - began
    return {
        "trees": taken.ranker.trees,
        "columns": rows.shape[1],
        "exact product": {
            name: _product(dots, taken.eligibility, wanted[name])
            for name, dots in taken.products.items()
        },
        "recall": {
            name: _recall(dots, taken.eligibility, wanted[name])
            for name, dots in taken.products.items()
        },
        "bare predict": took / len(rows) * pairs,
        "rows a second": len(rows) / took,
    }


def _product(dots: Dots, eligibility: Eligibility, k: int) -> float:
    """Seconds of the exact top-k product of every reader and all that she may get."""
    seconds = 0.0
    for group in np.unique(eligibility.group_of_reader).tolist():
        readers = np.flatnonzero(eligibility.group_of_reader == group)
        rows = eligibility.articles_of(group)
        share = min(1.0, _SAMPLED_READERS / len(eligibility.group_of_reader))
        sample = readers[: max(1, round(len(readers) * share))]
        if not len(rows):
            continue
        articles, users = dots.articles[rows], dots.users[sample]
        began = time.perf_counter()
        with threadpool_limits(1, "blas"):
            topk(articles, users, min(k, len(rows)))
        seconds += (time.perf_counter() - began) * len(readers) / len(sample)
    return seconds


def _recall(dots: Dots, eligibility: Eligibility, k: int) -> float:
    """Share of the exact best that the retrieval finds, on average over some readers."""
    n = len(eligibility.group_of_reader)
    some = np.unique(np.linspace(0, n - 1, min(n, _CHECKED_READERS)).astype(np.int64))
    found = dots.best(some, k)
    shares = []
    for reader in some.tolist():
        rows = eligibility.articles_of(int(eligibility.group_of_reader[reader]))
        rows = rows[eligibility.unread(Pairs(np.full(len(rows), reader), rows))]
        scores = dots.articles[rows].astype(np.float64) @ dots.users[reader].astype(np.float64)
        best = np.argsort(-scores, kind="stable")[:k]
        best = rows[best[scores[best] > 0]]
        if len(best):
            own = found.article_row[found.user_row == reader]
            shares.append(np.isin(best, own).mean())
    return float(np.mean(shares)) if shares else float("nan")
