"""A small clean store of two days: 240 articles, and 24 readers, the last four of them cold."""

from datetime import timedelta
from typing import Final

import polars as pl

from newsrec_pipelines.features.counters import update_counters
from newsrec_pipelines.store import Store
from support.fake_model import AS_OF, make_articles, make_users
from support.feature_events import frame, write_clean
from support.slates import PARAMS

READERS: Final = 24


def write_two_days(store: Store) -> None:
    """Clean partitions and counters of the two days before AS_OF."""
    articles = make_articles(240)
    write_clean(store, "articles", articles)
    joined = [AS_OF - timedelta(days=2, minutes=-1)] * READERS
    users = make_users(READERS).with_columns(joined_at=pl.Series(joined))
    write_clean(store, "users", frame("users", users.to_dicts()))
    languages = dict(zip(users["user_id"], users["language"], strict=True))
    rows = articles.sort("published_at").to_dicts()
    shown, read = [], []
    for n, (user, language) in enumerate(list(languages.items())[:-4]):  # the last ones are cold
        for visit in range(6):
            moment = AS_OF - timedelta(hours=30 - 5 * visit, minutes=n)
            known = [a for a in rows if a["available_at"] < moment and a["language"] == language]
            ids = [a["article_id"] for a in known[-6:]]
            shown.append(
                {
                    "impression_id": f"i-{user}-{visit}",
                    "user_id": user,
                    "shown_at": moment,
                    "article_ids": ids,
                }
            )
            read.append(
                {
                    "event_id": f"e-{user}-{visit}",
                    "user_id": user,
                    "article_id": ids[(n + visit) % 3],
                    "read_at": moment + timedelta(seconds=9),
                    "kind": "read",
                    "dwell_seconds": 20.0 + n,
                    "view_id": f"v-{user}-{visit}",
                    "impression_id": f"i-{user}-{visit}",
                }
            )
    write_clean(store, "impressions", frame("impressions", shown))
    write_clean(store, "reads", frame("reads", read))
    for day in (AS_OF - timedelta(days=2), AS_OF - timedelta(days=1)):
        update_counters(store, day.date(), PARAMS, "b")
