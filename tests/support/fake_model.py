"""A model by hand, for tests of what happens around models: newest first, own categories before."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import polars as pl

from newsrec_pipelines.features.types import SLATE_SCHEMA, FeatureRows, Request
from newsrec_pipelines.models.ranker import Ranker
from newsrec_pipelines.parameters import RankerParams
from newsrec_pipelines.schemas import ARTICLES, READS, Entity

AS_OF = datetime(2026, 3, 6, tzinfo=UTC)
CATEGORIES = ("sports", "politics", "science")
LANGUAGES = ("en", "es")
REGIONS = ("africa", "latin_america")
# It was not fitted: a score is the sum of both columns.
RANKER = Ranker(("newness", "chosen"), ("newness", "chosen"), ("newness", "chosen"), "")


@dataclass
class FakeBlock:
    """As `models.news.Block`."""

    users: pl.DataFrame
    slates: pl.DataFrame
    placed: pl.DataFrame
    candidates: int = 0


@dataclass
class FakeModel:
    """Keeps the rules: her language, nothing read already, no more than `depth`.

    A score is the sum of two columns, `RANKER`'s.
    """

    depth: int = 20

    def predict_blocks(
        self, request: Request, readers_per_block: int, threads: int = 1
    ) -> Iterator[FakeBlock]:
        """Blocks without randomness, made by `block`."""
        for users in request.users.iter_slices(readers_per_block):
            yield self.block(replace(request, users=users))

    def block(self, request: Request) -> FakeBlock:
        """Slates with one row for every reader who can read anything."""
        pairs = (
            request.users.join(request.articles, how="cross", suffix="_article")
            .filter(pl.col("language") == pl.col("language_article"))
            .join(request.history, on=["user_id", "article_id"], how="anti")
            .with_columns(
                chosen=pl.col("category").is_in(pl.col("preferred_categories")).cast(pl.Float32),
                newness=1 / (1 + (pl.lit(request.as_of) - pl.col("published_at")).dt.total_hours()),
            )
            .with_columns(pl.col("newness").cast(pl.Float32))
            .sort(
                "user_id",
                "chosen",
                "published_at",
                "article_id",
                descending=[False, True, True, False],
            )
            .with_columns(place=pl.int_range(1, pl.len() + 1).over("user_id").cast(pl.Int16))
        )
        chosen = pl.col("chosen") > 0
        code = pl.when(chosen).then(pl.lit("chosen_category")).otherwise(pl.lit("newest"))
        rows = pairs.filter(pl.col("place") <= self.depth).with_columns(
            score=pl.col("chosen").cast(pl.Float64) + pl.col("newness").cast(pl.Float64),
            step=pl.lit("ranked"),
            propensity=pl.lit(1.0, pl.Float32),
            sources=pl.when(chosen).then(pl.lit(["content", "fresh"])).otherwise(pl.lit(["fresh"])),
            reason=pl.struct(code=code, text=pl.format("{} in {}", code, "category")),
        )
        slates = rows.group_by("user_id", maintain_order=True).agg(
            article_ids="article_id", scores="score", propensities="propensity", reasons="reason"
        )
        placed = rows.select(
            *("user_id", "article_id", "place", "step", "propensity", "score", "sources"),
            *RANKER.names,
        )
        return FakeBlock(request.users, slates.cast(dict(SLATE_SCHEMA)), placed, pairs.height)

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


@dataclass
class FittedModel(FakeModel):
    """The same slates with the scores of real trees, and one article of every reader explored."""

    ranker: Ranker = field(default_factory=lambda: fitted_ranker())

    def block(self, request: Request) -> FakeBlock:
        """As the fake model."""
        block = super().block(request)
        noise = pl.col("article_id").str.slice(1).cast(pl.Float32) / 7
        placed = block.placed.with_columns(noise=noise, unseen=pl.lit(0.5, pl.Float32))
        score = self.ranker.score(placed.select(self.ranker.names).to_numpy())
        explored = pl.col("place") == 4
        return replace(
            block,
            placed=placed.with_columns(
                score=pl.Series(score),
                step=pl.when(explored).then(pl.lit("explored")).otherwise("step"),
                propensity=pl.when(explored).then(pl.lit(0.05, pl.Float32)).otherwise("propensity"),
            ),
        )


@cache
def fitted_ranker() -> Ranker:
    """Some trees over the columns of `FittedModel`; they do not look at ``unseen``."""
    names = ("newness", "unseen", "chosen", "noise")
    rng = np.random.default_rng(7)
    columns = rng.random((2000, 4), dtype=np.float32)
    columns[:, 2] = columns[:, 2] > 0.5
    grades = np.round(2 * columns[:, 0] + columns[:, 2] + rng.random(2000)).astype(np.int64)
    params = RankerParams(trees=20, leaves=7, max_examples=2000, negatives_per_read=4)
    return Ranker.fit(
        columns,
        names,
        np.arange(0, 2001, 10),
        grades,
        np.full(2000, np.nan),
        ("newness", "chosen"),
        params,
        seed=7,
        used=("newness", "chosen", "noise"),
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
        features=FeatureRows(*([pl.DataFrame()] * len(FeatureRows._fields))),
    )


def _rows(rows: list[dict[str, object]], entity: Entity) -> pl.DataFrame:
    schema = pl.DataFrame(entity.clean_schema.empty_table()).schema
    return pl.DataFrame([dict.fromkeys(schema) | row for row in rows], schema=schema)
