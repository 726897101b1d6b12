"""Landing zones for ETL tests, the ETL in this process, and what it left, in comparable form."""

import gzip
import json
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl

from newsrec_pipelines import partitions
from newsrec_pipelines.db import connect
from newsrec_pipelines.etl.run import Etl
from newsrec_pipelines.etl.runners import bound_pipeline
from newsrec_pipelines.etl.runs import only_one
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.schemas import ENTITIES
from newsrec_pipelines.store import Store
from support.postgres import REPOSITORY, query

DAY = date(2026, 3, 1)
NEXT = DAY + timedelta(days=1)
Record = dict[str, Any]


def params() -> Params:
    """The repository's parameters."""
    return Params.load(REPOSITORY / "params.yaml")


def at(hour: float, day: date = DAY) -> str:
    """An hour of a day as RFC 3339."""
    midnight = datetime.combine(day, datetime.min.time(), UTC)
    return (midnight + timedelta(hours=hour)).isoformat()


def article(key: str, **changes: Any) -> Record:
    """An article of the first morning."""
    record = {
        "article_id": key,
        "publisher": "Gazette",
        "title": f"Title of {key}",
        "category": "sport",
        "language": "en",
        "url": f"https://news.example.org/{key}",
        "published_at": at(6),
    }
    return {**record, **changes}


def user(key: str, **changes: Any) -> Record:
    """A reader who joined on the first day."""
    record = {
        "user_id": key,
        "region": "africa",
        "language": "en",
        "timezone": "UTC",
        "preferred_categories": ["sport"],
        "joined_at": at(1),
        "consents": {"email_digest": True},
    }
    return {**record, **changes}


def impression(key: str, **changes: Any) -> Record:
    """Two articles shown at noon of the first day."""
    record = {
        "impression_id": key,
        "user_id": "u1",
        "shown_at": at(12),
        "surface": "site",
        "article_ids": ["a1", "a2"],
        "order_known": True,
    }
    return {**record, **changes}


def read(key: str, **changes: Any) -> Record:
    """A read of a minute at noon of the first day."""
    record = {
        "event_id": key,
        "user_id": "u1",
        "article_id": "a1",
        "read_at": at(12),
        "kind": "read",
        "dwell_seconds": 60.0,
    }
    return {**record, **changes}


def land(store: Store, entity: str, day: date, name: str, records: Iterable[Record | bytes]) -> str:
    """Write records (or raw lines) as a landing file, in the form that its name says."""
    key = f"landing/{entity}/dt={day}/{name}"
    if name.endswith(".parquet"):
        out = BytesIO()
        pl.DataFrame(list(records), infer_schema_length=None).write_parquet(out)
        data = out.getvalue()
    else:
        data = b"".join(
            (r if isinstance(r, bytes) else json.dumps(r).encode()) + b"\n" for r in records
        )
        data = gzip.compress(data, mtime=0) if name.endswith(".gz") else data
    store.write_bytes(key, data)
    return key


def run_etl(
    url: str, store: Store, *days: date, runner: str = "FnApiRunner"
) -> list[dict[str, Any]]:
    """Run the ETL of these days; counts of each."""
    counts = []
    with connect(url, "newsrec_etl") as conn, only_one(conn):
        etl = Etl(conn, store, params(), bound_pipeline(runner))
        etl.repair()
        for day in days:
            for _ in etl.day(day):
                pass
            counts.append(etl.counts)
    return counts


def in_postgres(url: str) -> dict[str, list[tuple[object, ...]]]:
    """All rows that the ETL wrote, sorted."""
    tables = {n: e.key for n, e in ENTITIES.items()}
    tables |= {"event_days": "entity, event_id", "dead_letters": "entity, file, line"}
    return {t: query(url, f"SELECT * FROM {t} ORDER BY {key}") for t, key in tables.items()}


def in_parquet(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """All clean rows that readers may see, by entity and day, in the order of the files."""
    rows = {}
    for name in ENTITIES:
        for manifest in partitions.manifests(store, f"clean/{name}"):
            frame = partitions.scan(store, [manifest])
            assert frame is not None
            rows[f"{name} {manifest.day}"] = frame.collect().rows()
    return rows


def all_files(store: Store) -> set[str]:
    """Keys of every file but the landing zone's."""
    return {
        k
        for k in store.keys("")
        if not k.strip("/").startswith(("landing/", "truth/", "counters/"))
    }


def loaded(store: Store, entity: str) -> pl.DataFrame:
    """What a reader of the far future sees."""
    return partitions.load(store, entity, datetime(2100, 1, 1, tzinfo=UTC))


def local_store(folder: Path) -> Store:
    """A store in a folder."""
    return Store((folder / "store").as_uri())


def landing_of_two_days(store: Store) -> None:
    """All forms of files, and every kind of meeting between two days."""
    land(store, "articles", DAY, "a.jsonl.gz", [article("a1"), article("a2", category=" Sport ")])
    land(store, "articles", NEXT, "a.jsonl", [article("a1", title="Corrected"), article("a3")])
    land(store, "users", DAY, "u.jsonl", [user("u1"), user("u2"), b"{broken"])
    land(store, "users", NEXT, "u.jsonl", [user("u2", preferred_categories=["culture"])])
    land(store, "impressions", DAY, "i.parquet", [impression(f"i{n}") for n in range(3)])
    land(store, "impressions", NEXT, "i.jsonl", [impression("i0"), impression("i9", surface="fax")])
    # r1 comes again late, r2 comes again with a corrected clock, r3 is late, and r4 moves: the
    # first day's report of it was received after that of the second day.
    land(store, "reads", DAY, "r.parquet", [read("r1"), read("r2")])
    land(store, "reads", DAY, "s.jsonl", [read("r4", received_at=at(24.1), article_id="a2")])
    again = [read("r1"), read("r2", read_at=at(5, NEXT)), read("r3")]
    moved = read("r4", read_at=at(0.01, NEXT), dwell_seconds=1)
    land(store, "reads", NEXT, "r.jsonl.gz", [*again, read("r5", read_at=at(8, NEXT)), moved])
