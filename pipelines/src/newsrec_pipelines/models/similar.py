"""Similar articles: neighbours in content, and among what the same readers read."""

from typing import Final

import numpy as np
import polars as pl

from newsrec_pipelines.models.als import Als
from newsrec_pipelines.models.content import Content
from newsrec_pipelines.models.index import Index
from newsrec_pipelines.models.text import unit
from newsrec_pipelines.schemas import UNKNOWN

# What readers have in common decides only between articles of about the same content.
_ALS_SHARE: Final = 0.25
_BLOCK_CELLS: Final = 4_000_000


def similar_articles(articles: pl.DataFrame, content: Content, als: Als, k: int) -> pl.DataFrame:
    """Up to `k` neighbours of each article, in its language.

    The score is ``cos(content) + cos(ALS factors) / 4``; neighbours have a positive one.

    Returns:
        ``article_id``, ``article_ids``, ``scores`` (List(Float32)), in the order of `articles`.
    """
    n = articles.height
    factors = unit(als.vectors_of(articles["article_id"]))
    vectors = np.hstack([content.embed(articles), np.sqrt(_ALS_SHARE, dtype=np.float32) * factors])
    language = Index(articles["language"].unique().sort()).rows(articles["language"])
    unknown = (articles["language"] == UNKNOWN).to_numpy()
    ids = articles["article_id"].to_numpy()
    neighbours: list[list[str]] = []
    scores: list[list[float]] = []
    step = max(1, _BLOCK_CELLS // max(n, 1))
    for start in range(0, n, step):
        block = slice(start, min(start + step, n))
        cosines = vectors[block] @ vectors.T
        readable = language[block, None] == language[None, :]
        readable |= unknown[block, None] | unknown[None, :]
        cosines[~readable] = 0.0
        cosines[np.arange(block.stop - start), np.arange(start, block.stop)] = 0.0
        best = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
        for row, top in zip(cosines, best, strict=True):
            top = top[row[top] > 1e-6]
            neighbours.append(ids[top].tolist())
            scores.append(row[top].tolist())
    return pl.DataFrame(
        {"article_id": articles["article_id"], "article_ids": neighbours, "scores": scores},
        schema={
            "article_id": pl.String,
            "article_ids": pl.List(pl.String),
            "scores": pl.List(pl.Float32),
        },
    )
