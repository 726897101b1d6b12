"""Articles in PostgreSQL, and the blocks that hide them."""

from collections.abc import Collection, Sequence
from datetime import datetime

from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a class by another name

from newsrec_api.errors import NotFoundError
from newsrec_api.repositories.pool import Pool
from newsrec_api.values import Article, Block

_FIELDS = ", ".join(f"a.{field}" for field in Article._fields)
_SHOWN = (
    "NOT EXISTS (SELECT FROM article_blocks b "
    "WHERE b.article_id = a.article_id AND b.lifted_at IS NULL)"
)
# Hops from one category to the next in the index instead of reading every article.
_CATEGORIES = """
WITH RECURSIVE c AS (
    (SELECT category FROM articles ORDER BY category LIMIT 1)
    UNION ALL
    SELECT (SELECT a.category FROM articles a WHERE a.category > c.category
            ORDER BY a.category LIMIT 1)
    FROM c WHERE c.category IS NOT NULL
)
SELECT category FROM c WHERE category IS NOT NULL
"""


class PostgresArticles:
    """Reads what the ETL wrote; blocked articles are never among the answers."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def by_ids(self, article_ids: Sequence[str]) -> dict[str, Article]:
        """Those of the articles that exist and are not blocked."""
        rows = self._pool.rows(
            f"SELECT {_FIELDS} FROM articles a WHERE a.article_id = ANY(%s) AND {_SHOWN}",
            (list(article_ids),),
        )
        return {row[0]: Article._make(row) for row in rows}

    def newest(
        self, categories: Collection[str], language: str | None, before: datetime, limit: int
    ) -> list[Article]:
        """The newest articles of these categories (none given: of all), latest first."""
        rows = self._pool.rows(
            f"SELECT {_FIELDS} FROM unnest(%(categories)s::text[]) AS c (category) "
            "CROSS JOIN LATERAL (SELECT * FROM articles a WHERE a.category = c.category "
            "AND a.published_at <= %(before)s "
            f"AND (%(language)s::text IS NULL OR a.language = %(language)s) AND {_SHOWN} "
            "ORDER BY a.published_at DESC LIMIT %(limit)s) a "
            "ORDER BY a.published_at DESC, a.article_id LIMIT %(limit)s",
            {
                "categories": list(dict.fromkeys(categories)) or self.categories(),
                "language": language,
                "before": before,
                "limit": limit,
            },
        )
        return [Article._make(row) for row in rows]

    def categories(self) -> list[str]:
        """All categories, by name."""
        return [row[0] for row in self._pool.rows(_CATEGORIES)]


class PostgresBlocks:
    """Keeps which articles are shown to nobody, since when, by whom and why."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def block(self, article_id: str, by: str, reason: str, at: datetime) -> tuple[Block, bool]:
        """The active block, and whether it is new; `NotFoundError` for an unknown article."""

        def work(cursor: Cursor) -> tuple[Block, bool]:
            cursor.execute("SELECT FROM articles WHERE article_id = %s", (article_id,))
            if cursor.fetchone() is None:
                raise NotFoundError("there is no such article")
            cursor.execute(
                "INSERT INTO article_blocks (article_id, blocked_at, blocked_by, reason) "
                "VALUES (%s, %s, %s, %s) "
                "ON CONFLICT (article_id) WHERE lifted_at IS NULL DO NOTHING",
                (article_id, at, by, reason),
            )
            new = cursor.rowcount == 1  # a block made twice stays the first one, with its author
            return _blocks(cursor, article_id)[0], new

        return self._pool.run(work)

    def lift(self, article_id: str, by: str, at: datetime) -> Block | None:
        """The block that was lifted, None when there was none."""

        def work(cursor: Cursor) -> Block | None:
            cursor.execute(
                "UPDATE article_blocks SET lifted_at = %s, lifted_by = %s "
                "WHERE article_id = %s AND lifted_at IS NULL",
                (at, by, article_id),
            )
            return _blocks(cursor, article_id)[0] if cursor.rowcount else None

        return self._pool.run(work)

    def history(self, article_id: str) -> list[Block]:
        """All blocks of the article, the latest first."""
        return self._pool.run(lambda cursor: _blocks(cursor, article_id))


def _blocks(cursor: Cursor, article_id: str) -> list[Block]:
    cursor.execute(
        "SELECT article_id, blocked_at, blocked_by, reason, lifted_at, lifted_by "
        "FROM article_blocks WHERE article_id = %s ORDER BY blocked_at DESC",
        (article_id,),
    )
    return [Block(*row) for row in cursor.fetchall()]
