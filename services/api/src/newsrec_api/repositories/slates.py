"""Published slates in PostgreSQL."""

from newsrec_api.repositories.pool import Pool
from newsrec_api.values import Article, Run, StoredSlate, item

_CURRENT = (
    "SELECT run_id, model_version, as_of FROM recommendation_runs WHERE status = 'published' "
    "ORDER BY date DESC, published_at DESC LIMIT 1"
)

# The one query that must be fast: a reader's slate by key, with its articles, without the blocked
# ones. $1 is the reader, $2 the number of places.
PREPARE = f"""
PREPARE stored_slate (text, integer) AS
WITH run AS ({_CURRENT}),
slate AS (
    SELECT r.* FROM run JOIN recommendations r ON r.run_id = run.run_id AND r.user_id = $1
    ORDER BY r.variant LIMIT 1
)
SELECT run.run_id, slate.model_version, run.as_of, slate.variant,
       place.score, slate.reasons->(place.n::int - 1)->>'code',
       slate.reasons->(place.n::int - 1)->>'text',
       a.article_id, a.title, a.abstract, a.category, a.language, a.publisher, a.url,
       a.image_url, a.published_at
FROM run CROSS JOIN slate
CROSS JOIN LATERAL unnest(slate.article_ids, slate.scores)
    WITH ORDINALITY AS place (article_id, score, n)
JOIN articles a ON a.article_id = place.article_id
WHERE NOT EXISTS (
    SELECT FROM article_blocks b WHERE b.article_id = place.article_id AND b.lifted_at IS NULL
)
ORDER BY place.n LIMIT $2
"""


class PostgresSlates:
    """Reads what scoring published."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def stored(self, user_id: str, limit: int) -> StoredSlate | None:
        """The reader's slate of the current run, None without one."""
        rows = self._pool.rows("EXECUTE stored_slate (%s, %s)", (user_id, limit))
        if not rows:
            return None
        run_id, model_version, as_of, variant = rows[0][:4]
        return StoredSlate(
            Run(run_id, model_version, as_of),
            variant,
            [
                item(Article._make(row[7:]), rank, row[4], row[5], row[6])
                for rank, row in enumerate(rows, 1)
            ],
        )

    def current_run(self) -> Run | None:
        """The published run of the latest date."""
        rows = self._pool.rows(_CURRENT)
        return Run(*rows[0]) if rows else None

    def popular(self, run_id: str, region: str, language: str) -> list[tuple[str, float]]:
        """Article ids with scores, best match of region and language first; may repeat ids."""
        # A reader would rather read her language about another region than the other way round.
        return [
            (article_id, score)
            for article_id, score in self._pool.rows(
                "SELECT place.article_id, place.score FROM popular_slates p "
                "CROSS JOIN LATERAL unnest(p.article_ids, p.scores) "
                "WITH ORDINALITY AS place (article_id, score, n) "
                "WHERE p.run_id = %(run)s AND p.region IN (%(region)s, '') "
                "AND p.language IN (%(language)s, '') "
                "ORDER BY (p.language = %(language)s) DESC, (p.region = %(region)s) DESC, place.n",
                {"run": run_id, "region": region, "language": language},
            )
        ]

    def similar(self, article_id: str) -> list[tuple[str, float]]:
        """Article ids with similarities in the current run, most similar first."""
        return [
            (similar_id, score)
            for similar_id, score in self._pool.rows(
                f"WITH run AS ({_CURRENT}) "
                "SELECT place.article_id, place.score FROM run "
                "JOIN similar_articles s ON s.run_id = run.run_id AND s.article_id = %s "
                "CROSS JOIN LATERAL unnest(s.article_ids, s.scores) "
                "WITH ORDINALITY AS place (article_id, score, n) ORDER BY place.n",
                (article_id,),
            )
        ]
