"""A small town of readers for tests of models: who likes a category reads it, and for long."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from newsrec_pipelines.features import raw
from newsrec_pipelines.features.pairs import pair_features
from newsrec_pipelines.features.types import FeatureRows, Request, TrainingData
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.schemas import ARTICLES, READS, USERS, Entity

AS_OF = datetime(2026, 3, 6, tzinfo=UTC)
CATEGORIES = ("climate", "football", "elections", "cinema")
WORDS = {
    "climate": "glacier warming carbon drought ocean forest heatwave emissions",
    "football": "goal striker league penalty coach derby stadium referee",
    "elections": "ballot senate candidate coalition turnout campaign vote debate",
    "cinema": "director premiere actress screenplay festival trailer sequel studio",
}
REGIONS = ("africa", "latin_america")
_REPOSITORY = Path(__file__).parents[2]


@cache
def load_params() -> Params:
    """The repository's own parameters."""
    return Params.load(_REPOSITORY / "params.yaml")


def with_params(**sections: dict[str, object]) -> Params:
    """The repository's parameters, changed: ``with_params(slate={"depth": 10})``."""
    values = load_params().model_dump()
    for section, changes in sections.items():
        values[section] |= changes
    return Params.model_validate(values)


def make_articles(count: int, *, language: str = "en", seed: int = 1) -> pl.DataFrame:
    """``a000`` … in the order of their age, one every 30 minutes; categories take turns."""
    rng = np.random.default_rng(seed)
    rows = []
    for n in range(count):
        category = CATEGORIES[n % len(CATEGORIES)]
        words = rng.permutation(WORDS[category].split())
        rows.append(
            {
                "article_id": f"a{n:03d}",
                "publisher": f"publisher {n % 9}",
                "title": " ".join(words[:5]).capitalize(),
                "abstract": " ".join(words[3:]),
                "category": category,
                "language": language,
                "url": f"https://news.example/{n}",
                "published_at": AS_OF - timedelta(minutes=30 * (n + 1)),
            }
        )
    return frame(rows, ARTICLES)


def make_users(count: int, *, language: str = "en") -> pl.DataFrame:
    """``u00`` …; each chose the category that she likes: the one with her number."""
    return frame(
        [
            {
                "user_id": f"u{n:02d}",
                "region": REGIONS[n % len(REGIONS)],
                "language": language,
                "timezone": "UTC",
                "preferred_categories": [CATEGORIES[n % len(CATEGORIES)]],
                "joined_at": AS_OF - timedelta(days=60),
                "consents": "{}",
            }
            for n in range(count)
        ],
        USERS,
    )


def make_read(
    user: str, article: str, dwell: float | None = 60.0, *, kind: str = "read", hours_ago: float = 1
) -> dict[str, object]:
    """One read, `hours_ago` before AS_OF."""
    return {
        "event_id": f"{kind}-{user}-{article}-{hours_ago:.3f}",
        "user_id": user,
        "article_id": article,
        "read_at": AS_OF - timedelta(hours=hours_ago),
        "kind": kind,
        "dwell_seconds": dwell,
        "view_id": f"v-{user}-{article}-{hours_ago:.3f}",
    }


def make_reads(reads: list[dict[str, object]]) -> pl.DataFrame:
    """Reads out of `make_read`, each known when it has ended."""
    dwell = pl.duration(milliseconds=pl.col("dwell_seconds").fill_null(0.0) * 1000)
    return frame(reads, READS).with_columns(available_at=pl.col("read_at") + dwell)


def make_training_data(
    *, users: int = 24, articles: int = 240, dwell: bool = True, seed: int = 3
) -> TrainingData:
    """Five days; in the lists of the last day, nine of ten clicks are on the liked category."""
    rng = np.random.default_rng(seed)
    news, readers = make_articles(articles), make_users(users)
    reads, shown = [], []
    for u in range(users):
        for visit in range(12):
            hours_ago = 1.5 + 9.5 * visit + rng.random()
            first = int(np.ceil(hours_ago * 2))
            alive = np.arange(first, min(first + 60, articles))
            if len(alive) < 10:
                continue
            for position, a in enumerate(rng.choice(alive, 10, replace=False), 1):
                liked = a % len(CATEGORIES) == u % len(CATEGORIES)
                clicked = bool(rng.random() < (0.6 if liked else 0.05))
                seconds = float(rng.uniform(40, 120) if liked else rng.uniform(1, 8))
                seconds = round(seconds, 1) if dwell else None
                user, article = f"u{u:02d}", f"a{a:03d}"
                if clicked:
                    reads.append(make_read(user, article, seconds, hours_ago=hours_ago))
                shown.append(
                    {
                        "impression_id": f"i-{user}-{visit:02d}",
                        "user_id": user,
                        "article_id": article,
                        "asked_at": AS_OF - timedelta(hours=hours_ago),
                        "position": position,
                        "clicked": clicked,
                        "dwell_seconds": seconds if clicked else None,
                    }
                )
    examples = pl.DataFrame(shown).filter(pl.col("asked_at") >= AS_OF - timedelta(days=1))
    examples = with_pair_features(
        examples.with_columns(pl.col("asked_at").cast(pl.Datetime("us", "UTC"))), news, readers
    )
    return TrainingData(
        as_of=AS_OF,
        articles=news,
        users=readers,
        reads=make_reads(reads),
        examples=examples,
        sampled_negatives=False,
        data_hash="0" * 64,
    )


def with_pair_features(
    examples: pl.DataFrame, articles: pl.DataFrame, users: pl.DataFrame
) -> pl.DataFrame:
    """Examples as if there were no counters yet."""
    return pair_features(examples, no_counters(), articles, users, load_params())


def no_counters() -> FeatureRows:
    """All views without any row."""
    return FeatureRows(*(pl.DataFrame(schema=raw.schema(view)) for view in FeatureRows._fields))


def make_counters(clicks: dict[str, int], dwell_each: float = 60.0) -> pl.DataFrame:
    """The article view: so many clicks on each article, in the last ten minutes before AS_OF."""
    params = load_params().features
    rows = []
    for article, count in clicks.items():
        values = {
            "clicks": count,
            "exposures": 10 * count,
            "dwell": count * dwell_each,
            "reads": count,
        }
        row: dict[str, object] = {
            "article_id": article,
            "event_timestamp": AS_OF,
            "stamped_at": AS_OF,
        }
        for measure, value in values.items():
            row[f"{measure}_total"] = value
            row[f"{measure}_fine"] = [type(value)(0)] * (params.fine_buckets - 1) + [value]
            row[f"{measure}_coarse"] = [type(value)(0)] * (params.coarse_buckets - 1) + [value]
        rows.append(row)
    return pl.DataFrame(rows, schema=raw.schema("article"))


def make_request(
    data: TrainingData,
    *,
    users: pl.DataFrame | None = None,
    history: pl.DataFrame | None = None,
    counters: pl.DataFrame | None = None,
    hours: float = 48,
) -> Request:
    """Everybody at AS_OF among the articles of the last `hours`."""
    features = no_counters()
    fresh = pl.col("published_at") >= AS_OF - timedelta(hours=hours)
    readers_asked = data.users if users is None else users
    return Request(
        as_of=AS_OF,
        users=readers_asked.select("user_id", "region", "language", "preferred_categories"),
        articles=data.articles.filter(fresh),
        history=data.reads if history is None else history,
        features=features if counters is None else features._replace(article=counters),
    )


def without_history(request: Request) -> Request:
    """The request as if nobody had read anything."""
    return replace(request, history=request.history.clear())


def frame(rows: list[dict[str, object]], entity: Entity) -> pl.DataFrame:
    """Rows of an entity; what a row does not say is null."""
    schema = pl.DataFrame(entity.schema.empty_table()).schema
    return pl.DataFrame([dict.fromkeys(schema) | row for row in rows], schema=schema)
