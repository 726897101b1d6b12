"""Rows that a mailer finds: a published run with slates, readers, articles."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime

import psycopg2
from psycopg2.extras import execute_values

DAY = date(2026, 3, 6)
RUN = "run-1"
_AT = datetime(2026, 3, 5, 18, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Reader:
    """One reader; `settings` are columns of reader_settings, when she has any."""

    user_id: str
    email: str | None = ""  # "" stands for an address made of the id
    consent: bool = True
    language: str = "en"
    region: str = "africa"
    settings: dict[str, object] | None = None
    article_ids: tuple[str, ...] | None = None  # default: the first 12 articles


def readers(count: int) -> list[Reader]:
    """So many readers that want their digest."""
    return [Reader(f"u{n:04}") for n in range(count)]


def title(n: int) -> str:
    """The title of the n-th article."""
    return f"Headline {n}: the river & the <city>"


def seed(
    url: str,
    people: list[Reader],
    *,
    articles: int = 20,
    titles: dict[str, str] | None = None,
    run_id: str = RUN,
    day: date = DAY,
) -> None:
    """Write readers, articles a00… and one published run for `day`."""
    names = {f"a{n:02}": title(n) for n in range(articles)} | (titles or {})
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        execute_values(
            cursor,
            "INSERT INTO articles (article_id, publisher, title, abstract, category, language, "
            "url, published_at, available_at, batch_id) VALUES %s ON CONFLICT DO NOTHING",
            [
                (i, "The Daily", t, f"Abstract of {i}.", "world_news", "en", _url(i), _AT, _AT, "b")
                for i, t in names.items()
            ],
        )
        execute_values(
            cursor,
            "INSERT INTO users (user_id, region, language, email, timezone, preferred_categories, "
            "joined_at, consents, available_at, batch_id) VALUES %s ON CONFLICT DO NOTHING",
            [
                (r.user_id, r.region, r.language, _email(r), "UTC", [], _AT, _consents(r), _AT, "b")
                for r in people
            ],
        )
        for reader in people:
            _settings(cursor, reader)
        cursor.execute(
            "INSERT INTO recommendation_runs (run_id, date, as_of, model_version, status, readers, "
            "published_at) VALUES (%s, %s, %s, 'm1', 'published', %s, now())",
            (run_id, day, datetime(day.year, day.month, day.day, tzinfo=UTC), len(people)),
        )
        cursor.execute("SELECT create_run_partitions(%s)", (run_id,))
        execute_values(
            cursor,
            "INSERT INTO recommendations (run_id, user_id, variant, article_ids, scores, "
            "propensities, reasons, model_version) VALUES %s",
            [_slate(run_id, r, r.article_ids or tuple(sorted(names)[:12])) for r in people],
        )
    connection.close()


def execute(url: str, sql: str, *args: object) -> None:
    """Run and commit one statement."""
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute(sql, args)
    connection.close()


def block(url: str, article_id: str) -> None:
    """Block an article as the API does."""
    execute(
        url,
        "INSERT INTO article_blocks (article_id, blocked_at, blocked_by, reason) "
        "VALUES (%s, now(), 'desk', 'false')",
        article_id,
    )


def email(user_id: str) -> str:
    """The default address of a reader."""
    return f"{user_id}@readers.example"


def _email(reader: Reader) -> str | None:
    return email(reader.user_id) if reader.email == "" else reader.email


def _consents(reader: Reader) -> str:
    return json.dumps({"email_digest": reader.consent})


def _url(article_id: str) -> str:
    return f"https://publisher.example/{article_id}"


def _slate(run_id: str, reader: Reader, ids: tuple[str, ...]) -> tuple[object, ...]:
    ones = [1.0] * len(ids)
    reasons = json.dumps([{"code": "test", "text": f"Because of {i}"} for i in ids])
    return (run_id, reader.user_id, "champion", list(ids), ones, ones, reasons, "m1")


def _settings(cursor: "psycopg2.extensions.cursor", reader: Reader) -> None:
    if reader.settings is None:
        return
    values = {"user_id": reader.user_id, "created_at": _AT, "updated_at": _AT, **reader.settings}
    cursor.execute(
        f"INSERT INTO reader_settings ({', '.join(values)}) "
        f"VALUES ({', '.join(['%s'] * len(values))})",
        list(values.values()),
    )
