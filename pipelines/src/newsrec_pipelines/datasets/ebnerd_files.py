"""The Parquet files of EB-NeRD: their columns, and how to read some readers' rows of them."""

from typing import Final

import polars as pl

from newsrec_pipelines.datasets.landing import Import
from newsrec_pipelines.datasets.sources import SourceFile, reading, require_columns

NAMES: Final = ("behaviors.parquet", "history.parquet", "articles.parquet")
_ID: Final = pl.Int64()
_IDS: Final = pl.List(pl.Int64())
_SECONDS: Final = pl.Float32()
BEHAVIORS: Final = pl.Schema(
    {
        "impression_id": _ID,
        "user_id": _ID,
        "impression_time": pl.Datetime("us"),
        "article_id": _ID,  # of the page with the list; null on the front page
        "read_time": _SECONDS,  # of that page
        "scroll_percentage": _SECONDS,
        "article_ids_inview": _IDS,
        "article_ids_clicked": _IDS,
        "next_read_time": _SECONDS,  # of the article that was clicked
        "next_scroll_percentage": _SECONDS,
    }
)
HISTORY: Final = pl.Schema(
    {
        "user_id": _ID,
        "impression_time_fixed": pl.List(pl.Datetime("us")),
        "article_id_fixed": _IDS,
        "read_time_fixed": pl.List(_SECONDS),
        "scroll_percentage_fixed": pl.List(_SECONDS),
    }
)
ARTICLES: Final = pl.Schema(
    {
        "article_id": _ID,
        "title": pl.String(),
        "subtitle": pl.String(),
        "body": pl.String(),
        "published_time": pl.Datetime("us"),
        "category_str": pl.String(),
        "topics": pl.List(pl.String()),
        "url": pl.String(),
    }
)
# Not taken: total_inviews, total_pageviews and total_read_time count the article's whole life,
# which nobody knew when it was shown; age, gender and postcode of readers, which we do not need.

_VIEWS_PER_STEP: Final = 4_000_000
_LABELS: Final = ("article_ids_clicked", "next_read_time")


def labelled(file: SourceFile, into: Import) -> bool:
    """Whether impressions say what was clicked; if not (test set), they count as dropped."""
    with reading(file):
        rows = pl.scan_parquet(file.path)
        columns = rows.collect_schema().names()
        if any(name in columns for name in _LABELS) or "user_id" not in columns:
            return True
        into.dropped["impressions without labels"] += rows.select(pl.len()).collect().item()
        return False


def check(wanted: list[tuple[list[SourceFile], pl.Schema]]) -> None:
    """Compare the columns of files with those that we need.

    Raises:
        DataError: naming the first file that is broken or lacks some.
    """
    for files, columns in wanted:
        for file in files:
            with reading(file):
                found = pl.scan_parquet(file.path).collect_schema()
            require_columns(file, found.names(), columns.names())


def steps(found: list[SourceFile]) -> int:
    """How many steps to take, so that one fits into memory."""
    views = 0
    for file in found:
        past = "article_id_fixed" if file.name == "history.parquet" else "article_ids_inview"
        with reading(file):
            lengths = pl.scan_parquet(file.path).select(pl.col(past).list.len().sum())
            views += lengths.collect(engine="streaming").item()
    return 1 + views // _VIEWS_PER_STEP


def read(file: SourceFile, columns: pl.Schema, rows: pl.Expr | bool = True) -> pl.DataFrame:
    """The wanted columns of some rows, in the types of `columns`.

    Raises:
        DataError: when the file is broken or a column is of another kind.
    """
    with reading(file):
        table = pl.scan_parquet(file.path).filter(rows).select(columns.names())
        return table.cast(columns).collect(engine="streaming")
