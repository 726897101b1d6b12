"""Fills a migrated database by SQL: articles, readers, a published run with its slates."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import psycopg2
from psycopg2.extras import execute_values

AS_OF = datetime(2026, 3, 8, tzinfo=UTC)
NOW = AS_OF + timedelta(hours=8)  # what the clock of the API under test says
RUN_ID = "run-20260308"
MODEL = "model-20260307"

_HEADLINES = {
    "en": {
        "climate": "Rivers return to the delta after three dry years",
        "business": "Small makers of batteries find their first big buyers",
        "science": "A quiet telescope hears the oldest light so far",
        "sport": "The outsiders from the hills win it in the last minute",
        "health": "Village clinics halve the wait with a simple rota",
        "culture": "A lost film of 1931 comes home to its theatre",
    },
    "es": {
        "climate": "La lluvia vuelve al altiplano y con ella las semillas",
        "business": "El puerto nuevo cambia el mapa del café",
        "science": "Un laboratorio joven lee el genoma de la papa",
        "sport": "La selección encuentra a su capitana en el banquillo",
        "health": "Los barrios que caminan enferman menos",
        "culture": "El teatro de la esquina llena por primera vez",
    },
}
_ABSTRACT = {
    "en": "What changed, who made it happen, and why the people who live there are careful with "
    "their joy: a report from three towns along the road.",
    "es": "Qué cambió, quién lo hizo posible y por qué quienes viven allí celebran con cuidado: "
    "un reportaje desde tres pueblos junto al camino.",
}
_REASONS = (
    ("content", "Like articles you read for long"),
    ("als", "Readers with your taste stayed with it"),
    ("popularity", "Much read in your region today"),
    ("category", "You often read this category"),
)
CATEGORIES = tuple(sorted(_HEADLINES["en"]))


@dataclass(frozen=True)
class Seed:
    """What is in the database."""

    readers: list[str]
    articles: list[str]
    slates: dict[str, list[str]] = field(default_factory=dict)


def seed(url: str, readers: int = 12, articles: int = 60, depth: int = 20) -> Seed:
    """Fill an empty database; half of it is English, half Spanish."""
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            made_articles = _articles(cursor, articles)
            made_readers = _readers(cursor, readers)
            slates = _run(cursor, made_readers, made_articles, depth)
            _reads(cursor, made_readers, made_articles)
        return Seed(made_readers, made_articles, slates)
    finally:
        connection.close()


def article_row(n: int) -> tuple[object, ...]:
    """The nth article, as a row of `articles`."""
    language = ("en", "es")[n % 2]
    category = CATEGORIES[n // 2 % len(CATEGORIES)]
    return (
        f"article-{n:05}",
        ("The Delta Post", "El Faro", "Northern Line")[n % 3],
        f"{_HEADLINES[language][category]} ({n})",
        _ABSTRACT[language],
        category,
        language,
        f"https://news.example/{category}/{n}?a=1&b=é",
        AS_OF - timedelta(minutes=17 * (n + 1)),
        AS_OF - timedelta(minutes=17 * n),
        "batch",
    )


def _articles(cursor: psycopg2.extensions.cursor, count: int) -> list[str]:
    rows = [article_row(n) for n in range(count)]
    execute_values(
        cursor,
        "INSERT INTO articles (article_id, publisher, title, abstract, category, language, url, "
        "published_at, available_at, batch_id) VALUES %s",
        rows,
    )
    return [str(row[0]) for row in rows]


def _readers(cursor: psycopg2.extensions.cursor, count: int) -> list[str]:
    rows = [
        (
            f"reader-{n:05}",
            ("latin_america", "africa", "north_america")[n % 3],
            ("en", "es")[n % 2],
            f"reader{n}@example.org",
            "America/Bogota",
            [CATEGORIES[(n + k) % len(CATEGORIES)] for k in range(1 + n % 3)],
            AS_OF - timedelta(days=30),
            json.dumps({"email_digest": True}),
            AS_OF - timedelta(days=30),
            "batch",
        )
        for n in range(count)
    ]
    execute_values(
        cursor,
        "INSERT INTO users (user_id, region, language, email, timezone, preferred_categories, "
        "joined_at, consents, available_at, batch_id) VALUES %s",
        rows,
    )
    return [str(row[0]) for row in rows]


def _run(
    cursor: psycopg2.extensions.cursor, readers: Sequence[str], articles: Sequence[str], depth: int
) -> dict[str, list[str]]:
    cursor.execute(
        "INSERT INTO recommendation_runs (run_id, date, as_of, model_version, status, readers, "
        "published_at) VALUES (%s, %s, %s, %s, 'published', %s, %s)",
        (RUN_ID, AS_OF.date(), AS_OF, MODEL, len(readers), AS_OF),
    )
    cursor.execute("SELECT create_run_partitions(%s)", (RUN_ID,))
    slates = {
        reader: [articles[(n * 5 + 7 * k) % len(articles)] for k in range(depth)]
        for n, reader in enumerate(readers)
    }
    reasons = json.dumps(
        [{"code": code, "text": text} for code, text in (_REASONS[k % 4] for k in range(depth))]
    )
    scores = [1 - k / (depth + 1) for k in range(depth)]
    execute_values(
        cursor,
        "INSERT INTO recommendations (run_id, user_id, variant, article_ids, scores, propensities, "
        "reasons, model_version) VALUES %s",
        [
            (RUN_ID, reader, "champion", ids, scores, [1.0] * depth, reasons, MODEL)
            for reader, ids in slates.items()
        ],
    )
    for language in ("", "en", "es"):
        ids = [a for n, a in enumerate(articles) if language in ("", ("en", "es")[n % 2])][:depth]
        cursor.execute(
            "INSERT INTO popular_slates (run_id, region, language, article_ids, scores) "
            "VALUES (%s, '', %s, %s, %s)",
            (RUN_ID, language, ids, scores[: len(ids)]),
        )
    for n, article in enumerate(articles[:30]):
        near = [a for a in articles[n % 2 :: 2] if a != article][:5]
        cursor.execute(
            "INSERT INTO similar_articles (run_id, article_id, article_ids, scores) "
            "VALUES (%s, %s, %s, %s)",
            (RUN_ID, article, near, [0.9 - k / 10 for k in range(len(near))]),
        )
    return slates


def _reads(
    cursor: psycopg2.extensions.cursor, readers: Sequence[str], articles: Sequence[str]
) -> None:
    day = AS_OF.date() - timedelta(days=1)
    cursor.execute("SELECT ensure_day_partition('reads', %s)", (day,))
    execute_values(
        cursor,
        "INSERT INTO reads (event_id, user_id, article_id, read_at, kind, dwell_seconds, "
        "available_at, batch_id, day) VALUES %s",
        [
            (
                f"read-{reader}-{k}",
                reader,
                articles[(n + 11 * k + 1) % len(articles)],
                AS_OF - timedelta(hours=2 * k + 1),
                "read",
                20.0 + 31 * k,
                AS_OF,
                "batch",
                day,
            )
            for n, reader in enumerate(readers)
            if n != 1  # one reader is new
            for k in range(min(1 + n % 5, 5))
        ],
    )
