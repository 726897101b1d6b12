"""MIND: impressions and clicks of Microsoft News, November 2019 (Wu et al., ACL 2020)."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Final

import polars as pl

from newsrec_pipelines.datasets.landing import (
    RECEIVED_AT,
    TIME,
    Import,
    anonymous_readers,
    digest,
    first_seen,
)
from newsrec_pipelines.datasets.sources import SourceFile, opened, reading, require
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.progress import track
from newsrec_pipelines.schemas import UNKNOWN

_BEHAVIORS: Final = ("impression", "user", "time", "history", "shown")
_NEWS: Final = (
    "news",
    "category",
    "subcategory",
    "title",
    "abstract",
    "url",
    "title_entities",
    "abstract_entities",
)
NAMES: Final = ("behaviors.tsv", "news.tsv")

# A list with its labels: N1-0 was passed over, N2-1 was clicked. The test set has none.
_LABELLED: Final = r"^\S+-[01]( \S+-[01])*$"
# MIND says when a list was shown, not when its articles were clicked: a moment later.
_CLICK_DELAY: Final = timedelta(seconds=1)
# MIND's histories reach back four weeks before the first impression.
_HISTORY: Final = timedelta(days=28)
_READERS_PER_STEP: Final = 50_000


def convert(path: Path, into: Import) -> None:
    """Stage MIND's impressions, clicks, histories, readers and news.

    - Lists were shuffled before publication: their order is unknown. Impressions are numbered by
      file, so their id is made of reader, time and list.
    - Dwell is not known. Times have no zone and are taken for UTC.
    - Clicks of the histories have no time: they are put before midnight of the first day, in their
      order, unless the click itself is among the impressions.
    - News has no time either: it is published when first seen; what is in histories only was
      published four weeks before, so that nobody takes it for fresh.
    - Lists without labels (test set) tell nothing about interest and are left out.

    Raises:
        DataError: when a file is missing, broken, or has other columns.
    """
    with opened(path, NAMES) as files:
        behaviors = require(files, "behaviors.tsv", path)
        news = require(files, "news.tsv", path)
        for file in files:
            _check_columns(file, _BEHAVIORS if file.name == "behaviors.tsv" else _NEWS)
        days = _days(behaviors, into)
        if not days:
            raise DataError(f"no usable impression in {path} ({into.summary()})")
        midnight = datetime.combine(days[0], time(), UTC)
        shown, readers, clicks = [], [], []
        for day in track(days, "days of MIND"):
            lists = _lists(behaviors, day, into)
            opened_today = _clicks(lists)
            into.add("impressions", lists.drop("clicked").with_columns(_SURFACE), "shown_at")
            into.add("reads", opened_today, "read_at")
            shown.append(first_seen(lists.explode("article_ids"), "article_ids", "shown_at"))
            readers.append(first_seen(lists, "user_id", "shown_at"))
            clicks.append(opened_today.select("user_id", "article_id").unique())
        known, read_before = pl.concat(clicks).unique(), []
        for past in _histories(behaviors, known, midnight):
            into.add("reads", past, "read_at")
            read_before.append(first_seen(past, "article_id", "read_at"))
            readers.append(first_seen(past, "user_id", "read_at"))
        into.add("users", anonymous_readers(pl.concat(readers), language="en"), "joined_at")
        seen = pl.concat(shown), pl.concat([*read_before, shown[0].clear()])
        into.add("articles", _articles(news, *seen, midnight, into), RECEIVED_AT)


_SURFACE: Final = (pl.lit("site").alias("surface"), pl.lit(False).alias("order_known"))


def _check_columns(file: SourceFile, columns: tuple[str, ...]) -> None:
    with file.path.open("rb") as lines:
        found = lines.readline().count(b"\t") + 1
    if found != len(columns):
        raise DataError(
            f"{file.label} has {found} columns, not the {len(columns)} that MIND's {file.name} has"
        )


def _scan(file: SourceFile, columns: tuple[str, ...]) -> pl.LazyFrame:
    # Headlines hold unbalanced quotes.
    return pl.scan_csv(
        file.path,
        separator="\t",
        has_header=False,
        quote_char=None,
        schema=dict.fromkeys(columns, pl.String),
    )


def _collect(file: SourceFile, rows: pl.LazyFrame) -> pl.DataFrame:
    with reading(file):
        return rows.collect(engine="streaming")


def _behaviors(file: SourceFile) -> pl.LazyFrame:
    at = pl.col("time").str.to_datetime("%m/%d/%Y %I:%M:%S %p", time_unit="us", strict=False)
    return _scan(file, _BEHAVIORS).select(
        "history",
        "shown",
        user_id="mind:" + pl.col("user"),
        shown_at=at.dt.replace_time_zone("UTC"),
        labelled=pl.col("shown").str.contains(_LABELLED).fill_null(False),
    )


_TIMED: Final = pl.col("user_id").is_not_null() & pl.col("shown_at").is_not_null()


def _days(behaviors: list[SourceFile], into: Import) -> list[date]:
    """The days with usable impressions; the others are counted as dropped."""
    days: set[date] = set()
    for file in behaviors:
        counts = _collect(
            file,
            _behaviors(file)
            .group_by(day=pl.col("shown_at").dt.date(), timed=_TIMED, labelled="labelled")
            .len(),
        )
        for day, timed, labelled, n in counts.sort(pl.all()).iter_rows():
            if timed and labelled:
                days.add(day)
            else:
                what = "without labels" if timed else "without reader or time"
                into.dropped[f"impressions {what}"] += n
    return sorted(days)


def _lists(behaviors: list[SourceFile], day: date, into: Import) -> pl.DataFrame:
    """The impressions of one day, once each, and which of their articles were ``clicked``."""
    of_day = _TIMED & pl.col("labelled") & (pl.col("shown_at").dt.date() == day)
    articles = pl.element().str.head(-2)
    rows = pl.concat(
        _collect(
            file,
            _behaviors(file)
            .filter(of_day)
            .select("user_id", "shown_at", labels=pl.col("shown").str.split(" ")),
        )
        for file in behaviors
    ).select(
        "user_id",
        "shown_at",
        article_ids=pl.col("labels").list.eval("mind:" + articles),
        clicked=pl.col("labels").list.eval(
            "mind:" + articles.filter(pl.element().str.ends_with("-1"))
        ),
    )
    identity = pl.concat_str(
        "user_id",
        pl.col("shown_at").dt.epoch("s").cast(pl.String),
        pl.col("article_ids").list.sort().list.join(" "),
        separator="\x1f",
    ).map_batches(digest, return_dtype=pl.String)
    lists = rows.with_columns(impression_id="mind:" + identity)
    once = lists.unique("impression_id", keep="first", maintain_order=True)
    into.notes["repeated impressions merged"] += lists.height - once.height
    return once


def _clicks(lists: pl.DataFrame) -> pl.DataFrame:
    views = lists.select(
        "user_id",
        "impression_id",
        read_at=pl.col("shown_at") + _CLICK_DELAY,
        article_id="clicked",
    ).explode("article_id", empty_as_null=False)
    view = pl.concat_str("impression_id", pl.lit(":"), "article_id")
    return views.unique(["impression_id", "article_id"], maintain_order=True).with_columns(
        event_id=view, view_id=view, kind=pl.lit("click")
    )


def _histories(
    behaviors: list[SourceFile], known: pl.DataFrame, midnight: datetime
) -> Iterator[pl.DataFrame]:
    """Clicks of the histories, some readers at a time, without those among the impressions."""
    usable = _TIMED & pl.col("labelled") & pl.col("history").is_not_null()
    parts = [
        _collect(f, _behaviors(f).filter(usable).select("user_id", "history").unique())
        for f in behaviors
    ]
    readers = pl.concat(parts).group_by("user_id").agg(pl.col("history").unique()).sort("user_id")
    for some in readers.iter_slices(_READERS_PER_STEP):
        items = some.explode("history").select(
            "user_id", article_id=pl.col("history").str.strip_chars().str.split(" ")
        )
        places = pl.int_ranges(pl.col("article_id").list.len(), 0, -1)
        clicks = (
            items.with_columns(from_end=places)
            .explode("article_id", "from_end")
            .select("user_id", "from_end", article_id="mind:" + pl.col("article_id"))
            .group_by("user_id", "article_id")
            .agg(pl.col("from_end").max())
            .join(known, on=["user_id", "article_id"], how="anti")
        )
        earlier = pl.duration(seconds=pl.col("from_end").clip(upper_bound=24 * 60 * 60))
        view = pl.concat_str(pl.lit("mind:history:"), "user_id", pl.lit(":"), "article_id")
        yield clicks.select(
            "user_id",
            "article_id",
            event_id=view,
            view_id=view,
            kind=pl.lit("click"),
            read_at=pl.lit(midnight, TIME) - earlier,
        )


def _articles(
    news: list[SourceFile],
    shown: pl.DataFrame,
    read_before: pl.DataFrame,
    midnight: datetime,
    into: Import,
) -> pl.DataFrame:
    texts = pl.concat(_collect(f, _scan(f, _NEWS)) for f in news).drop_nulls("news")
    texts = texts.unique("news", keep="first", maintain_order=True)
    texts = texts.with_columns(id="mind:" + pl.col("news"))
    seen = (
        first_seen(shown, "id", "at")
        .rename({"at": "shown"})
        .join(first_seen(read_before, "id", "at"), on="id", how="full", coalesce=True)
        .with_columns(first=pl.min_horizontal("shown", "at"))
    )
    into.dropped["news that nobody was shown"] += texts.join(seen, on="id", how="anti").height
    into.notes["articles known by id only"] += seen.join(texts, on="id", how="anti").height
    never_shown = pl.col("shown").is_null()
    return seen.join(texts, on="id", how="left").select(
        pl.col("category").fill_null(UNKNOWN),
        pl.col("title").fill_null(""),
        pl.col("url").fill_null(""),
        "abstract",
        "subcategory",
        article_id="id",
        publisher=pl.lit(UNKNOWN),
        language=pl.lit("en"),
        published_at=pl.when(never_shown)
        .then(pl.lit(midnight - _HISTORY, TIME))
        .otherwise("first"),
        received_at="first",
    )
