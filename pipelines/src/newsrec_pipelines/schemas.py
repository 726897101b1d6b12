"""The four entities of the landing zone and of the clean partitions, as Arrow schemas."""

from dataclasses import dataclass
from typing import Final

import pyarrow as pa

TIMESTAMP: Final = pa.timestamp("us", tz="UTC")  # Feast's DuckDB store reads microseconds only

# Every clean row also says when we could know it and which ETL run wrote it. Unknown fields of the
# landing record are kept as one JSON object in `extra`.
_STAMPS: Final = [
    pa.field("extra", pa.string()),
    pa.field("available_at", TIMESTAMP, nullable=False),
    pa.field("batch_id", pa.string(), nullable=False),
]


@dataclass(frozen=True)
class Entity:
    """One kind of record.

    `required` fields must be present and well typed, else the record is a dead letter. `day_field`
    names the time that decides the clean partition; entities without one are versioned records,
    kept under the day of their arrival, where the row with the last `available_at` wins.
    """

    name: str
    key: str
    schema: pa.Schema
    required: tuple[str, ...]
    day_field: str | None

    @property
    def clean_schema(self) -> pa.Schema:
        """Columns of the clean Parquet partitions and, in whatever order, of the table."""
        return pa.schema([*self.schema, *_STAMPS])


ARTICLES: Final = Entity(
    name="articles",
    key="article_id",
    schema=pa.schema(
        [
            pa.field("article_id", pa.string(), nullable=False),
            pa.field("publisher", pa.string(), nullable=False),
            pa.field("title", pa.string(), nullable=False),
            pa.field("abstract", pa.string()),
            pa.field("body", pa.string()),
            pa.field("category", pa.string(), nullable=False),
            pa.field("subcategory", pa.string()),
            pa.field("language", pa.string(), nullable=False),
            pa.field("url", pa.string(), nullable=False),
            pa.field("published_at", TIMESTAMP, nullable=False),
            pa.field("image_url", pa.string()),
            pa.field("tags", pa.list_(pa.string())),
            pa.field("regions", pa.list_(pa.string())),  # meant for; null or empty: everywhere
        ]
    ),
    required=("article_id", "publisher", "title", "category", "language", "url", "published_at"),
    day_field=None,
)

USERS: Final = Entity(
    name="users",
    key="user_id",
    schema=pa.schema(
        [
            pa.field("user_id", pa.string(), nullable=False),
            pa.field("region", pa.string(), nullable=False),
            pa.field("language", pa.string(), nullable=False),
            pa.field("email", pa.string()),
            pa.field("timezone", pa.string(), nullable=False),
            pa.field("preferred_categories", pa.list_(pa.string()), nullable=False),
            pa.field("joined_at", TIMESTAMP, nullable=False),
            pa.field("consents", pa.string(), nullable=False),  # JSON object of booleans
        ]
    ),
    required=(
        "user_id",
        "region",
        "language",
        "timezone",
        "preferred_categories",
        "joined_at",
        "consents",
    ),
    day_field=None,
)

IMPRESSIONS: Final = Entity(
    name="impressions",
    key="impression_id",
    schema=pa.schema(
        [
            pa.field("impression_id", pa.string(), nullable=False),
            pa.field("user_id", pa.string(), nullable=False),
            pa.field("shown_at", TIMESTAMP, nullable=False),
            pa.field("surface", pa.string(), nullable=False),
            pa.field("article_ids", pa.list_(pa.string()), nullable=False),
            pa.field("order_known", pa.bool_(), nullable=False),
            pa.field("slate_id", pa.string()),
            pa.field("propensities", pa.list_(pa.float32())),
        ]
    ),
    required=("impression_id", "user_id", "shown_at", "surface", "article_ids", "order_known"),
    day_field="shown_at",
)

READS: Final = Entity(
    name="reads",
    key="event_id",
    schema=pa.schema(
        [
            pa.field("event_id", pa.string(), nullable=False),
            pa.field("user_id", pa.string(), nullable=False),
            pa.field("article_id", pa.string(), nullable=False),
            pa.field("read_at", TIMESTAMP, nullable=False),
            pa.field("kind", pa.string(), nullable=False),
            pa.field("dwell_seconds", pa.float32()),  # null is unknown, never zero
            pa.field("scroll", pa.float32()),  # share of the page, 0 to 1
            pa.field("view_id", pa.string()),
            pa.field("impression_id", pa.string()),
        ]
    ),
    required=("event_id", "user_id", "article_id", "read_at", "kind"),
    day_field="read_at",
)

ENTITIES: Final = {e.name: e for e in (ARTICLES, USERS, IMPRESSIONS, READS)}
SURFACES: Final = ("site", "app", "email")
# `click` opens the article, `read` reports its dwell at the end; both share `view_id`.
READ_KINDS: Final = (
    "click",
    "read",
    "like",
    "bookmark",
    "comment",
    "follow",
    "share",
    "hide",
)
REGIONS: Final = ("latin_america", "africa", "north_america")
UNKNOWN: Final = "unknown"  # region, category, language or publisher that the source does not say
