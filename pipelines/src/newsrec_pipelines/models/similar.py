"""Similar articles: neighbours in content, and among what the same readers read."""

from typing import Final

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from newsrec_pipelines.models.als import Als
from newsrec_pipelines.models.content import Content
from newsrec_pipelines.models.text import unit
from newsrec_pipelines.models.topk import product_topk
from newsrec_pipelines.schemas import UNKNOWN

# What readers have in common decides only between articles of about the same content.
_ALS_SHARE: Final = 0.25
_LEAST: Final = 1e-6  # less is rounding


def similar_articles(articles: pl.DataFrame, content: Content, als: Als, k: int) -> pl.DataFrame:
    """Up to `k` neighbours of each article, in its language.

    The score is ``cos(content) + cos(ALS factors) / 4``; neighbours have a positive one.

    Returns:
        ``article_id``, ``article_ids``, ``scores`` (List(Float32)), in the order of `articles`.
    """
    texts = content.embed(articles)
    factors = unit(als.vectors_of(articles["article_id"], texts))
    vectors = np.hstack([texts, np.sqrt(_ALS_SHARE, dtype=np.float32) * factors])
    found = []
    for language in articles["language"].unique().sort():
        rows = np.flatnonzero((articles["language"] == language).to_numpy())
        readable = np.flatnonzero(
            articles["language"].is_in([language, UNKNOWN]).to_numpy() | (language == UNKNOWN)
        )
        with threadpool_limits(1, "blas"):  # product_topk has threads of its own
            # One more, since an article is like itself.
            column, score = product_topk(vectors[rows], vectors[readable], k + 1, threads=0)
        near = pl.DataFrame(
            {
                "row": np.repeat(rows, column.shape[1]),
                "near": readable[column].ravel(),
                "score": score.ravel(),
            }
        )
        found.append(near.filter(pl.col("score") > _LEAST, pl.col("row") != pl.col("near")))
    nothing = pl.DataFrame(schema={"row": pl.Int64, "near": pl.Int64, "score": pl.Float32})
    near = pl.concat([nothing, *found]).sort(
        "row", "score", "near", descending=[False, True, False]
    )
    lists = (
        near.with_columns(articles["article_id"].gather(near["near"]))
        .group_by("row", maintain_order=True)
        .agg(article_ids=pl.col("article_id").head(k), scores=pl.col("score").head(k))
    )
    return (
        articles.select("article_id")
        .with_row_index("row")
        .with_columns(pl.col("row").cast(pl.Int64))
        .join(lists, on="row", how="left", maintain_order="left")
        .select("article_id", pl.col("article_ids", "scores").fill_null([]))
    )
