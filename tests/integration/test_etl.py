"""The ETL end to end: files of the landing zone to rows, partitions and dead letters."""

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg2
import pytest

from newsrec_pipelines.db import connect
from newsrec_pipelines.errors import DatabaseError, DataError, NewsrecError
from newsrec_pipelines.etl.run import Etl
from newsrec_pipelines.etl.runners import bound_pipeline
from newsrec_pipelines.etl.runs import only_one
from newsrec_pipelines.etl.staging import StagingArea
from newsrec_pipelines.store import Store
from support.etl import (
    DAY,
    NEXT,
    all_files,
    article,
    at,
    impression,
    in_parquet,
    in_postgres,
    land,
    landing_of_two_days,
    loaded,
    local_store,
    params,
    read,
    run_etl,
    user,
)
from support.postgres import query

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return local_store(tmp_path)


def test_all_forms_of_files_become_the_same_rows(store: Store, database_url: str) -> None:
    for form in ("jsonl", "jsonl.gz", "parquet"):
        land(store, "reads", DAY, f"r.{form}", [read(f"{form}-1"), read(f"{form}-2", batch="x")])

    counts = run_etl(database_url, store, DAY)[0]

    rows = query(
        database_url, "SELECT event_id, read_at, dwell_seconds, extra, available_at FROM reads"
    )
    minute_later = NOON + timedelta(minutes=1)
    assert sorted(rows) == sorted(
        (f"{form}-{n}", NOON, 60.0, extra, minute_later)
        for form in ("jsonl", "jsonl.gz", "parquet")
        for n, extra in ((1, None), (2, {"batch": "x"}))
    )
    assert loaded(store, "reads").height == 6
    assert counts["reads"]["records"] == counts["reads"]["rows"] == 6


def test_dead_letters_say_reason_file_and_line(store: Store, database_url: str) -> None:
    lines = [read("r1"), b"", b"{broken\0", read("r2", read_at="2026-03-01T12:00:00"), read("")]
    text = land(store, "reads", DAY, "r.jsonl", lines)
    rows = land(
        store, "impressions", DAY, "i.parquet", [impression("i1"), impression("i2", surface="fax")]
    )

    counts = run_etl(database_url, store, DAY)[0]

    dead = query(
        database_url,
        "SELECT entity, file, line, reason FROM dead_letters ORDER BY entity, line",
    )
    assert dead[0] == ("impressions", rows, 2, "surface: none of site, app, email")
    assert [(file, line) for _, file, line, _ in dead[1:]] == [(text, n) for n in (3, 4, 5)]
    assert str(dead[1][3]).startswith("not JSON")
    assert [reason for *_, reason in dead[2:]] == [
        "read_at: time without offset",
        "event_id: empty",
    ]
    assert query(database_url, "SELECT record FROM dead_letters WHERE line = 3") == [
        ("{broken\ufffd",)
    ]
    assert counts["reads"]["dead_letters"]["event_id: empty"] == 1
    stored = query(database_url, "SELECT counts -> 'reads' -> 'records' FROM etl_runs")
    assert stored == [(4,)]


def test_the_same_input_twice_leaves_the_same_rows(store: Store, database_url: str) -> None:
    landing_of_two_days(store)
    run_etl(database_url, store, DAY, NEXT)
    once = in_postgres(database_url), in_parquet(store), all_files(store)

    run_etl(database_url, store, NEXT, DAY, NEXT)

    assert (in_postgres(database_url), in_parquet(store), all_files(store)) == once


def test_counters_that_were_removed_are_counted_again(store: Store, database_url: str) -> None:
    landing_of_two_days(store)
    run_etl(database_url, store, DAY, NEXT)
    once = all_files(store)
    store.remove("counters")

    run_etl(database_url, store, DAY, NEXT)

    assert all_files(store) == once


def test_days_in_any_order_leave_the_same_rows(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    landing_of_two_days(store)
    run_etl(database_url, store, NEXT, DAY)
    backwards = in_postgres(database_url), in_parquet(store)
    _empty(database_url)
    other = local_store(tmp_path / "other")
    landing_of_two_days(other)

    run_etl(database_url, other, DAY, NEXT)

    assert (in_postgres(database_url), in_parquet(other)) == backwards
    days = query(database_url, "SELECT event_id, day FROM event_days WHERE entity = 'reads'")
    assert dict(days) == {"r1": DAY, "r2": DAY, "r3": DAY, "r4": NEXT, "r5": NEXT}
    assert loaded(other, "articles")["title"].to_list() == [
        "Corrected",
        "Title of a2",
        "Title of a3",
    ]


def test_events_and_parquet_agree_with_postgres(store: Store, database_url: str) -> None:
    landing_of_two_days(store)
    run_etl(database_url, store, DAY, NEXT)

    for entity, key in (("reads", "event_id"), ("impressions", "impression_id")):
        rows = query(database_url, f"SELECT {key}, available_at, batch_id FROM {entity} ORDER BY 1")
        frame = loaded(store, entity).sort(key)
        assert frame.select(key, "available_at", "batch_id").rows() == rows


def test_more_files_of_the_same_day_are_added(store: Store, database_url: str) -> None:
    land(store, "reads", DAY, "a.jsonl", [read("r1"), b"x"])
    first = run_etl(database_url, store, DAY)[0]
    land(store, "reads", DAY, "b.jsonl", [read("r1", dwell_seconds=1), read("r2")])

    run_etl(database_url, store, DAY)

    assert first["reads"]["rows"] == 1
    rows = query(database_url, "SELECT event_id, dwell_seconds FROM reads ORDER BY 1")
    assert rows == [("r1", 1.0), ("r2", 60.0)]
    assert loaded(store, "reads")["dwell_seconds"].to_list() == [1.0, 60.0]
    assert query(database_url, "SELECT count(*) FROM dead_letters") == [(1,)]


def test_a_lost_partition_is_made_again(store: Store, database_url: str) -> None:
    landing_of_two_days(store)
    run_etl(database_url, store, DAY, NEXT)
    expected = in_parquet(store)
    store.remove(f"clean/users/day={NEXT}")

    run_etl(database_url, store, DAY, NEXT)

    assert in_parquet(store) == expected


@pytest.mark.parametrize("name", ["r.jsonl.gz", "r.parquet", "r.csv"])
def test_a_broken_file_is_one_line_and_changes_nothing(
    name: str, store: Store, database_url: str
) -> None:
    land(store, "reads", DAY, "good.jsonl", [read("r1")])
    run_etl(database_url, store, DAY)
    before = in_postgres(database_url), in_parquet(store), all_files(store)
    key = f"landing/reads/dt={DAY}/{name}"
    whole = gzip.compress(b'{"event_id": "r2"}\n' * 1000)
    store.write_bytes(key, whole[: len(whole) // 2])

    with pytest.raises(DataError, match=key) as error:
        run_etl(database_url, store, DAY)

    assert "\n" not in str(error.value)
    assert (in_postgres(database_url), in_parquet(store), all_files(store)) == before


def test_an_unreadable_record_in_a_good_file_does_not_stop_the_others(
    store: Store, database_url: str
) -> None:
    bad = [
        user("u1"),
        user("u2\0"),
        user("u3", email="e\0", x={"a": "b\0\\u0000"}),
        user("u" * 5000),
    ]
    land(store, "users", DAY, "u.jsonl", bad)
    land(
        store,
        "articles",
        DAY,
        "a.jsonl",
        [article("a1", tags=['q"', "b\\", "", "c,}"], title='"\r\n\\')],
    )

    counts = run_etl(database_url, store, DAY)[0]

    rows = query(database_url, "SELECT user_id, email, extra FROM users ORDER BY 1")
    assert rows == [("u1", None, None), ("u3", "e\ufffd", {"x": {"a": "b\ufffd\\u0000"}})]
    assert query(database_url, "SELECT tags, title FROM articles") == [
        (['q"', "b\\", "", "c,}"], '"\r\n\\')
    ]
    assert sorted(counts["users"]["dead_letters"]) == [
        "user_id: NUL character",
        "user_id: longer than 1000 bytes",
    ]


def test_regions_of_articles_are_names_and_may_be_missing(store: Store, database_url: str) -> None:
    scoped = article("a2", regions=[" Africa ", "latin_america"])
    land(store, "articles", DAY, "a.jsonl", [article("a1"), scoped, article("a3", regions=[])])

    run_etl(database_url, store, DAY)

    expected = [("a1", None), ("a2", ["africa", "latin_america"]), ("a3", [])]
    rows = query(database_url, "SELECT article_id, regions FROM articles ORDER BY 1")
    assert rows == expected
    assert loaded(store, "articles").select("article_id", "regions").rows() == expected


def test_too_late_and_future_events_are_dead_letters(store: Store, database_url: str) -> None:
    late = [read(f"r{n}", read_at=at(12, DAY - timedelta(days=n))) for n in range(6)]
    land(
        store,
        "reads",
        DAY,
        "r.jsonl",
        [*late, read("soon", read_at=at(24.1)), read("far", read_at=at(24.2))],
    )

    run_etl(database_url, store, DAY)

    rows = dict(query(database_url, "SELECT event_id, available_at FROM reads"))
    end = datetime(2026, 3, 2, tzinfo=UTC)
    assert sorted(rows) == ["r0", "r1", "r2", "r3", "soon"]
    assert rows["r1"] == rows["r3"] == end - timedelta(microseconds=1)
    assert rows["soon"] == end + timedelta(minutes=7)
    assert query(database_url, "SELECT count(*) FROM dead_letters") == [(3,)]


def test_a_sink_that_fails_is_one_line_and_changes_nothing(
    store: Store,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    land(store, "reads", DAY, "a.jsonl", [read("r1")])
    run_etl(database_url, store, DAY)
    land(store, "reads", DAY, "b.jsonl", [read("r2")])
    before = in_postgres(database_url), in_parquet(store), all_files(store)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(StagingArea, "write", full)
    with pytest.raises(NewsrecError, match=r"pipeline failed: .*No space left") as error:
        run_etl(database_url, store, DAY)

    assert "\n" not in str(error.value)
    assert "Traceback" not in caplog.text
    assert (in_postgres(database_url), in_parquet(store), all_files(store)) == before
    statuses = query(database_url, "SELECT status FROM etl_runs ORDER BY started_at")
    assert statuses == [("finished",), ("failed",)]


def test_an_error_while_loading_changes_nothing(store: Store, database_url: str) -> None:
    land(store, "reads", DAY, "a.jsonl", [read("r1")])
    run_etl(database_url, store, DAY)
    land(store, "reads", DAY, "b.jsonl", [read("r2")])
    before = in_postgres(database_url), in_parquet(store), all_files(store)

    with connect(database_url, "newsrec_etl") as conn, only_one(conn):
        steps = Etl(conn, store, params(), bound_pipeline("FnApiRunner")).day(DAY)
        for step in steps:
            if step == "written":
                break
        steps.close()  # type: ignore[attr-defined]

    assert (in_postgres(database_url), in_parquet(store), all_files(store)) == before
    assert len(query(database_url, "SELECT 1 FROM etl_runs WHERE status = 'failed'")) == 1


def test_another_etl_at_the_same_time_is_refused(store: Store, database_url: str) -> None:
    with (
        connect(database_url, "newsrec_etl") as one,
        only_one(one),
        connect(database_url, "newsrec_etl") as two,
        pytest.raises(DatabaseError, match="another newsrec etl"),
        only_one(two, patience_seconds=0.1),
    ):
        pass


def test_processes_beside_each_other_leave_the_same_rows(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    landing_of_two_days(store)
    run_etl(database_url, store, DAY)
    expected = in_postgres(database_url), in_parquet(store)
    _empty(database_url)
    other = local_store(tmp_path / "other")
    landing_of_two_days(other)

    run_etl(database_url, other, DAY, runner="DirectRunner")

    assert (in_postgres(database_url), in_parquet(other)) == expected


def _empty(url: str) -> None:

    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE articles, users, impressions, reads, event_days, dead_letters, etl_runs"
        )
    connection.close()
