"""Similar articles: neighbours in content, and among what the same readers read."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from newsrec_pipelines.models.als import Als
from newsrec_pipelines.models.content import Content
from newsrec_pipelines.models.sparse import ragged
from newsrec_pipelines.models.text import unit
from newsrec_pipelines.models.topk import Nearest, Rows, Vectors
from newsrec_pipelines.schemas import UNKNOWN

# What readers have in common decides only between articles of about the same content.
_ALS_SHARE: Final = 0.25
_LEAST: Final = 1e-6  # less is rounding
_AT_ONCE: Final = 2048  # articles that a thread looks for the neighbours of
_NOTHING: Final = pl.DataFrame(schema={"row": pl.Int64, "near": pl.Int64, "score": pl.Float32})


def similar_articles(
    articles: pl.DataFrame, content: Content, als: Als | None, k: int
) -> pl.DataFrame:
    """Up to `k` neighbours of each article, in its language.

    The score is ``cos(content) + cos(ALS factors) / 4``, the second only where there are factors;
    neighbours have a positive one.

    Returns:
        ``article_id``, ``article_ids``, ``scores`` (List(Float32)), in the order of `articles`.
    """
    vectors = texts = content.embed(articles)
    if als is not None:
        factors = unit(als.vectors_of(articles["article_id"], texts))
        vectors = np.hstack([texts, np.sqrt(_ALS_SHARE, dtype=np.float32) * factors])
    found = pl.concat([_NOTHING, *_neighbours(articles["language"], vectors, k)])
    lists = (
        found.with_columns(article_id=articles["article_id"].gather(found["near"]))
        .group_by("row", maintain_order=True)
        .agg(article_ids="article_id", scores="score")
    )
    return (
        articles.select("article_id")
        .with_row_index("row")
        .with_columns(pl.col("row").cast(pl.Int64))
        .join(lists, on="row", how="left", maintain_order="left")
        .select("article_id", pl.col("article_ids", "scores").fill_null([]))
    )


def _neighbours(languages: pl.Series, vectors: Vectors, k: int) -> Iterator[pl.DataFrame]:
    """The nearest of articles of the same language, by falling score; as `_NOTHING`."""
    for language in languages.unique().sort():
        rows = np.flatnonzero((languages == language).to_numpy())
        readable = np.flatnonzero(
            (languages.is_in([language, UNKNOWN]) | (language == UNKNOWN)).to_numpy()
        )
        nearest = Nearest(vectors[readable])

        def look(part: Rows, nearest: Nearest = nearest, readable: Rows = readable) -> pl.DataFrame:
            # One more, since an article is like itself.
            place, column, score = nearest.best(vectors[part], k + 1)
            row, near = part[place], readable[column]
            good = (score > _LEAST) & (row != near)
            row, near, score = row[good], near[good], score[good]
            _, place = ragged(np.unique(row, return_counts=True)[1])
            first = place < k
            return pl.DataFrame([row[first], near[first], score[first]], _NOTHING.schema)

        parts = [rows[n : n + _AT_ONCE] for n in range(0, len(rows), _AT_ONCE)]
        with threadpool_limits(1), ThreadPoolExecutor(os.cpu_count()) as pool:
            yield from pool.map(look, parts)
