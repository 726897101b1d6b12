"""Turns the drawn arrays into clean partitions, as the ETL would have left them."""

import hashlib
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa
from benchmarks.full.world import (
    CATEGORIES,
    DAY,
    LANGUAGES,
    PUBLISHERS,
    SHOWN_BESIDE,
    SUBCATEGORIES,
    Ints,
    Reads,
    World,
)

from newsrec_pipelines import partitions
from newsrec_pipelines.partitions import Manifest, PartitionFile
from newsrec_pipelines.schemas import ENTITIES, REGIONS
from newsrec_pipelines.store import Store

BATCH: Final = "benchmark"
_TITLE_WORDS, _ABSTRACT_WORDS = 8, 24
_TOPIC_WORDS, _COMMON_WORDS = 120, 400
_OF_TOPIC: Final = 0.5  # share of the words of a text
_TIMEZONES: Final = ("America/Bogota", "Africa/Lagos", "America/Toronto")


def write(store: Store, dataset: str, day: date, frame: pl.DataFrame) -> int:
    """Write one partition with its manifest; returns the bytes."""
    key = f"{dataset}/day={day:%Y-%m-%d}/{BATCH}.parquet"
    path = Path(store.path(key))
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    files = (PartitionFile(key, frame.height, digest),)
    partitions.write_manifest(store, Manifest(dataset, day, BATCH, files))
    return path.stat().st_size


def moment(world: World, at: Ints) -> pl.Series:
    """Microseconds since the first day as moments."""
    first = int(world.size.as_of.timestamp()) * 1_000_000 - world.size.days * DAY
    return pl.Series(at + first).cast(pl.Datetime("us", "UTC"))


class Ids:
    """Ids as long as those of a real source, made once."""

    def __init__(self, world: World) -> None:
        self.readers = _numbered("reader-", len(world.readers.region), 10)
        self.articles = _numbered("article-", len(world.articles.language), 12)
        self.publishers = pl.Series(
            [f"publisher {la} {n:03}" for la in LANGUAGES for n in range(PUBLISHERS)]
        )
        self.categories = pl.Series(CATEGORIES)


def _numbered(prefix: str, n: int, digits: int) -> pl.Series:
    rows = pl.int_range(n, eager=True).cast(pl.String).str.zfill(digits)
    return (prefix + rows).alias("id")


class Records:
    """Frames of the four entities, with the columns of the clean partitions."""

    def __init__(self, world: World, ids: Ids) -> None:
        self._world = world
        self._ids = ids
        rng = np.random.default_rng([world.size.seed, 4])
        topics = len(LANGUAGES) * len(CATEGORIES) * SUBCATEGORIES
        # A word is a number in letters; the words of a topic are its own.
        self._words = _numbered("w", topics * _TOPIC_WORDS + len(LANGUAGES) * _COMMON_WORDS, 6)
        self._topics = topics
        self._zipf = np.cumsum(1 / np.arange(1, _TOPIC_WORDS + 1))
        self._rng = rng

    def users(self) -> pl.DataFrame:
        """All readers."""
        readers = self._world.readers
        liked = self._ids.categories.gather(readers.liked[:, :2].ravel()).reshape((-1, 2))
        return self._clean(
            "users",
            pl.DataFrame(
                {
                    "user_id": self._ids.readers,
                    "region": pl.Series(REGIONS).gather(readers.region),
                    "language": pl.Series(LANGUAGES).gather(readers.language),
                    "timezone": pl.Series(_TIMEZONES).gather(readers.region),
                    "preferred_categories": liked.cast(pl.List(pl.String)).list.unique(
                        maintain_order=True
                    ),
                    "chooses": readers.chooses,
                    "joined_at": moment(self._world, np.zeros(len(readers.region), np.int64)),
                    "consents": pl.repeat("{}", len(readers.region), eager=True),
                }
            ).with_columns(
                preferred_categories=pl.when("chooses").then("preferred_categories").otherwise([]),
                available_at="joined_at",
            ),
        )

    def articles(self, n: int) -> pl.DataFrame:
        """The articles of a day."""
        rows = self._world.of_day(n)
        drawn = self._world.articles._replace(
            **{k: v[rows] for k, v in self._world.articles._asdict().items()}
        )
        ids = self._ids.articles[rows]
        topic = (
            drawn.language * len(CATEGORIES) + drawn.category
        ) * SUBCATEGORIES + drawn.subcategory
        texts = self._texts(topic, drawn.language)
        everywhere = (1 << len(REGIONS)) - 1
        scopes = pl.Series(
            [
                None if mask == everywhere else [r for k, r in enumerate(REGIONS) if mask >> k & 1]
                for mask in range(everywhere + 1)
            ],
            dtype=pl.List(pl.String),
        )
        published = moment(self._world, drawn.published)
        return self._clean(
            "articles",
            pl.DataFrame(
                {
                    "article_id": ids,
                    "publisher": self._ids.publishers.gather(drawn.publisher),
                    "title": texts.list.head(_TITLE_WORDS).list.join(" "),
                    "abstract": texts.list.tail(_ABSTRACT_WORDS).list.join(" "),
                    "category": self._ids.categories.gather(drawn.category),
                    "subcategory": pl.Series(drawn.subcategory).cast(pl.String),
                    "language": pl.Series(LANGUAGES).gather(drawn.language),
                    "url": "https://example.org/" + ids,
                    "published_at": published,
                    "regions": scopes.gather(drawn.regions),
                }
            ).with_columns(available_at=pl.col("published_at") + pl.duration(minutes=1)),
        )

    def reads(self, n: int, reads: Reads) -> pl.DataFrame:
        """The reads of a day; each names the list that it came from."""
        at = moment(self._world, reads.at)
        event = _numbered(f"event-{n:02}-", len(reads.at), 9)
        dwell = pl.Series(reads.dwell, nan_to_null=True)
        return self._clean(
            "reads",
            pl.DataFrame(
                {
                    "event_id": event,
                    "user_id": self._ids.readers.gather(reads.reader),
                    "article_id": self._ids.articles.gather(reads.article),
                    "read_at": at,
                    "dwell_seconds": dwell,
                    "view_id": event,
                    "impression_id": "list-" + event,
                }
            ).with_columns(
                kind=pl.when(pl.col("dwell_seconds").is_null())
                .then(pl.lit("click"))
                .otherwise(pl.lit("read")),
                # A dwell of some minutes would be known on the next day, outside of the partition
                # that the reads of a day are looked for in; a minute is enough here.
                available_at=pl.col("read_at") + pl.duration(seconds=60),
            ),
        )

    def impressions(self, n: int, reads: Reads) -> pl.DataFrame:
        """The lists that the reads of a day came from, each with its read somewhere in it."""
        rng = np.random.default_rng([self._world.size.seed, 5, n])
        shown = np.hstack([reads.article[:, None], reads.beside])
        place = rng.integers(0, SHOWN_BESIDE + 1, len(shown))
        rows = np.arange(len(shown))
        shown[rows, 0], shown[rows, place] = shown[rows, place], shown[rows, 0].copy()
        ids = self._ids.articles.gather(np.maximum(shown.ravel(), 0))
        return self._clean(
            "impressions",
            pl.DataFrame(
                {
                    "impression_id": f"list-event-{n:02}-"
                    + pl.Series(rows).cast(pl.String).str.zfill(9),
                    "user_id": self._ids.readers.gather(reads.reader),
                    "shown_at": moment(self._world, reads.at - 5_000_000),
                    "surface": pl.repeat("site", len(rows), eager=True),
                    "article_ids": ids.reshape((-1, SHOWN_BESIDE + 1)).cast(pl.List(pl.String)),
                    "order_known": pl.repeat(True, len(rows), eager=True),
                }
            ).with_columns(available_at="shown_at"),
        )

    def _texts(self, topic: Ints, language: Ints) -> pl.Series:
        """Shape (articles,): the words of each; half of them are those of its topic."""
        shape = (len(topic), _TITLE_WORDS + _ABSTRACT_WORDS)
        chance = self._rng.random(shape) * self._zipf[-1]
        of_topic = topic[:, None] * _TOPIC_WORDS + np.searchsorted(self._zipf, chance)
        common = (
            self._topics * _TOPIC_WORDS
            + language[:, None] * _COMMON_WORDS
            + self._rng.integers(0, _COMMON_WORDS, shape)
        )
        words = np.where(self._rng.random(shape) < _OF_TOPIC, of_topic, common)
        return self._words.gather(words.ravel()).reshape(shape).cast(pl.List(pl.String))

    def _clean(self, entity: str, frame: pl.DataFrame) -> pl.DataFrame:
        schema = ENTITIES[entity].clean_schema
        types = pl.DataFrame(pa.schema(schema).empty_table()).schema
        filled = frame.with_columns(
            pl.lit(None, dtype).alias(name)
            for name, dtype in types.items()
            if name not in frame.columns
        )
        return filled.with_columns(batch_id=pl.lit(BATCH)).select(types.names()).cast(types)
