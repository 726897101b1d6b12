"""What readers chose themselves, in PostgreSQL."""

from datetime import datetime

from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a class by another name

from newsrec_api.repositories.pool import Pool
from newsrec_api.values import Choices, Profile

# A value of reader_settings that is not null overrides `users`.
_PROFILE = """
SELECT coalesce(s.region, u.region), coalesce(s.language, u.language),
       coalesce(s.timezone, u.timezone),
       coalesce(s.preferred_categories, u.preferred_categories, '{}'),
       coalesce(s.email_digest, (u.consents->>'email_digest')::boolean, false)
FROM (SELECT %s::text AS user_id) asked
LEFT JOIN users u USING (user_id) LEFT JOIN reader_settings s USING (user_id)
WHERE u.user_id IS NOT NULL OR s.user_id IS NOT NULL
"""
_FIELDS = ("region", "language", "timezone", "preferred_categories", "email", "email_digest")


class PostgresReaders:
    """Reads `users`, writes `reader_settings`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def profile(self, user_id: str) -> Profile | None:
        """None for a reader nobody knows."""
        rows = self._pool.rows(_PROFILE, (user_id,))
        return Profile(user_id, *rows[0]) if rows else None

    def create(self, user_id: str, choices: Choices, at: datetime) -> bool:
        """Keep a new reader's choices; False when the id is taken."""

        def work(cursor: Cursor) -> bool:
            cursor.execute(
                f"INSERT INTO reader_settings (user_id, created_at, updated_at, {_names()}) "
                f"SELECT %(user_id)s, %(at)s, %(at)s, {_values()} "
                "WHERE NOT EXISTS (SELECT FROM users WHERE user_id = %(user_id)s) "
                "ON CONFLICT (user_id) DO NOTHING",
                _parameters(user_id, choices, at),
            )
            return cursor.rowcount == 1

        return self._pool.run(work)

    def update(self, user_id: str, choices: Choices, at: datetime) -> None:
        """Set what is not None; the rest stays."""
        kept = ", ".join(f"{f} = coalesce(excluded.{f}, s.{f})" for f in _FIELDS)

        def work(cursor: Cursor) -> None:
            cursor.execute(
                f"INSERT INTO reader_settings AS s (user_id, created_at, updated_at, {_names()}) "
                f"VALUES (%(user_id)s, %(at)s, %(at)s, {_values()}) "
                f"ON CONFLICT (user_id) DO UPDATE SET updated_at = excluded.updated_at, {kept}",
                _parameters(user_id, choices, at),
            )

        self._pool.run(work)


def _names() -> str:
    return ", ".join(_FIELDS)


def _values() -> str:
    return ", ".join(
        f"%({f})s::text[]" if f == "preferred_categories" else f"%({f})s" for f in _FIELDS
    )


def _parameters(user_id: str, choices: Choices, at: datetime) -> dict[str, object]:
    return {"user_id": user_id, "at": at} | {f: getattr(choices, f) for f in _FIELDS}
