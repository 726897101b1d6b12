"""Deskdrop: what 1,895 employees did with shared articles, 2016 and 2017 (Kaggle, by CI&T)."""

import gzip
from pathlib import Path
from typing import Final

import polars as pl

from newsrec_pipelines.datasets.landing import RECEIVED_AT, TIME, Import, digest
from newsrec_pipelines.datasets.sources import (
    SourceFile,
    opened,
    reading,
    require,
    require_columns,
)
from newsrec_pipelines.schemas import UNKNOWN

_INTERACTIONS: Final = "users_interactions.csv"
_SHARED: Final = "shared_articles.csv"  # texts; interactions alone are enough
NAMES: Final = (_INTERACTIONS, _SHARED)

_EVENT: Final = ("personId", "contentId", "eventType", "timestamp", "sessionId")
_ARTICLE: Final = ("timestamp", "eventType", "contentId", "url", "title", "text", "lang")
_KINDS: Final = {
    "VIEW": "click",  # opened; nobody measured how long
    "LIKE": "like",
    "BOOKMARK": "bookmark",
    "COMMENT CREATED": "comment",
    "FOLLOW": "follow",
}
_REGIONS: Final = {
    "BR": "latin_america",
    "AR": "latin_america",
    "CL": "latin_america",
    "CO": "latin_america",
    "US": "north_america",
    "CA": "north_america",
}


def convert(path: Path, into: Import) -> None:
    """Stage Deskdrop's readers, articles and events; it has neither impressions nor dwell.

    Without ``shared_articles.csv`` an article is known by its id only and published when it was
    first seen. Who reads from several countries belongs to the first one that the log says.

    Raises:
        DataError: when a file is missing, broken, or has other columns.
    """
    with opened(path, NAMES) as files:
        events = _interactions(require(files, _INTERACTIONS, path), into)
        shared = _shared_articles([f for f in files if f.name == _SHARED], into)
    into.add("reads", _reads(events), "read_at")
    into.add("users", _users(events), RECEIVED_AT)
    into.add("articles", _articles(events, shared), RECEIVED_AT)


def _read(file: SourceFile, wanted: tuple[str, ...]) -> pl.DataFrame:
    """All columns as text: ids have 19 digits, and some begin with a minus."""
    with reading(file):
        # gzip notices a cut file, the CSV reader would not.
        data = file.path.read_bytes()
        text = gzip.decompress(data) if file.path.suffix == ".gz" else data
        table = pl.read_csv(text, infer_schema=False)
    require_columns(file, table.columns, wanted)
    return table


def _interactions(files: list[SourceFile], into: Import) -> pl.DataFrame:
    """Every interaction once, in time order, with the ``country`` that it came from.

    The log repeats some: a person does one thing with an article once a second and session. The
    copies differ in agent and country only, so the country is taken before they are merged.
    """
    log = pl.concat([_read(f, (*_EVENT, "userCountry")) for f in files], how="diagonal")
    rows = _timed(log.filter(pl.col("personId").is_not_null()), into, list(_KINDS), "events")
    into.dropped["events without person"] += log["personId"].null_count()
    country = pl.col("userCountry").drop_nulls().sort().first()
    events = rows.group_by(_EVENT).agg(pl.col("at").first(), country=country)
    exact = rows.height - rows.unique().height
    into.notes[f"repeated events merged, of which {exact:,} are exact copies"] += (
        rows.height - events.height
    )
    return events.select(
        "at",
        "country",
        event_id="deskdrop:" + _identity(),
        user_id="deskdrop:u:" + pl.col("personId"),
        article_id="deskdrop:" + pl.col("contentId"),
        kind=pl.col("eventType").replace_strict(_KINDS, return_dtype=pl.String),
    ).sort("at", "event_id")


def _identity() -> pl.Expr:
    text = pl.concat_str(pl.col(_EVENT).fill_null(""), separator="\x1f")
    return text.map_batches(digest, return_dtype=pl.String)


def _shared_articles(files: list[SourceFile], into: Import) -> pl.DataFrame:
    """One row each time that an article was shared: ``at``, ``content`` and its texts."""
    if not files:
        return pl.DataFrame(schema={"at": TIME, **dict.fromkeys(_ARTICLE, pl.String)})
    log = pl.concat([_read(f, _ARTICLE) for f in files], how="diagonal").unique(maintain_order=True)
    return _timed(log, into, ["CONTENT SHARED"], "article records")


def _timed(rows: pl.DataFrame, into: Import, kinds: list[str], what: str) -> pl.DataFrame:
    """Rows of the given kinds with their time as ``at``; the others are counted as dropped."""
    seconds = pl.col("timestamp").cast(pl.Int64, strict=False)
    at = pl.from_epoch(seconds, "s").dt.cast_time_unit("us").dt.replace_time_zone("UTC")
    rows = rows.with_columns(at=at)
    readable = rows.filter(pl.col("at").is_not_null() & pl.col("contentId").is_not_null())
    into.dropped[f"{what} without time or article"] += rows.height - readable.height
    known = pl.col("eventType").is_in(kinds).fill_null(False)
    for kind, n in readable.filter(~known)["eventType"].value_counts(sort=True).iter_rows():
        into.dropped[f"{what} of type {kind}"] += n
    return readable.filter(known)


def _reads(events: pl.DataFrame) -> pl.DataFrame:
    view = pl.when(pl.col("kind") == "click").then("event_id")
    return events.select("event_id", "user_id", "article_id", "kind", read_at="at", view_id=view)


def _users(events: pl.DataFrame) -> pl.DataFrame:
    """A version when first seen, and another when the log first says where somebody is."""
    seen = events.group_by("user_id", maintain_order=True).first().with_columns(joined_at="at")
    located = (
        events.filter(pl.col("country").is_not_null())
        .group_by("user_id", maintain_order=True)
        .first()
        .join(seen.select("user_id", "joined_at"), on="user_id")
        .filter(pl.col("at") > pl.col("joined_at"))
    )
    return pl.concat([seen, located], how="diagonal").select(
        "user_id",
        "joined_at",
        region=pl.col("country").replace_strict(_REGIONS, default=UNKNOWN, return_dtype=pl.String),
        language=pl.lit(UNKNOWN),
        timezone=pl.lit("UTC"),
        preferred_categories=pl.lit([], dtype=pl.List(pl.String)),
        consents=pl.lit("{}"),
        received_at=pl.col("at"),
    )


def _articles(events: pl.DataFrame, shared: pl.DataFrame) -> pl.DataFrame:
    """A version each time that an article was shared, and one by id if it was read before that."""
    texts = shared.select(
        "at",
        "title",
        article_id="deskdrop:" + pl.col("contentId"),
        body="text",
        language="lang",
        url="url",
        publisher=pl.col("url").str.extract(r"^https?://(?:www\.)?([^/:?#]+)"),
    )
    first_shared = texts.group_by("article_id").agg(first_shared=pl.col("at").min())
    ids = (
        events.group_by("article_id")
        .agg(at=pl.col("at").min())
        .join(first_shared, on="article_id", how="left")
        .filter((pl.col("at") < pl.col("first_shared")).fill_null(True))
    )
    versions = pl.concat([ids.drop("first_shared"), texts], how="diagonal")
    return versions.select(
        "article_id",
        pl.col("publisher").fill_null(UNKNOWN),
        pl.col("title").fill_null(""),
        "body",
        pl.col("language").fill_null(UNKNOWN),
        pl.col("url").fill_null(""),
        category=pl.lit(UNKNOWN),
        published_at=pl.col("at").min().over("article_id"),
        received_at=pl.col("at"),
    ).unique(["article_id", RECEIVED_AT], keep="last", maintain_order=True)
