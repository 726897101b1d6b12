"""Each scorer alone, and chance: what the blend has to beat, under the same rules."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, Self

import numpy as np
import polars as pl

from newsrec_pipelines.config import Params
from newsrec_pipelines.features.types import Request, TrainingData
from newsrec_pipelines.models import candidates, slates
from newsrec_pipelines.models.protocols import Scorer, State, Vectors

_BLOCK_CELLS: Final = 4_000_000
# Passed over when a publisher has its places; the deeper, the surer that a slate is full.
_SPARE: Final = 5


class Chance:
    """Scores without any meaning, the same for the same seed and moment."""

    name = "random"

    def __init__(self, seed: int) -> None:
        self._seed = seed

    @classmethod
    def fit(cls, data: TrainingData, params: Params) -> Self:
        """Learn nothing."""
        return cls(params.training.seed)

    @classmethod
    def from_state(cls, state: State, params: Params) -> Self:
        """The same one again."""
        return cls(state["seed"])

    def state(self) -> dict[str, Any]:
        """The seed."""
        return {"seed": self._seed}

    def user_vectors(self, request: Request) -> Vectors:
        """Random directions, in the order of the readers' ids."""
        return self._normal(request, 1, request.users.height)

    def article_vectors(self, request: Request) -> Vectors:
        """Random directions."""
        return self._normal(request, 2, request.articles.height)

    def _normal(self, request: Request, stream: int, rows: int) -> Vectors:
        seed = [self._seed, stream, int(request.as_of.timestamp())]
        return np.random.default_rng(seed).standard_normal((rows, 16), dtype=np.float32)


def slates_alone(scorer: Scorer, request: Request, params: Params) -> pl.DataFrame:
    """Slates in the order of one scorer, by the same rules as the model's; the newest of equals.

    Returns ``user_id`` and ``article_ids`` in the order of the request's readers.
    """
    oldest = request.as_of - timedelta(hours=params.slate.max_age_hours)
    fresh = pl.col("published_at").is_between(oldest, request.as_of)
    articles = request.articles.filter(fresh)
    request = replace(request, articles=articles)
    users, items = scorer.user_vectors(request), scorer.article_vectors(request)
    # Small enough to decide between equal scores only.
    newer = articles["published_at"].rank("ordinal").to_numpy() / max(articles.height, 1)
    made = []
    step = max(1, _BLOCK_CELLS // max(articles.height, 1))
    for start in range(0, request.users.height, step):
        block = replace(request, users=request.users[start : start + step])
        scores = users[start : start + step].astype(np.float64) @ items.T.astype(np.float64)
        ranked = scores + 1e-6 * newer
        rows = candidates.best([ranked], candidates.allowed(block), _SPARE * params.slate.depth)
        pairs = pl.DataFrame(
            {
                "user_row": rows[0],
                "article_id": articles["article_id"].gather(rows[1]),
                "publisher": articles["publisher"].gather(rows[1]),
                "score": ranked[rows],
                "first": np.zeros(len(rows[0]), dtype=bool),
            }
        )
        placed = slates.place(pairs, params.slate)
        made.append(
            block.users.select("user_id")
            .with_row_index("user_row")
            .join(
                placed.group_by("user_row", maintain_order=True).agg(article_ids="article_id"),
                on="user_row",
                how="left",
                maintain_order="left",
            )
            .select("user_id", pl.col("article_ids").fill_null([]))
        )
    return pl.concat(made)
