"""Whether PostgreSQL answers and has our tables."""

from newsrec_api.repositories.pool import Pool


class PostgresHealth:
    """Asks for the newest table that the API needs."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def check(self) -> None:
        """Raises `errors.UnavailableError` with the reason when the database cannot serve."""
        self._pool.rows("SELECT 1 FROM recommendation_runs LIMIT 1")
