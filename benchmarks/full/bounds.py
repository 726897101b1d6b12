"""What the heavy steps cost at least: the exact top-k product, and LightGBM's bare predict."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
from implicit.cpu.topk import topk
from threadpoolctl import threadpool_limits

from newsrec_pipelines.features.types import Pairs
from newsrec_pipelines.models import news
from newsrec_pipelines.models.ranker import Matrix, Ranker
from newsrec_pipelines.models.topk import Dots

_SAMPLED_READERS: Final = 20_000  # whose exact products are timed
_CHECKED_READERS: Final = 500  # whose candidates are compared with the exact ones
_SAMPLED_ROWS: Final = 1_000_000  # that LightGBM is timed with


class Taken:
    """What the model had in hand while it made slates."""

    def __init__(self) -> None:
        self.moment: news._Moment | None = None
        self.rows: list[Matrix] = []

    @contextmanager
    def during(self) -> Iterator[None]:
        """Take the vectors, and the first rows that were ranked, inside the block."""
        begin, score = news._Moment.__init__, Ranker.score

        def beginning(moment: news._Moment, *args: Any, **options: Any) -> None:
            begin(moment, *args, **options)
            self.moment = moment

        def scoring(ranker: Ranker, columns: Matrix, *args: Any, **options: Any) -> Any:
            if sum(map(len, self.rows)) < _SAMPLED_ROWS:
                self.rows.append(columns)
            return score(ranker, columns, *args, **options)

        news._Moment.__init__, Ranker.score = beginning, scoring  # type: ignore[method-assign]
        try:
            yield
        finally:
            news._Moment.__init__, Ranker.score = begin, score  # type: ignore[method-assign]


def bounds(taken: Taken, pairs: int) -> dict[str, Any]:
    """Seconds of both for all readers, by those of a sample; and the recall of the retrieval."""
    assert taken.moment is not None
    opinions = {k: v for k, v in taken.moment._opinions.items() if isinstance(v, Dots)}
    wanted = taken.moment._params.candidates.model_dump()
    product = {name: _product(dots, wanted[name]) for name, dots in opinions.items()}
    recall = {name: _recall(dots, wanted[name]) for name, dots in opinions.items()}
    rows = np.vstack(taken.rows)[:_SAMPLED_ROWS]
    began = time.perf_counter()
    taken.moment._ranker.score(rows)
    took = time.perf_counter() - began
    return {
        "trees": taken.moment._ranker.trees,
        "columns": rows.shape[1],
        "exact product": product,
        "recall": recall,
        "bare predict": took / max(len(rows), 1) * pairs,
        "rows a second": len(rows) / took,
    }


def _product(dots: Dots, k: int) -> float:
    """Seconds of the exact top-k product of every reader and all that she may get."""
    scope = dots._scope()
    seconds = 0.0
    for group in np.unique(scope.group_of_reader).tolist():
        readers = np.flatnonzero(scope.group_of_reader == group)
        rows = scope.articles_of(group)
        share = min(1.0, _SAMPLED_READERS / len(scope.group_of_reader))
        sample = readers[: max(1, round(len(readers) * share))]
        if not len(rows):
            continue
        articles, users = dots.articles[rows], dots.users[sample]
        began = time.perf_counter()
        with threadpool_limits(1, "blas"):
            topk(articles, users, min(k, len(rows)))
        seconds += (time.perf_counter() - began) * len(readers) / len(sample)
    return seconds


def _recall(dots: Dots, k: int) -> float:
    """Share of the exact best that the retrieval finds, on average over some readers."""
    scope = dots._scope()
    n = len(scope.group_of_reader)
    some = np.unique(np.linspace(0, n - 1, min(n, _CHECKED_READERS)).astype(np.int64))
    found = dots.best(some, k)
    shares = []
    for reader in some.tolist():
        rows = scope.articles_of(int(scope.group_of_reader[reader]))
        rows = rows[scope.unread(Pairs(np.full(len(rows), reader), rows))]
        scores = dots.articles[rows].astype(np.float64) @ dots.users[reader].astype(np.float64)
        best = np.argsort(-scores, kind="stable")[:k]
        best = rows[best[scores[best] > 0]]
        if len(best):
            own = found.article_row[found.user_row == reader]
            shares.append(np.isin(best, own).mean())
    return float(np.mean(shares)) if shares else float("nan")
