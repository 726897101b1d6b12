"""Published slates and what readers did with them, straight in PostgreSQL."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - a class by another name

DAY = date(2026, 3, 10)


class Rows:
    """Writes as the database's owner; everything is committed at once."""

    def __init__(self, url: str) -> None:
        self._url = url

    def run(
        self,
        run_id: str,
        slates: Iterable[tuple[str, str, str, list[str]]] = (),
        day: date = DAY,
        version: str = "v1",
        status: str = "published",
    ) -> None:
        """A run with its slates: reader, variant, version, articles."""
        with self._connection() as conn, conn.cursor() as cursor:
            cursor.execute(
                "INSERT INTO recommendation_runs (run_id, date, as_of, model_version, status, "
                "published_at) VALUES (%s, %s, %s, %s, %s, %s)",
                (run_id, day, _moment(day, 0), version, status, _moment(day, 1)),
            )
            cursor.execute("SELECT create_run_partitions(%s)", (run_id,))
            for user, variant, made_by, articles in slates:
                cursor.execute(
                    "INSERT INTO recommendations VALUES (%s, %s, %s, %s, %s, %s, '[]', %s)",
                    (run_id, user, variant, articles, [1.0], [1.0], made_by),
                )

    def prune(self, run_id: str) -> None:
        """Drop the rows of a run, as `newsrec recommend` does."""
        with self._connection() as conn, conn.cursor() as cursor:
            cursor.execute("SELECT drop_run_partitions(%s)", (run_id,))

    def shown(
        self, key: str, user: str, slate_id: str | None, articles: list[str], hour: float = 12
    ) -> None:
        """An impression, `hour` hours after the beginning of DAY."""
        at = _moment(DAY, hour)
        with self._connection() as conn, conn.cursor() as cursor:
            cursor.execute("SELECT ensure_day_partition('impressions', %s)", (at.date(),))
            cursor.execute(
                "INSERT INTO impressions (impression_id, user_id, shown_at, surface, article_ids, "
                "order_known, slate_id, available_at, batch_id, day) "
                "VALUES (%s, %s, %s, 'site', %s, true, %s, %s, 'b', %s)",
                (key, user, at, articles, slate_id, at, at.date()),
            )

    def view(
        self,
        user: str,
        article: str,
        impression: str | None,
        dwell: float | None,
        hour: float = 12.1,
    ) -> None:
        """A click and its read, which share a view."""
        at = _moment(DAY, hour)
        with self._connection() as conn, conn.cursor() as cursor:
            cursor.execute("SELECT ensure_day_partition('reads', %s)", (at.date(),))
            for kind, seconds in (("click", None), ("read", dwell)):
                cursor.execute(
                    "INSERT INTO reads (event_id, user_id, article_id, read_at, kind, "
                    "dwell_seconds, view_id, impression_id, available_at, batch_id, day) "
                    "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 'b', %s)",
                    (
                        f"{user}-{article}-{hour}-{kind}",
                        user,
                        article,
                        at,
                        kind,
                        seconds,
                        f"{user}-{article}-{hour}",
                        impression,
                        at,
                        at.date(),
                    ),
                )

    def drop_day(self, table: str, day: date) -> None:
        """Drop a day of events, as the owner's policy may."""
        with self._connection() as conn, conn.cursor() as cursor:
            cursor.execute("SELECT drop_day_partition(%s, %s)", (table, day))

    def _connection(self) -> Connection:
        conn = psycopg2.connect(self._url)
        conn.autocommit = True
        return conn


def _moment(day: date, hour: float) -> datetime:
    return datetime.fromisoformat(f"{datetime.combine(day, time())}+00:00") + timedelta(hours=hour)
