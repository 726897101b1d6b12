"""What only the demo page asks; these queries read whole tables, which a demo can afford."""

from typing import Any

from newsrec_api.repositories.pool import Pool

_READER = """
SELECT u.user_id, coalesce(s.region, u.region), coalesce(s.language, u.language),
       coalesce(s.preferred_categories, u.preferred_categories),
       (SELECT count(*) FROM reads r WHERE r.user_id = u.user_id AND r.kind = 'read')
FROM users u LEFT JOIN reader_settings s USING (user_id)
"""


class PostgresDemo:
    """Readers to choose from, and what they did."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def readers(self, per_group: int) -> list[dict[str, Any]]:
        """Some readers of every region and language, with their interests."""
        rows = self._pool.rows(
            "WITH sample AS (SELECT user_id, row_number() OVER "
            "(PARTITION BY region, language ORDER BY md5(user_id)) AS n FROM users) "
            f"{_READER} JOIN sample ON sample.user_id = u.user_id AND sample.n <= %s "
            "ORDER BY 2, 3, u.user_id",
            (per_group,),
        )
        return [_reader(row) for row in rows]

    def reader(self, user_id: str) -> dict[str, Any] | None:
        """One reader in the same form."""
        rows = self._pool.rows(f"{_READER} WHERE u.user_id = %s", (user_id,))
        if not rows:
            rows = self._pool.rows(
                "SELECT user_id, region, language, coalesce(preferred_categories, '{}'), 0 "
                "FROM reader_settings WHERE user_id = %s",
                (user_id,),
            )
        return _reader(rows[0]) if rows else None

    def recent_reads(self, user_id: str, limit: int) -> list[dict[str, Any]]:
        """Her latest known reads, with titles."""
        rows = self._pool.rows(
            "SELECT a.article_id, a.title, a.category, r.read_at, r.dwell_seconds "
            "FROM reads r JOIN articles a USING (article_id) "
            "WHERE r.user_id = %s AND r.kind = 'read' ORDER BY r.read_at DESC LIMIT %s",
            (user_id, limit),
        )
        names = ("article_id", "title", "category", "read_at", "dwell_seconds")
        return [dict(zip(names, row, strict=True)) for row in rows]

    def opened_since_run(self, user_id: str) -> list[str]:
        """Articles she opened that the current run does not know about yet."""
        rows = self._pool.rows(
            "SELECT DISTINCT i.payload->>'article_id' FROM event_inbox i "
            "WHERE i.entity = 'reads' AND i.payload->>'user_id' = %s AND i.received_at >= "
            "coalesce((SELECT as_of FROM recommendation_runs WHERE status = 'published' "
            "ORDER BY date DESC, published_at DESC LIMIT 1), '-infinity')",
            (user_id,),
        )
        return [row[0] for row in rows]


def _reader(row: tuple[Any, ...]) -> dict[str, Any]:
    names = ("user_id", "region", "language", "preferred_categories", "reads")
    return dict(zip(names, row, strict=True))
