"""EB-NeRD: impressions, clicks and reading times of Ekstra Bladet, 2023 (RecSys Challenge 2024)."""

from pathlib import Path

import polars as pl

from newsrec_pipelines.datasets import ebnerd_files as files
from newsrec_pipelines.datasets import ebnerd_views
from newsrec_pipelines.datasets.landing import (
    RECEIVED_AT,
    TIME,
    Import,
    anonymous_readers,
    first_seen,
)
from newsrec_pipelines.datasets.sources import SourceFile, opened, reading, require
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.progress import track
from newsrec_pipelines.schemas import UNKNOWN


def convert(path: Path, into: Import) -> None:
    """Stage EB-NeRD's impressions, views, histories, readers and articles.

    - The order of a list on the page is not known. Times have no zone and are taken for UTC.
    - A view is told once, however often the files tell it (see `ebnerd_views`): as a click with its
      impression if it came from one, and as a read where its dwell is known. Views are numbered by
      reader, article and day, so that histories of other splits merge with them.
    - Without ``articles.parquet`` articles are known by id and published when first seen. Articles
      from before the first day arrive on it.
    - The test set has no clicks: its impressions tell nothing about interest and are left out, its
      histories count.

    Raises:
        DataError: when a file is missing, broken, or has other columns.
    """
    with opened(path, files.NAMES) as found:
        behaviors = [
            f for f in require(found, "behaviors.parquet", path) if files.labelled(f, into)
        ]
        if not behaviors:
            raise DataError(f"no impression with labels in {path}")
        histories = require(found, "history.parquet", path)
        articles = [f for f in found if f.name == "articles.parquet"]
        files.check(
            [(behaviors, files.BEHAVIORS), (histories, files.HISTORY), (articles, files.ARTICLES)]
        )
        steps = files.steps([*behaviors, *histories])
        seen: list[pl.DataFrame] = []
        readers: list[pl.DataFrame] = []
        for step in track(range(steps), "readers of EB-NeRD"):
            some = pl.col("user_id").fill_null(0) % steps == step
            impressions = _impressions(behaviors, some, into)
            clicks = ebnerd_views.clicked(impressions)
            pages = pl.concat([_pages(impressions), *(_past(f, some) for f in histories)])
            views = ebnerd_views.merge(clicks, pages)
            into.notes["records of a view that another tells too"] += (
                clicks.height + pages.height - views.height
            )
            into.add("impressions", _lists(impressions), "shown_at")
            into.add("reads", _events(views), "read_at")
            shown = impressions.select(pl.exclude("article_id"), article_id="shown")
            shown = shown.explode("article_id", empty_as_null=False)
            for key, firsts in (("article_id", seen), ("user_id", readers)):
                firsts.append(first_seen(shown, key, "shown_at"))
                firsts.append(first_seen(views, key, "at"))
        if not into.counts["impressions"]:
            raise DataError(f"no usable impression in {path} ({into.summary()})")
        by_text = pl.concat(readers).with_columns(id=_text("ebnerd:u:", "id"))
        into.add("users", anonymous_readers(by_text, language="da"), "joined_at")
        into.add("articles", _articles(articles, pl.concat(seen), into), RECEIVED_AT)


def _impressions(behaviors: list[SourceFile], some: pl.Expr, into: Import) -> pl.DataFrame:
    table = pl.concat(files.read(f, files.BEHAVIORS, some) for f in behaviors).select(
        "user_id",
        "article_id",
        "read_time",
        impression_id=_text("ebnerd:", "impression_id"),
        shown_at=_utc(pl.col("impression_time")),
        scroll=_share("scroll_percentage"),
        shown=pl.col("article_ids_inview").list.drop_nulls(),
        clicked=pl.col("article_ids_clicked").list.drop_nulls(),
        next_read_time=_seconds("next_read_time"),
        next_scroll=_share("next_scroll_percentage"),
    )
    whole = table.drop_nulls(["user_id", "impression_id", "shown_at", "shown", "clicked"])
    whole = whole.filter(pl.col("shown").list.len() > 0)
    into.dropped["impressions without reader, time or list"] += table.height - whole.height
    once = whole.unique("impression_id", keep="first", maintain_order=True)
    into.notes["repeated impressions merged"] += whole.height - once.height
    return once


def _pages(impressions: pl.DataFrame) -> pl.DataFrame:
    """The articles' own pages among the pages with lists."""
    of_article = impressions.drop_nulls("article_id").with_columns(dwell=_seconds("read_time"))
    return of_article.select("user_id", "article_id", "dwell", "scroll", at="shown_at")


def _past(history: SourceFile, some: pl.Expr) -> pl.DataFrame:
    lists = [name for name in files.HISTORY.names() if name != "user_id"]
    table = files.read(history, files.HISTORY, some)
    with reading(history):
        views = table.explode(lists, empty_as_null=False)
    return views.select(
        "user_id",
        article_id="article_id_fixed",
        dwell=_seconds("read_time_fixed"),
        scroll=_share("scroll_percentage_fixed"),
        at=_utc(pl.col("impression_time_fixed")),
    ).drop_nulls(["user_id", "article_id", "at"])


def _lists(impressions: pl.DataFrame) -> pl.DataFrame:
    return impressions.select(
        "impression_id",
        "shown_at",
        user_id=_text("ebnerd:u:", "user_id"),
        article_ids=pl.col("shown").list.eval("ebnerd:" + pl.element().cast(pl.String)),
        surface=pl.lit("site"),
        order_known=pl.lit(False),
    )


def _events(views: pl.DataFrame) -> pl.DataFrame:
    day = pl.col("at").dt.strftime("%Y%m%d")
    ids = [pl.col(c).cast(pl.String) for c in ("user_id", "article_id", "number")]
    view = pl.concat_str(pl.lit("ebnerd:v"), ids[0], ids[1], day, ids[2], separator=":")
    told = views.select(
        "impression_id",
        "dwell",
        "scroll",
        user_id=_text("ebnerd:u:", "user_id"),
        article_id=_text("ebnerd:", "article_id"),
        read_at="at",
        view_id=view,
    )
    # A click is known at once, its reading only at its end. A view that no list led to is told by
    # its reading alone.
    clicks = told.filter(pl.col("impression_id").is_not_null() | pl.col("dwell").is_null())
    reads = told.filter(pl.col("dwell").is_not_null())
    return pl.concat(
        [
            clicks.drop("dwell", "scroll").with_columns(kind=pl.lit("click")),
            reads.rename({"dwell": "dwell_seconds"}).with_columns(kind=pl.lit("read")),
        ],
        how="diagonal",
    ).with_columns(event_id=pl.concat_str("view_id", "kind", separator=":"))


def _articles(found: list[SourceFile], seen: pl.DataFrame, into: Import) -> pl.DataFrame:
    seen = first_seen(seen, "id", "at")
    first_day = seen.select(pl.col("at").min().dt.truncate("1d")).item()
    empty = pl.DataFrame(schema=files.ARTICLES)
    texts = pl.concat([empty, *(files.read(f, files.ARTICLES) for f in found)])
    texts = texts.unique("article_id", keep="first", maintain_order=True)
    into.notes["articles known by id only"] += seen.join(
        texts, left_on="id", right_on="article_id", how="anti"
    ).height
    versions = (
        seen.join(texts, left_on="id", right_on="article_id", how="full", coalesce=True)
        .with_columns(published_at=pl.min_horizontal("at", _utc(pl.col("published_time"))))
        .drop_nulls("id")
    )
    timed = versions.drop_nulls("published_at")
    into.dropped["articles without time"] += versions.height - timed.height
    return timed.select(
        pl.col("title").fill_null(""),
        pl.col("url").fill_null(""),
        "body",
        "published_at",
        article_id=_text("ebnerd:", "id"),
        # All is one newspaper's: a limit per publisher would make no sense.
        publisher=pl.lit(UNKNOWN),
        abstract="subtitle",
        category=pl.col("category_str").replace("", None).fill_null(UNKNOWN),
        language=pl.lit("da"),
        tags="topics",
        received_at=pl.max_horizontal("published_at", pl.lit(first_day, TIME)),
    )


def _text(prefix: str, name: str) -> pl.Expr:
    return prefix + pl.col(name).cast(pl.String)


def _utc(at: pl.Expr) -> pl.Expr:
    return at.dt.replace_time_zone("UTC")


def _seconds(name: str) -> pl.Expr:
    return pl.when(pl.col(name) >= 0, pl.col(name).is_not_nan()).then(name)


def _share(name: str) -> pl.Expr:
    return (_seconds(name) / 100).clip(0, 1)
