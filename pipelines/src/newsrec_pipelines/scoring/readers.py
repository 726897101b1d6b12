"""Who gets a slate and what may not be in it, as the API's tables say: settings and blocks."""

from datetime import datetime

import polars as pl

from newsrec_pipelines.db import Connection
from newsrec_pipelines.schemas import UNKNOWN

_SETTINGS_SCHEMA = pl.Schema(
    {
        "user_id": pl.String(),
        "region": pl.String(),
        "language": pl.String(),
        "preferred_categories": pl.List(pl.String),
    }
)


def reader_settings(conn: Connection, as_of: datetime) -> pl.DataFrame:
    """What readers chose before `as_of`; null is 'nothing chosen'.

    A later choice is not used, so that a run can be repeated; the choice before it has come with
    the export, as a version of the user.
    """
    with conn, conn.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(_SETTINGS_SCHEMA)} FROM reader_settings WHERE updated_at < %s",
            (as_of,),
        )
        return pl.DataFrame(cursor.fetchall(), schema=_SETTINGS_SCHEMA, orient="row")


def blocked_articles(conn: Connection) -> list[str]:
    """Articles that operators block now. A block holds at once, whatever `as_of` is asked for."""
    with conn, conn.cursor() as cursor:
        cursor.execute("SELECT article_id FROM article_blocks WHERE lifted_at IS NULL")
        return [row[0] for row in cursor.fetchall()]


def override(users: pl.DataFrame, settings: pl.DataFrame) -> pl.DataFrame:
    """Users with what they chose themselves, and readers who are known by their choice alone.

    Returns one row a reader, in the order of ``user_id``: ``user_id``, ``region``, ``language``,
    ``preferred_categories``.
    """
    both = users.join(settings, on="user_id", how="full", coalesce=True, suffix="_chosen")
    return both.select(
        "user_id",
        pl.coalesce("region_chosen", "region", pl.lit(UNKNOWN)).alias("region"),
        pl.coalesce("language_chosen", "language", pl.lit(UNKNOWN)).alias("language"),
        pl.coalesce("preferred_categories_chosen", "preferred_categories", pl.lit([]))
        .cast(pl.List(pl.String))
        .alias("preferred_categories"),
    ).sort("user_id")
