"""EB-NeRD tells of one view up to three times: as a click, as a page, and in a history."""

from datetime import timedelta
from typing import Final

import polars as pl

# The impression's page was left for the article after `read_time`, in whole seconds. The page of
# the article follows within a second or two; a slow one should still be known as the same view.
_SAME_VIEW: Final = timedelta(seconds=60)
# Behaviours and histories are cut from one log: the same page has the same time in both.
_SAME_PAGE: Final = timedelta(seconds=5)
_READER_AND_ARTICLE: Final = ["user_id", "article_id"]


def clicked(impressions: pl.DataFrame) -> pl.DataFrame:
    """One row for each article clicked in an impression.

    Args:
        impressions: ``impression_id``, ``user_id``, ``shown_at``, ``read_time`` (of the page with
            the list), ``clicked`` (articles), ``next_read_time``, ``next_scroll`` (of the article).

    Returns:
        ``user_id``, ``article_id``, ``at``, ``dwell``, ``scroll``, ``impression_id``. A click
        happens when the page with the list is left, at least a second after the list was shown. Of
        several clicks nobody knows which one was next: their dwell is unknown here.
    """
    stayed = pl.col("read_time").fill_null(0).clip(lower_bound=1)
    alone = pl.col("clicked").list.len() == 1
    return (
        impressions.select(
            "user_id",
            article_id="clicked",
            at=pl.col("shown_at") + pl.duration(milliseconds=(stayed * 1000).cast(pl.Int64)),
            dwell=pl.when(alone).then("next_read_time"),
            scroll=pl.when(alone).then("next_scroll"),
            impression_id="impression_id",
        )
        .explode("article_id", empty_as_null=False)
        .unique(["impression_id", "article_id"], maintain_order=True)
    )


def merge(clicks: pl.DataFrame, pages: pl.DataFrame) -> pl.DataFrame:
    """Every view once.

    A click keeps its impression. The page of the same reader and article that opened next to it
    is the same view, and tells its dwell where the click does not; all other pages are views
    without an impression (opened from a search, a message, a list that is not in the data).

    Args:
        clicks: what `clicked` returns.
        pages: ``user_id``, ``article_id``, ``at``, ``dwell``, ``scroll``; the same page may be
            there twice.

    Returns:
        The columns of `clicks`, and ``number``: of the view among those of this reader and article
        on its day, from 0.
    """
    pages = _each_once(pages).with_row_index("page")
    clicks = clicks.sort("at", "impression_id").with_row_index("click")
    pairs = clicks.join_asof(
        pages.select(*_READER_AND_ARTICLE, "page", "at", page_dwell="dwell", page_scroll="scroll"),
        on="at",
        by=_READER_AND_ARTICLE,
        strategy="nearest",
        tolerance=_SAME_VIEW,
        check_sortedness=False,
    )
    opened = pairs.with_columns(
        dwell=pl.coalesce("dwell", "page_dwell"), scroll=pl.coalesce("scroll", "page_scroll")
    ).select("user_id", "article_id", "at", "dwell", "scroll", "impression_id")
    others = pages.join(pairs.drop_nulls("page"), on="page", how="anti").select(
        *opened.columns[:-1], impression_id=pl.lit(None, pl.String)
    )
    views = pl.concat([opened, others]).sort(
        *_READER_AND_ARTICLE, "at", "impression_id", nulls_last=True
    )
    first = _changes("user_id", "article_id", pl.col("at").dt.date())
    row = pl.int_range(pl.len())
    return views.with_columns(number=row - pl.when(first).then(row).forward_fill())


def _each_once(pages: pl.DataFrame) -> pl.DataFrame:
    pages = pages.sort(*_READER_AND_ARTICLE, "at", "dwell", nulls_last=True)
    later = (pl.col("at") - pl.col("at").shift()) > _SAME_PAGE
    new = _changes(*_READER_AND_ARTICLE) | later.fill_null(True)
    pages = pages.with_columns(view=new.cum_sum())
    # Most pages are told once, and grouping is slow.
    repeated = pl.col("view").is_duplicated()
    merged = (
        pages.filter(repeated)
        .group_by("view")
        .agg(
            pl.col(*_READER_AND_ARTICLE, "at").first(),
            pl.col("dwell", "scroll").drop_nulls().first(),
        )
    )
    once = pl.concat([pages.filter(~repeated), merged.select(pages.columns)])
    return once.drop("view").sort("at", *_READER_AND_ARTICLE)


def _changes(*columns: str | pl.Expr) -> pl.Expr:
    """Whether a row differs from the one before it; the first one does."""
    values = [pl.col(c) if isinstance(c, str) else c for c in columns]
    return pl.any_horizontal(v.ne_missing(v.shift()) for v in values)
