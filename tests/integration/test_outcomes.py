"""The prediction history: published slates joined with what happened, and never lost."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from newsrec_pipelines.db import Connection, connect
from newsrec_pipelines.monitoring import outcomes, quality
from newsrec_pipelines.parameters import BacktestParams
from support.outcomes import DAY, Rows
from support.postgres import query

LATE = 3
KEPT = (
    "SELECT run_id, user_id, variant, model_version, article_ids, impressions, clicks, "
    "dwell_seconds FROM slate_outcomes ORDER BY day, run_id, user_id, variant"
)
CHAMPION = ("u1", "champion", "v1", ["a", "b"])


@pytest.fixture
def rows(database_url: str) -> Rows:
    return Rows(database_url)


@pytest.fixture
def conn(database_url: str) -> Iterator[Connection]:
    with connect(database_url, "newsrec_monitoring") as connection:
        yield connection


def test_slates_are_joined_with_their_impressions_clicks_and_dwell(
    rows: Rows, conn: Connection, database_url: str
) -> None:
    other = ("u2", "champion", "v1", ["c"])
    rows.run("r1", [CHAMPION, other, ("u3:x", "challenger", "v2", ["d"])])
    rows.run("failed", [CHAMPION], status="failed")
    rows.shown("i1", "u1", "r1:champion:u1", ["a", "b"])
    rows.shown("i2", "u1", "r1:u1", ["a", "b"], hour=15)  # as older clients name it
    rows.shown("i3", "u3:x", "r1:challenger:u3:x", ["d"], hour=30)  # the email of yesterday
    rows.shown("i4", "u2", "r1:champion:u1", ["c"])  # somebody else's
    rows.shown("i5", "u2", None, ["c"])
    rows.view("u1", "a", "i1", 40.0)
    rows.view("u1", "b", "i2", None, hour=15.1)
    rows.view("u3:x", "d", "i3", None, hour=30.1)
    rows.view("u2", "c", "i5", 99.0)

    assert outcomes.keep(conn, DAY, LATE) == 3

    assert query(database_url, KEPT) == [
        ("r1", "u1", "champion", "v1", ["a", "b"], 2, 2, 40.0),
        ("r1", "u2", "champion", "v1", ["c"], 0, 0, 0.0),
        ("r1", "u3:x", "challenger", "v2", ["d"], 1, 1, None),
    ]


def test_a_view_without_impression_belongs_to_the_last_list_that_showed_it(
    rows: Rows, conn: Connection, database_url: str
) -> None:
    rows.run("r1", [CHAMPION, ("u2", "champion", "v1", ["a"])])
    rows.shown("i1", "u1", "r1:champion:u1", ["a", "b"], hour=8)
    rows.shown("i2", "u1", "r1:champion:u1", ["b"], hour=9)
    rows.view("u1", "a", None, 10.0, hour=10)
    rows.view("u1", "b", None, 20.0, hour=7)  # before it was shown
    rows.shown("i3", "u2", "r1:champion:u2", ["a"], hour=8)
    rows.shown("i4", "u2", None, ["a"], hour=9)  # the front page showed it last
    rows.view("u2", "a", None, 30.0, hour=10)

    outcomes.keep(conn, DAY, LATE)

    assert [r[5:] for r in query(database_url, KEPT)] == [(2, 1, 10.0), (1, 0, 0.0)]


def test_a_second_look_adds_what_came_late_and_writes_nothing_else(
    rows: Rows, conn: Connection, database_url: str
) -> None:
    rows.run("r1", [CHAMPION, ("u2", "champion", "v1", ["c"])])
    rows.shown("i1", "u1", "r1:champion:u1", ["a", "b"])
    rows.view("u1", "a", "i1", 0.1)
    rows.view("u1", "b", "i1", 0.2)
    assert outcomes.keep(conn, DAY, LATE) == 2
    assert outcomes.keep(conn, DAY, LATE) == 0

    rows.shown("i2", "u2", "r1:champion:u2", ["c"], hour=20)
    assert outcomes.keep(conn, DAY, LATE) == 1

    assert [r[5] for r in query(database_url, KEPT)] == [1, 1]


def test_what_was_kept_outlives_the_rows_of_its_run_and_still_learns(
    rows: Rows, conn: Connection, database_url: str
) -> None:
    rows.run("r1", [CHAMPION, ("u2", "champion", "v1", ["c"])])
    outcomes.keep(conn, DAY, LATE)
    rows.prune("r1")
    rows.shown("i1", "u1", "r1:champion:u1", ["a"])

    assert outcomes.keep(conn, DAY, LATE) == 1

    # As it was published, not as it was shown.
    assert [r[4:6] for r in query(database_url, KEPT)] == [(["a", "b"], 1), (["c"], 0)]


def test_of_a_run_pruned_before_anybody_looked_what_was_shown_is_kept(
    rows: Rows, conn: Connection, database_url: str
) -> None:
    rows.run("r1", [CHAMPION], version="v7")
    rows.prune("r1")
    rows.shown("i1", "u1", "r1:champion:u1", ["a"], hour=9)
    rows.shown("i2", "u1", "r1:champion:u1", ["b"], hour=10)
    rows.shown("i3", "u2", "never:champion:u2", ["b"])

    outcomes.keep(conn, DAY, LATE)

    assert query(database_url, KEPT) == [("r1", "u1", "champion", "v7", ["a"], 2, 0, 0.0)]


def test_the_history_of_a_day_whose_events_were_dropped_stays_as_it_is(
    rows: Rows, conn: Connection, database_url: str
) -> None:
    rows.run("r1", [CHAMPION])
    rows.shown("i1", "u1", "r1:champion:u1", ["a"])
    outcomes.keep(conn, DAY, LATE)
    before = query(database_url, KEPT)
    rows.drop_day("impressions", DAY)

    assert outcomes.keep(conn, DAY, LATE) is None
    assert query(database_url, KEPT) == before


def test_old_days_are_dropped_and_no_other(rows: Rows, conn: Connection, database_url: str) -> None:
    for n in range(3):
        rows.run(f"r{n}", [CHAMPION], day=DAY + timedelta(days=n))
        outcomes.keep(conn, DAY + timedelta(days=n), LATE)

    assert outcomes.drop_old(conn, DAY + timedelta(days=1)) == [DAY]
    assert [r[0] for r in query(database_url, KEPT)] == ["r1", "r2"]
    assert outcomes.drop_old(conn, DAY + timedelta(days=1)) == []


def test_realised_quality_is_the_dwell_of_readers_who_saw_a_slate(
    rows: Rows, conn: Connection
) -> None:
    readers = [f"u{n}" for n in range(6)]
    rows.run("r1", [(u, "champion", "v1", ["a", "b"]) for u in readers])
    rows.run("r2", [(u, "challenger", "v2", ["a"]) for u in readers[:1]])
    for n, user in enumerate(readers[:5]):
        rows.shown(f"i{n}", user, f"r1:champion:{user}", ["a", "b"])
    rows.view("u0", "a", "i0", 30.0)
    rows.view("u0", "b", "i0", 10.0)
    rows.view("u1", "a", "i1", 20.0)
    rows.view("u2", "a", "i2", None)  # opened, for nobody knows how long
    outcomes.keep(conn, DAY, LATE)

    found = quality.measure(conn, DAY, BacktestParams(bootstrap=200), seed=7)
    quality.write(conn, DAY, found)
    quality.write(conn, DAY, found)

    champion, challenger = found
    assert (champion.slates, champion.readers, champion.impressions, champion.clicks) == (
        6,
        5,
        5,
        4,
    )
    assert champion.dwell == pytest.approx((40 + 20 + 0 + 0) / 4)
    assert champion.low is not None
    assert champion.high is not None
    assert 0 <= champion.low < 15 < champion.high <= 40
    assert (challenger.slates, challenger.readers, challenger.dwell) == (1, 0, None)
    stored = quality.history(conn, DAY, DAY)
    assert [(q.variant, q.readers, q.dwell) for q in stored] == [
        ("champion", 5, 15.0),
        ("challenger", 0, None),
    ]
