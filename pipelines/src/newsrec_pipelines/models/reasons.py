"""Reasons: one honest sentence a place, about what spoke for the article."""

from typing import Final

import numpy as np
import polars as pl

from newsrec_pipelines.features.types import Request
from newsrec_pipelines.models.content import Content
from newsrec_pipelines.models.feedback import feedback
from newsrec_pipelines.models.index import Index
from newsrec_pipelines.models.protocols import Vectors
from newsrec_pipelines.schemas import UNKNOWN

# A cosine from which two articles are about the same to a person, not only to the machine.
_ALIKE: Final = 0.7
# What was read with a smaller weight was left at once: nobody wants to be reminded of it.
_READ: Final = 0.3
_RECENT_READS: Final = 20
_POPULAR_SHARE: Final = 0.1  # the best tenth of the candidates
_FRESH_HOURS: Final = 6.0
_LONGEST_TITLE: Final = 80


def reasons(placed: pl.DataFrame, request: Request, content: Content) -> pl.Series:
    """A struct {code, text} for each place.

    It is the first that is true of:

    - ``because_you_read``: much like an article among her last reads.
    - ``category_follow``: of a category that she chose.
    - ``popular_region``: among the tenth of all candidates that is read most where she lives.
    - ``fresh``: published in the last six hours.
    - ``for_you``: none of these; the ranker has put it there.

    Args:
        placed: ``user_row``, ``article_row`` (rows of the request), ``category``, ``region``,
            ``chosen`` (whether she chose the category), ``age_hours``, and ``popular`` (whether its
            popularity reaches `much_read`).
        request: what was asked.
        content: knows what articles are about.
    """
    titles = _because(placed, request, content)
    place = pl.col("region").str.replace_all("_", " ").str.to_titlecase()
    frame = placed.with_columns(because=titles)
    cases = (
        (
            pl.col("because").is_not_null(),
            "because_you_read",
            pl.format("Because you read “{}”", "because"),
        ),
        (
            pl.col("chosen"),
            "category_follow",
            pl.format("New in {}, which you follow", _readable("category")),
        ),
        (
            pl.col("popular") & (pl.col("region") != UNKNOWN),
            "popular_region",
            pl.format("Much read in {} now", place),
        ),
        (pl.col("popular"), "popular", pl.lit("Much read now")),
        (pl.col("age_hours") < _FRESH_HOURS, "fresh", pl.lit("Just published")),
    )
    reason = pl.struct(code=pl.lit("for_you"), text=pl.lit("Chosen for you"))
    for condition, code, text in reversed(cases):
        reason = pl.when(condition).then(pl.struct(code=pl.lit(code), text=text)).otherwise(reason)
    return frame.select(reason=reason)["reason"]


def much_read(popularity: Vectors) -> Vectors:
    """The score from which an article is among the most read tenth, for each reader.

    Args:
        popularity: shape (readers, articles), scores of all candidates.

    Returns:
        Shape (readers,); infinite where nothing is read at all.
    """
    k = popularity.shape[1] - max(1, round(popularity.shape[1] * _POPULAR_SHARE))
    bound = np.partition(popularity, k, axis=1)[:, k]
    return np.where(bound > 0, bound, np.float32(np.inf))


def _readable(category: str) -> pl.Expr:
    words = pl.col(category).str.replace_all("_", " ")
    return pl.concat_str(words.str.slice(0, 1).str.to_uppercase(), words.str.slice(1))


def _because(placed: pl.DataFrame, request: Request, content: Content) -> pl.Series:
    """The title of the read article most like each placed one, null when none is alike."""
    known, vectors = content.known_articles(request)
    titles = known["title"].to_list()
    candidates = content.embed(request.articles)
    last = _last_reads(request, content, Index(known["article_id"]))
    because: list[str | None] = [None] * placed.height
    users, articles = placed["user_row"].to_numpy(), placed["article_row"].to_numpy()
    starts = np.flatnonzero(np.diff(users, prepend=-1))
    for start, end in zip(starts, [*starts[1:], len(users)], strict=True):
        read = last.get(int(users[start]))
        if read is None:
            continue
        cosines = candidates[articles[start:end]] @ vectors[read].T
        for place in np.flatnonzero(cosines.max(axis=1) >= _ALIKE):
            because[start + place] = _short(titles[read[cosines[place].argmax()]])
    return pl.Series("because", because, dtype=pl.String)


def _last_reads(request: Request, content: Content, known: Index) -> dict[int, np.ndarray]:
    """Rows of `known`, for each row of a reader who read anything that long."""
    seen = feedback(request.history, content.weights).filter(pl.col("weight") >= _READ)
    seen = seen.sort("user_id", "last_read_at", "article_id", descending=[False, True, False])
    rows = seen.select(
        user_row=pl.Series(Index(request.users["user_id"]).rows(seen["user_id"])),
        read=pl.Series(known.rows(seen["article_id"])),
    ).filter(pl.col("user_row") >= 0, pl.col("read") >= 0)
    last = rows.group_by("user_row", maintain_order=True).agg(pl.col("read").head(_RECENT_READS))
    return dict(zip(last["user_row"], (np.array(r) for r in last["read"].to_list()), strict=True))


def _short(title: str) -> str:
    if len(title) <= _LONGEST_TITLE:
        return title
    return title[: _LONGEST_TITLE - 1].rsplit(" ", 1)[0] + "…"
