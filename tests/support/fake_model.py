"""A model by hand, for tests of what happens around models: newest first, own categories before."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from newsrec_pipelines.features.types import SLATE_SCHEMA, Request
from newsrec_pipelines.schemas import ARTICLES, READS, Entity

AS_OF = datetime(2026, 3, 6, tzinfo=UTC)
CATEGORIES = ("sports", "politics", "science")
LANGUAGES = ("en", "es")
REGIONS = ("africa", "latin_america")


@dataclass
class FakeModel:
    """Keeps the rules: her language, nothing read already, no more than `depth`."""

    depth: int = 20

    def predict(self, request: Request) -> pl.DataFrame:
        """Slates without randomness, one row for every reader who can read anything."""
        pairs = (
            request.users.join(request.articles, how="cross", suffix="_article")
            .filter(pl.col("language") == pl.col("language_article"))
            .join(request.history, on=["user_id", "article_id"], how="anti")
            .with_columns(chosen=pl.col("category").is_in(pl.col("preferred_categories")))
            .sort(
                "user_id",
                "chosen",
                "published_at",
                "article_id",
                descending=[False, True, True, False],
            )
            .with_columns(rank=pl.int_range(pl.len()).over("user_id"))
            .filter(pl.col("rank") < self.depth)
        )
        code = pl.when("chosen").then(pl.lit("chosen_category")).otherwise(pl.lit("newest"))
        rows = pairs.with_columns(
            score=(1.0 / (1.0 + pl.col("rank"))).cast(pl.Float32),
            propensity=pl.lit(1.0, pl.Float32),
            reason=pl.struct(code=code, text=pl.format("{} in {}", code, "category")),
        )
        slates = rows.group_by("user_id", maintain_order=True).agg(
            article_ids="article_id", scores="score", propensities="propensity", reasons="reason"
        )
        return slates.cast(dict(SLATE_SCHEMA))

    def similar(self, articles: pl.DataFrame, k: int) -> pl.DataFrame:
        """Others of the same category, in the order of their ids."""
        ids = articles.select("article_id", "category")
        return (
            ids.join(ids, on="category", suffix="_other")
            .filter(pl.col("article_id") != pl.col("article_id_other"))
            .sort("article_id", "article_id_other")
            .group_by("article_id", maintain_order=True)
            .agg(article_ids=pl.col("article_id_other").head(k))
            .with_columns(scores=pl.col("article_ids").list.eval(pl.lit(0.5, pl.Float32)))
        )


def make_articles(count: int, as_of: datetime = AS_OF) -> pl.DataFrame:
    """Articles ``a000`` …, the first one the newest; categories and languages take turns."""
    rows = [
        {
            "article_id": f"a{n:03d}",
            "publisher": f"publisher {n % 7}",
            "title": f"Title {n}",
            "category": CATEGORIES[n % len(CATEGORIES)],
            "language": LANGUAGES[n % len(LANGUAGES)],
            "url": f"https://news.example/{n}",
            "published_at": as_of - timedelta(minutes=10 * (n + 1)),
            "available_at": as_of - timedelta(minutes=10 * n + 5),
            "batch_id": "test",
        }
        for n in range(count)
    ]
    return _rows(rows, ARTICLES)


def make_users(count: int) -> pl.DataFrame:
    """Readers ``u00`` …; regions and languages take turns, each chose one category."""
    return pl.DataFrame(
        [
            {
                "user_id": f"u{n:02d}",
                "region": REGIONS[n % len(REGIONS)],
                "language": LANGUAGES[n // 2 % len(LANGUAGES)],
                "preferred_categories": [CATEGORIES[n % len(CATEGORIES)]],
            }
            for n in range(count)
        ],
        schema={
            "user_id": pl.String,
            "region": pl.String,
            "language": pl.String,
            "preferred_categories": pl.List(pl.String),
        },
    )


def make_reads(
    pairs: list[tuple[str, str]], dwell: float | None = 60.0, as_of: datetime = AS_OF
) -> pl.DataFrame:
    """One read of each (user, article), the first one a minute before `as_of`, then older ones."""
    rows = [
        {
            "event_id": f"e-{user}-{article}",
            "user_id": user,
            "article_id": article,
            "read_at": as_of - timedelta(minutes=n + 1),
            "kind": "read",
            "dwell_seconds": dwell,
            "view_id": f"v-{user}-{article}",
            "available_at": as_of - timedelta(minutes=n),
            "batch_id": "test",
        }
        for n, (user, article) in enumerate(pairs)
    ]
    return _rows(rows, READS)


def make_request(
    users: pl.DataFrame, articles: pl.DataFrame, history: pl.DataFrame, as_of: datetime = AS_OF
) -> Request:
    """A request without counters, which `FakeModel` does not look at."""
    return Request(
        as_of=as_of,
        users=users,
        articles=articles,
        history=history,
        article_features=pl.DataFrame(schema={"article_id": pl.String}),
        user_features=pl.DataFrame(schema={"user_id": pl.String}),
        user_category_features=pl.DataFrame(schema={"user_id": pl.String, "category": pl.String}),
    )


def _rows(rows: list[dict[str, object]], entity: Entity) -> pl.DataFrame:
    schema = pl.DataFrame(entity.clean_schema.empty_table()).schema
    return pl.DataFrame([dict.fromkeys(schema) | row for row in rows], schema=schema)
