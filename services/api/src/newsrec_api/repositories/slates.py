"""Published slates in PostgreSQL."""

import orjson

from newsrec_api.repositories.article_cache import ArticleCache
from newsrec_api.repositories.pool import Pool
from newsrec_api.values import Article, Item, Run, StoredSlate

_CURRENT = (
    "SELECT run_id, model_version, as_of FROM recommendation_runs WHERE status = 'published' "
    "ORDER BY date DESC, published_at DESC LIMIT 1"
)

# The one query that must be fast: a reader's slate by key, and which of its articles are blocked
# at this moment. Fields of articles come from a cache.
PREPARE = f"""
PREPARE stored_slate (text) AS
WITH run AS ({_CURRENT})
SELECT run.run_id, r.model_version, run.as_of, r.variant, r.article_ids, r.scores,
       r.reasons::text, ARRAY(
           SELECT b.article_id FROM article_blocks b
           WHERE b.lifted_at IS NULL AND b.article_id = ANY(r.article_ids)
       )
FROM run JOIN recommendations r ON r.run_id = run.run_id AND r.user_id = $1
ORDER BY r.variant LIMIT 1
"""
_ARTICLES = f"SELECT {', '.join(Article._fields)} FROM articles WHERE article_id = ANY(%s)"


class PostgresSlates:
    """Reads what scoring published."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._articles = ArticleCache(
            lambda ids: map(Article._make, pool.rows(_ARTICLES, (list(ids),)))
        )

    def stored(self, user_id: str, limit: int) -> StoredSlate | None:
        """The reader's slate of the current run, None without one."""
        rows = self._pool.rows("EXECUTE stored_slate (%s)", (user_id,))
        if not rows:
            return None
        run_id, model_version, as_of, variant, ids, scores, reasons_json, blocked = rows[0]
        reasons = orjson.loads(reasons_json)
        if len(ids) > limit and not blocked:
            ids = ids[:limit]  # nothing will be left out: the rest is not needed
        items: list[Item] = []
        for n, fields in enumerate(self._articles.fields(ids)):
            if fields is not None and fields["article_id"] not in blocked and len(items) < limit:
                # Built in place: this is the hot loop.
                items.append(
                    {"rank": len(items) + 1, **fields, "score": scores[n], "reason": reasons[n]}
                )
        return StoredSlate(Run(run_id, model_version, as_of), variant, items)

    def current_run(self) -> Run | None:
        """The published run of the latest date."""
        rows = self._pool.rows(_CURRENT)
        return Run(*rows[0]) if rows else None

    def popular(self, run_id: str, region: str, language: str) -> list[tuple[str, float]]:
        """Article ids with scores, those of the region first; may repeat ids.

        Only articles in the language are given where the run has any: nobody is served what she
        cannot read.
        """
        return [
            (article_id, score)
            for article_id, score in self._pool.rows(
                "SELECT place.article_id, place.score FROM popular_slates p "
                "CROSS JOIN LATERAL unnest(p.article_ids, p.scores) "
                "WITH ORDINALITY AS place (article_id, score, n) "
                "WHERE p.run_id = %(run)s AND p.region IN (%(region)s, '') "
                "AND p.language = (SELECT max(q.language) FROM popular_slates q "
                "WHERE q.run_id = p.run_id AND q.language IN (%(language)s, '')) "
                "ORDER BY (p.region = %(region)s) DESC, place.n",
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
