"""What readers were told in any run, in PostgreSQL."""

from newsrec_api.errors import GoneError, NotFoundError
from newsrec_api.repositories.pool import Pool
from newsrec_api.values import Told

_RUN = (
    "SELECT date, to_regclass('recommendations_' || md5(run_id)) IS NOT NULL "
    "FROM recommendation_runs WHERE run_id = %s AND status = 'published'"
)
_PLACE = (
    "SELECT variant, reasons -> (array_position(article_ids, %(article)s) - 1), "
    "(SELECT title FROM articles WHERE article_id = %(article)s) "
    "FROM recommendations WHERE run_id = %(run)s AND user_id = %(user)s ORDER BY variant LIMIT 1"
)


class PostgresAudit:
    """Reads what scoring published, of older runs too."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def told(self, run_id: str, user_id: str, article_id: str) -> Told:
        """What a reader was told of an article.

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
        places = self._pool.rows(_PLACE, {"run": run_id, "user": user_id, "article": article_id})
        if not places:
            raise NotFoundError("this run has no slate for this reader")
        variant, reason, title = places[0]
        if reason is None:
            raise NotFoundError("this article is not in the reader's slate")
        return Told(day, variant, {"code": reason["code"], "text": reason["text"]}, title)
