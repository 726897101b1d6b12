"""Published slates in PostgreSQL."""

import time
from collections.abc import Callable

import orjson

from newsrec_api.repositories.article_cache import ArticleCache
from newsrec_api.repositories.pool import Pool
from newsrec_api.values import Article, Item, Run, StoredSlate

# A new run shows after at most this long; until then the one before is served, which pruning keeps.
RUN_SECONDS = 1.0

_CURRENT = (
    "SELECT run_id, model_version, as_of FROM recommendation_runs WHERE status = 'published' "
    "ORDER BY date DESC, published_at DESC LIMIT 1"
)
# The variants that hold are read with the run: an ended one is served no more. A version belongs
# to it, since a variant that got another one waits for the next run.
_CURRENT_WITH_VARIANTS = (
    f"WITH run AS ({_CURRENT}) SELECT run_id, model_version, as_of, "
    "ARRAY(SELECT name || '@' || model_version FROM variants WHERE ended_at IS NULL) FROM run"
)

# The queries that must be fast: a reader's slate by key, and which of its articles are blocked at
# this moment. Fields of articles come from a cache. Nearly always no variant holds, or one.
_STORED = """
SELECT r.model_version, r.variant, r.article_ids, r.scores, r.reasons::text, ARRAY(
    SELECT b.article_id FROM article_blocks b
    WHERE b.lifted_at IS NULL AND b.article_id = ANY(r.article_ids)
)
FROM recommendations r WHERE r.run_id = $1 AND r.user_id = $2
"""
PREPARE = f"""
PREPARE stored_slate (text, text) AS {_STORED} AND r.variant = 'champion';
PREPARE stored_variant (text, text, text[]) AS {_STORED}
AND (r.variant = 'champion' OR r.variant || '@' || r.model_version = ANY($3))
ORDER BY r.variant = 'champion' LIMIT 1
"""
_ARTICLES = f"SELECT {', '.join(Article._fields)} FROM articles WHERE article_id = ANY(%s)"


class PostgresSlates:
    """Reads what scoring published."""

    def __init__(self, pool: Pool, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._clock = clock
        # Until when, which, and the variants that hold.
        self._run: tuple[float, Run | None, list[str]] = (0.0, None, [])
        self._articles = ArticleCache(
            lambda ids: map(Article._make, pool.rows(_ARTICLES, (list(ids),)))
        )

    def stored(self, user_id: str, limit: int) -> StoredSlate | None:
        """The reader's slate of the current run, None without one.

        Who is in a variant that holds gets its slate, everybody else the champion's.
        """
        run, variants = self._current()
        if run is None:
            return None
        if variants:
            rows = self._pool.rows(
                "EXECUTE stored_variant (%s, %s, %s)", (run.run_id, user_id, variants)
            )
        else:
            rows = self._pool.rows("EXECUTE stored_slate (%s, %s)", (run.run_id, user_id))
        if not rows:
            return None
        model_version, variant, ids, scores, reasons_json, blocked = rows[0]
        if len(ids) > limit and not blocked:
            ids = ids[:limit]  # nothing will be left out: the rest is not needed
        reasons = orjson.loads(reasons_json)
        shown: list[str] = []
        items: list[Item] = []
        # This is the hot loop: the articles are written already, the rest is put around them.
        for n, (article_id, fields) in enumerate(zip(ids, self._articles.fields(ids), strict=True)):
            if fields is not None and article_id not in blocked and len(items) < limit:
                shown.append(article_id)
                rest = orjson.dumps({"score": scores[n], "reason": reasons[n]})
                items.append(orjson.Fragment(b'{"rank":%d,%b,%b' % (len(shown), fields, rest[1:])))
        return StoredSlate(Run(run.run_id, model_version, run.as_of), variant, shown, items)

    def current_run(self) -> Run | None:
        """The published run of the latest date, as it was at most `RUN_SECONDS` ago."""
        return self._current()[0]

    def _current(self) -> tuple[Run | None, list[str]]:
        until, run, variants = self._run
        now = self._clock()
        if run is None or until < now:
            rows = self._pool.rows(_CURRENT_WITH_VARIANTS)
            run, variants = (Run(*rows[0][:3]), rows[0][3]) if rows else (None, [])
            self._run = (now + RUN_SECONDS, run, variants)
        return run, variants

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
