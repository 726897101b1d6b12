"""Candidates: which articles a reader may get, and the best few of each scorer."""

from collections.abc import Iterable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from newsrec_pipelines.features.types import Request
from newsrec_pipelines.models.index import Index
from newsrec_pipelines.models.protocols import Vectors
from newsrec_pipelines.schemas import UNKNOWN

Mask = NDArray[np.bool_]


def allowed(request: Request) -> Mask:
    """Shape (readers, articles): not read or hidden before, in a language that she reads.

    A reader or an article of unknown language matches every language.
    """
    users, articles = request.users, request.articles
    languages = Index(pl.concat([users["language"], articles["language"]]).unique().sort())
    reader = languages.rows(users["language"])[:, None]
    written = languages.rows(articles["language"])[None, :]
    unknown = languages.rows(pl.Series([UNKNOWN]))[0]
    mask = reader == written
    if unknown >= 0:
        mask |= (reader == unknown) | (written == unknown)
    rows = Index(users["user_id"]).rows(request.history["user_id"])
    columns = Index(articles["article_id"]).rows(request.history["article_id"])
    seen = (rows >= 0) & (columns >= 0)
    mask[rows[seen], columns[seen]] = False
    return mask


def chosen(request: Request) -> Mask:
    """Shape (readers, articles): the article's category is among those that the reader chose."""
    categories = Index(request.articles["category"].unique().sort())
    choice = (
        request.users.select("preferred_categories")
        .with_row_index("row")
        .explode("preferred_categories")
        .drop_nulls()
    )
    columns = categories.rows(choice["preferred_categories"])
    rows = choice["row"].to_numpy()
    table = np.zeros((request.users.height, len(categories)), dtype=bool)
    table[rows[columns >= 0], columns[columns >= 0]] = True
    return table[:, categories.rows(request.articles["category"])]


def newest(request: Request, choice: Mask) -> Vectors:
    """Shape (readers, articles): newest first, those of the chosen categories before all others.

    New articles that nobody read yet, in data without texts, have no other way into a slate.
    """
    order = request.articles["published_at"].rank("ordinal").to_numpy()
    return (choice * len(order) + order).astype(np.float32)


def best(
    scores: Iterable[NDArray[np.floating]], mask: Mask, k: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The union of the `k` best allowed articles of each reader by each score.

    Args:
        scores: of shape (readers, articles) each.
        mask: shape (readers, articles), what is allowed.
        k: how many a reader and score.

    Returns:
        Rows of readers and of articles, sorted; each pair once.
    """
    wanted = np.zeros_like(mask)
    k = min(k, mask.shape[1])
    for score in scores:
        masked = np.where(mask, score, -np.inf)
        top = np.argpartition(masked, -k, axis=1)[:, -k:]
        np.put_along_axis(wanted, top, True, axis=1)
    rows, columns = np.nonzero(wanted & mask)
    return rows, columns
