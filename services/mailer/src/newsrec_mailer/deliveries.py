"""Everything the mailer asks of PostgreSQL: who gets a digest, and the claims that keep it one."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - a class by another name

from newsrec_mailer.digest import Article
from newsrec_mailer.errors import DatabaseError
from newsrec_mailer.transport import Outcome

_PAGE = 1000
_LOCK_CLASS = 0x6E657773  # advisory locks of mailers: this, and the number of the mailer
# A host that vanishes must not look alive for the two hours of the usual keepalive.
_SESSION = (
    "-c role=newsrec_mailer -c timezone=UTC -c tcp_keepalives_idle=30 "
    "-c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"
)


@dataclass(frozen=True)
class Run:
    """The slates that a digest is made of."""

    run_id: str
    readers: int


@dataclass(frozen=True)
class Recipient:
    """A reader as she is known now; settings of her own already override the imported ones."""

    email: str | None
    consent: bool
    language: str | None
    region: str | None
    delivered: bool  # today's digest is sent, refused, uncertain, or being sent by another mailer


class Deliveries:
    """The tables, over one connection in autocommit: each call is a transaction of its own."""

    def __init__(self, connection: Connection, mailer: int) -> None:
        self._connection = connection
        self._mailer = f"mailer {mailer}"

    def prepare(self, day: date) -> None:
        """Make the partition of the day."""
        self._execute("SELECT ensure_day_partition('deliveries', %s)", day)

    def current_run(self, day: date, as_of: datetime) -> Run:
        """The last published run for `day` that was computed for a moment until `as_of`.

        Raises:
            DatabaseError: when there is none: yesterday's news are not sent as today's.
        """
        rows = self._execute(
            "SELECT run_id, date FROM recommendation_runs "
            "WHERE status = 'published' AND date <= %s AND as_of <= %s "
            "ORDER BY date DESC, published_at DESC LIMIT 1",
            *(day, as_of),
        )
        if not rows or rows[0][1] != day:
            last = f"the last are for {rows[0][1]}" if rows else "there are none before it"
            raise DatabaseError(f"no slates are published for {day}: {last} (newsrec recommend)")
        run_id = str(rows[0][0])
        readers = self._execute(
            "SELECT count(DISTINCT user_id) FROM recommendations WHERE run_id = %s", run_id
        )
        return Run(run_id, int(readers[0][0]))

    def readers(self, run: Run) -> Iterator[str]:
        """The ids of all readers with a slate in the run, in pages, in order."""
        last: str | None = None
        while True:
            rows = self._execute(
                "SELECT DISTINCT user_id FROM recommendations WHERE run_id = %s "
                "AND (%s::text IS NULL OR user_id > %s) ORDER BY user_id LIMIT %s",
                *(run.run_id, last, last, _PAGE),
            )
            for (user_id,) in rows:
                last = user_id
                yield last
            if len(rows) < _PAGE:
                return

    def recipient(self, day: date, user_id: str) -> Recipient:
        """A reader's address and wishes at this moment."""
        rows = self._execute(
            "SELECT coalesce(nullif(s.email, ''), nullif(u.email, '')), "
            "coalesce(s.email_digest, u.consents -> 'email_digest' = 'true', false), "
            "coalesce(s.language, u.language), coalesce(s.region, u.region), "
            "d.user_id IS NOT NULL "
            "FROM (SELECT %s::text AS user_id) AS reader "
            "LEFT JOIN users u USING (user_id) LEFT JOIN reader_settings s USING (user_id) "
            "LEFT JOIN deliveries d ON d.user_id = reader.user_id AND d.digest_date = %s",
            *(user_id, day),
        )
        return Recipient(*rows[0])

    def articles(self, run: Run, user_id: str, limit: int) -> list[Article]:
        """The first articles of a slate that are known and not blocked at this moment.

        Who is in a variant that holds at this moment gets its slate, everybody else the champion's:
        the same as the API serves.
        """
        rows = self._execute(
            "SELECT a.article_id, a.title, a.abstract, a.category, a.publisher, "
            "s.reasons -> (i.position - 1)::int "
            "FROM (SELECT article_ids, reasons FROM recommendations r "
            "      WHERE run_id = %s AND user_id = %s AND (variant = 'champion' OR EXISTS ("
            "          SELECT FROM variants v WHERE v.name = r.variant "
            "          AND v.model_version = r.model_version AND v.ended_at IS NULL)) "
            "      ORDER BY variant = 'champion' LIMIT 1) AS s "
            "CROSS JOIN unnest(s.article_ids) WITH ORDINALITY AS i (article_id, position) "
            "JOIN articles a USING (article_id) "
            "WHERE NOT EXISTS (SELECT FROM article_blocks b "
            "                  WHERE b.article_id = a.article_id AND b.lifted_at IS NULL) "
            "ORDER BY i.position LIMIT %s",
            *(run.run_id, user_id, limit),
        )
        return [_article(*row) for row in rows]

    def claim(
        self, day: date, user_id: str, run: Run, message_id: str, article_ids: list[str]
    ) -> bool:
        """Claim a reader's digest, durably; False when any mailer ever did."""
        rows = self._execute(
            "INSERT INTO deliveries (user_id, digest_date, state, message_id, run_id, "
            "article_ids, claimed_at, detail) VALUES (%s, %s, 'claimed', %s, %s, %s, now(), %s) "
            "ON CONFLICT (digest_date, user_id) DO NOTHING RETURNING 1",
            *(user_id, day, message_id, run.run_id, article_ids, self._mailer),
        )
        return bool(rows)

    def release(self, day: date, user_id: str) -> None:
        """Give back a claim of ours whose message was certainly not handed over."""
        self._execute(
            "DELETE FROM deliveries WHERE digest_date = %s AND user_id = %s "
            "AND state = 'claimed' AND detail = %s",
            *(day, user_id, self._mailer),
        )

    def finish(self, day: date, user_id: str, outcome: Outcome, detail: str) -> None:
        """Record how a claimed delivery ended."""
        self._execute(
            "UPDATE deliveries SET state = %s, finished_at = now(), detail = nullif(%s, '') "
            "WHERE digest_date = %s AND user_id = %s",
            *(outcome.value, detail, day, user_id),
        )

    def abandon_claims_of_the_dead(self) -> int:
        """Turn the claims of mailers that live no more into uncertain ones; how many.

        A mailer lives while its session holds its advisory lock. Nobody can say whether it had
        handed the message over, so the claim stays for ever and the digest is not repeated.
        """
        found = 0
        for (claimer,) in self._execute(
            "SELECT DISTINCT detail FROM deliveries WHERE state = 'claimed' AND detail <> %s",
            self._mailer,
        ):
            number = int(claimer.removeprefix("mailer "))
            if not _lock(self._connection, number):
                continue
            found += len(
                self._execute(
                    "UPDATE deliveries SET state = 'uncertain', finished_at = now(), "
                    "detail = 'the mailer ended before the answer' "
                    "WHERE state = 'claimed' AND detail = %s RETURNING 1",
                    claimer,
                )
            )
            self._execute("SELECT pg_advisory_unlock(%s, %s)", _LOCK_CLASS, number)
        return found

    def _execute(self, sql: str, *values: object) -> list[Any]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchall() if cursor.description else []


@contextmanager
def connect(url: str) -> Iterator[Deliveries]:
    """A session of one mailer, known to be alive until it is closed.

    The session's lock needs a direct connection: a pooler that shares sessions would break it.

    Raises:
        DatabaseError: when the server cannot be reached, or fails while in use.
    """
    try:
        connection = psycopg2.connect(
            url, options=_SESSION, connect_timeout=10, application_name="newsrec-mailer"
        )
    except psycopg2.Error as e:
        raise DatabaseError(f"cannot connect to PostgreSQL: {_one_line(e)}") from e
    try:
        connection.autocommit = True
        mailer = secrets.randbelow(2**31)
        while not _lock(connection, mailer):
            mailer = secrets.randbelow(2**31)
        yield Deliveries(connection, mailer)
    except psycopg2.Error as e:
        raise DatabaseError(f"PostgreSQL: {_one_line(e)}") from e
    finally:
        connection.close()


def _lock(connection: Connection, number: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", (_LOCK_CLASS, number))
        row = cursor.fetchone()
    return bool(row and row[0])


def _article(
    article_id: str, title: str, abstract: str | None, category: str, publisher: str, reason: Any
) -> Article:
    said = reason if isinstance(reason, dict) else {}
    because = str(said.get("text") or "")
    return Article(article_id, title, abstract, category, publisher, because)


def _one_line(error: psycopg2.Error) -> str:
    return " ".join(str(error).split()) or type(error).__name__
