"""Small files in the official shapes of MIND, EB-NeRD and Deskdrop."""

from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

MIND_TRAIN = [
    ("1", "U1", "11/11/2019 9:05:58 AM", "N1 N2", "N3-1 N4-0"),
    ("2", "U2", "11/12/2019 6:11:30 PM", "", "N4-0 N5-1 N3-1"),
    ("3", "U1", "11/12/2019 12:00:01 AM", "N1 N2", "N5-0 N6-0"),
]
# Numbered from 1 again; U1's history has grown by her click on N3.
MIND_DEV = [("1", "U1", "11/15/2019 11:59:59 PM", "N1 N2 N3", "N7-0 N4-1")]


def mind(folder: Path) -> Path:
    """MINDsmall_train and MINDsmall_dev. N6 has no row in news.tsv, N8 is shown to nobody."""
    mind_split(folder / "MINDsmall_train", MIND_TRAIN, ["N1", "N2", "N3", "N4", "N5", "N8"])
    mind_split(folder / "MINDsmall_dev", MIND_DEV, ["N1", "N2", "N3", "N4", "N7"])
    return folder


def mind_split(folder: Path, behaviors: list[tuple[str, ...]], news: list[str]) -> Path:
    folder.mkdir(parents=True)
    (folder / "behaviors.tsv").write_text("".join("\t".join(row) + "\n" for row in behaviors))
    lines = (
        f'{n}\tsports\tsoccer\tIt is "{n}\t\thttps://assets.msn.com/{n}.html\t[]\t[]\n'
        for n in news
    )
    (folder / "news.tsv").write_text("".join(lines))
    return folder


BEHAVIORS = {
    "impression_id": pl.UInt32,
    "article_id": pl.Float64,
    "impression_time": pl.Datetime("us"),
    "read_time": pl.Float32,
    "scroll_percentage": pl.Float32,
    "device_type": pl.Int8,
    "article_ids_inview": pl.List(pl.Int32),
    "article_ids_clicked": pl.List(pl.Int32),
    "user_id": pl.UInt32,
    "is_sso_user": pl.Boolean,
    "session_id": pl.UInt32,
    "next_read_time": pl.Float32,
    "next_scroll_percentage": pl.Float32,
}
HISTORY = {
    "user_id": pl.UInt32,
    "impression_time_fixed": pl.List(pl.Datetime("us")),
    "scroll_percentage_fixed": pl.List(pl.Float32),
    "article_id_fixed": pl.List(pl.Int32),
    "read_time_fixed": pl.List(pl.Float32),
}
ARTICLES = {
    "article_id": pl.Int32,
    "title": pl.String,
    "subtitle": pl.String,
    "body": pl.String,
    "published_time": pl.Datetime("us"),
    "category_str": pl.String,
    "topics": pl.List(pl.String),
    "url": pl.String,
    "total_inviews": pl.Int32,
    "total_pageviews": pl.Int32,
    "total_read_time": pl.Float32,
}


def at(day: int, clock: str) -> datetime:
    return datetime.fromisoformat(f"2023-05-{day:02d}T{clock}")


def behavior(number: int, user: int, time: datetime, shown: str, clicked: str, **rest: Any) -> Any:
    """One row of behaviors.parquet: the front page, read for 5 s, unless `rest` says otherwise."""
    row = dict.fromkeys(BEHAVIORS) | {
        "impression_id": number,
        "user_id": user,
        "impression_time": time,
        "read_time": 5.0,
        "device_type": 1,
        "article_ids_inview": [int(a) for a in shown.split()],
        "article_ids_clicked": [int(a) for a in clicked.split()],
    }
    return row | rest


def history(user: int, *views: tuple[datetime, int, float | None, float | None]) -> Any:
    """One row of history.parquet; views are time, article, seconds, percentage."""
    times, articles, seconds, scrolls = zip(*views, strict=True) if views else ([], [], [], [])
    return {
        "user_id": user,
        "impression_time_fixed": list(times),
        "article_id_fixed": list(articles),
        "read_time_fixed": list(seconds),
        "scroll_percentage_fixed": list(scrolls),
    }


# The reader of impression 1 goes on to the page of article 11, which has a list of its own.
EBNERD_TRAIN = [
    behavior(
        1, 7, at(21, "19:15:36"), "10 11 12", "11", read_time=17.0, next_read_time=244.0,
        next_scroll_percentage=100.0,
    ),
    behavior(
        2, 7, at(21, "19:15:54"), "13 14", "14", article_id=11, read_time=244.0,
        scroll_percentage=100.0,
    ),
    behavior(3, 8, at(22, "08:00:00"), "13 14", "13 14", next_read_time=9.0),
]  # fmt: skip
EBNERD_TRAIN_HISTORY = [
    history(7, (at(1, "10:00:00"), 5, 30.0, 50.0), (at(1, "10:09:00"), 5, 0.0, None)),
    history(8),
]
EBNERD_VALIDATION = [behavior(4, 7, at(26, "08:00:00"), "15", "15", next_read_time=3.0)]
# Three weeks before the validation: two views that train tells too, and a click's dwell.
EBNERD_VALIDATION_HISTORY = [
    history(
        7,
        (at(1, "10:09:00"), 5, 0.0, None),
        (at(21, "19:15:54"), 11, 244.0, 100.0),
        (at(21, "19:20:00"), 14, 77.0, 30.0),
    )
]
EBNERD_ARTICLES = [
    (
        5,
        "Fem",
        "u",
        "b",
        datetime.fromisoformat("2021-01-01T12:00:00"),
        "sport",
        ["Fodbold"],
        "https://eb.dk/5",
    ),
    (11, "Elleve", "u", "b", at(21, "19:00:00"), "nyheder", [], "https://eb.dk/11"),
    (14, "Fjorten", None, "b", at(22, "09:00:00"), "", None, None),
    (99, "Set af ingen", "u", "b", at(23, "09:00:00"), "sport", [], "https://eb.dk/99"),
]


def ebnerd(folder: Path, articles: bool = True) -> Path:
    """ebnerd_demo with train and validation. Article 14 is dated after it was first seen."""
    ebnerd_split(folder / "train", EBNERD_TRAIN, EBNERD_TRAIN_HISTORY)
    ebnerd_split(folder / "validation", EBNERD_VALIDATION, EBNERD_VALIDATION_HISTORY)
    if articles:
        rows = [(*row, 1000, 900, 5e4) for row in EBNERD_ARTICLES]
        table = pl.DataFrame(rows, schema=ARTICLES, orient="row")
        table.write_parquet(folder / "articles.parquet")
    return folder


def ebnerd_split(folder: Path, behaviors: list[Any], histories: list[Any]) -> Path:
    folder.mkdir(parents=True)
    pl.DataFrame(behaviors, schema=BEHAVIORS).write_parquet(folder / "behaviors.parquet")
    pl.DataFrame(histories, schema=HISTORY).write_parquet(folder / "history.parquet")
    return folder


DESKDROP_HEADER = (
    "timestamp,eventType,contentId,personId,sessionId,userAgent,userRegion,userCountry"
)
DESKDROP = [
    "1465413032,VIEW,-3499919498720038879,-8845298781299428018,1,,,",
    '1465413032,VIEW,-3499919498720038879,-8845298781299428018,1,"Mozilla, 5.0",SP,BR',
    "1465413032,VIEW,-3499919498720038879,-8845298781299428018,1,,,",
    "1465413032,VIEW,-3499919498720038879,-8845298781299428018,2,,,",
    "1465500000,LIKE,-3499919498720038879,-8845298781299428018,1,,,",
    "1465412560,COMMENT CREATED,42,77,3,,,",
    "1465600000,BOOKMARK,42,77,3,,?,US",
    "1465600001,FOLLOW,43,78,4,,?,JP",
]
SHARED_HEADER = (
    "timestamp,eventType,contentId,authorPersonId,authorSessionId,authorUserAgent,"
    "authorRegion,authorCountry,contentType,url,title,text,lang"
)
SHARED = [
    "1465412000,CONTENT SHARED,-3499919498720038879,9,1,,,,HTML,http://www.nytimes.com/a.html,"
    '"Ethereum, a ""currency""","Two\nlines",en',
    "1465500000,CONTENT SHARED,42,9,1,,,,HTML,https://blog.example.org:8080/b,B,text,pt",
    "1465500001,CONTENT REMOVED,42,9,1,,,,HTML,https://blog.example.org:8080/b,B,text,pt",
]


def deskdrop(folder: Path, shared: bool = False) -> Path:
    """Person -88... is twice at the same thing in one session; 43 is in no list of articles."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = "\n".join([DESKDROP_HEADER, *DESKDROP, ""])
    (folder / "users_interactions.csv").write_text(lines)
    if shared:
        (folder / "shared_articles.csv").write_text("\n".join([SHARED_HEADER, *SHARED, ""]))
    return folder
