"""What readers were told in any run, in PostgreSQL."""

from newsrec_api.errors import GoneError, NotFoundError
from newsrec_api.repositories.pool import Pool
from newsrec_api.values import Told

_RUN = (
    "SELECT date, to_regclass('recommendations_' || md5(run_id)) IS NOT NULL "
    "FROM recommendation_runs WHERE run_id = %s AND status = 'published'"
)
# Of the slates that a run has for a reader, the one that holds the article; of both, her variant's.
_PLACE = (
    "SELECT variant, reasons -> (array_position(article_ids, %(article)s) - 1), "
    "(SELECT title FROM articles WHERE article_id = %(article)s) "
    "FROM recommendations WHERE run_id = %(run)s AND user_id = %(user)s "
    "AND variant = coalesce(%(variant)s, variant) "
    "ORDER BY %(article)s <> ALL(article_ids), variant = 'champion' LIMIT 1"
)


class PostgresAudit:
    """Reads what scoring published, of older runs too."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def told(self, run_id: str, variant: str | None, user_id: str, article_id: str) -> Told:
        """What a reader was told of an article in the slate of a variant, None for any.

        Raises:
            NotFoundError: when there is no such run, or the article is not in her slate.
            GoneError: when the rows of the run were dropped.
        """
        runs = self._pool.rows(_RUN, (run_id,))
        if not runs:
            raise NotFoundError("there is no such run")
        day, has_rows = runs[0]
        if not has_rows:
            raise GoneError("what this run was made of has been dropped")
        wanted = {"run": run_id, "variant": variant, "user": user_id, "article": article_id}
        places = self._pool.rows(_PLACE, wanted)
        if not places:
            raise NotFoundError("this run has no slate for this reader")
        found, reason, title = places[0]
        if reason is None:
            raise NotFoundError("this article is not in the reader's slate")
        return Told(day, found, {"code": reason["code"], "text": reason["text"]}, title)
