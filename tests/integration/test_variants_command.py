"""`newsrec variants`: shares are set and ended whole, recorded, and never more than everybody."""

import threading
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import psycopg2
import pytest

from newsrec_pipelines import cli
from newsrec_pipelines.db import connect
from newsrec_pipelines.errors import ConfigError
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.rollout.variants import active, end_variant, set_variants
from newsrec_pipelines.store import Store
from support.fake_model import AS_OF
from support.models import make_version
from support.postgres import query
from support.slates import fake_version, publish

Run = Callable[..., str]
_HISTORY = (
    "SELECT name, model_version, percent, set_by, set_why, ended_by, ended_why FROM variants "
    "ORDER BY set_at"
)

_WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND application_name = 'newsrec_operations' AND wait_event_type = 'Lock'"
)


@pytest.fixture
def store(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store with a champion, a challenger and one more, which the commands find."""
    made = Store((tmp_path / "store").as_uri())
    for version in ("m1", "m2", "m3"):
        make_version(made, version)
    registry = FileRegistry(made)
    registry.promote("m1", by="tests", why="the first")
    registry.challenge("m2", by="tests", why="perhaps better")
    monkeypatch.setenv("NEWSREC_VAR", str(tmp_path))
    monkeypatch.setenv("STORE_URL", made.url)
    monkeypatch.setenv("DATABASE_URL", database_url)
    return made


@pytest.fixture
def run(store: Store, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `newsrec variants` and returns what it printed, or its one line of complaint."""

    def variants(*arguments: str, status: int = 0) -> str:
        with pytest.raises(SystemExit) as ended:
            cli.main(["variants", *arguments])
        assert ended.value.code == status
        printed = capsys.readouterr()
        if status == 0:
            assert printed.err == ""
            return printed.out
        assert printed.out == ""
        if status == 1:
            assert printed.err.count("\n") == 1
        return printed.err

    return variants


def test_a_share_is_set_changed_and_ended_and_all_of_it_stays_on_record(
    run: Run, database_url: str
) -> None:
    assert "every reader gets the champion's slates" in run("list")
    said = run("set", "challenger=10", "--by", "ana", "--why", "a look")
    assert said == "challenger: 10 percent with m2\n"
    assert "nothing to change" in run("set", "challenger=10.0", "--by", "ben")
    run("set", "challenger@m3=12.5", "--by", "ben", "--why", "another look")
    assert run("end", "challenger", "--by", "eve", "--why", "too slow") == (
        "challenger: ended, its readers are the champion's again\n"
    )

    assert query(database_url, _HISTORY) == [
        ("challenger", "m2", Decimal("10.00"), "ana", "a look", "ben", "another look"),
        ("challenger", "m3", Decimal("12.50"), "ben", "another look", "eve", "too slow"),
    ]
    began = query(database_url, "SELECT count(DISTINCT began_at) FROM variants")
    assert began == [(1,)]  # a change begins nothing new: nobody moves who need not


def test_zero_percent_end_a_variant(run: Run, database_url: str) -> None:
    run("set", "a@m2=10", "b@m3=20")

    assert run("set", "a=0", "--why", "over") == "a: ended, its readers are the champion's\n"

    with connect(database_url, "newsrec_reader") as conn:
        assert [(v.name, v.percent) for v in active(conn)] == [("b", 20)]
    assert "a: nothing to change" in run("set", "a=0")


def test_a_variant_that_comes_back_has_the_version_it_had(run: Run) -> None:
    run("set", "b@m3=5")
    run("end", "b")

    assert run("set", "b=7") == "b: 7 percent with m3\n"
    assert run("set", "b=8") == "b: 8 percent with m3\n"


def test_challenger_is_the_registrys_at_the_moment(run: Run, store: Store) -> None:
    run("set", "challenger=5")
    FileRegistry(store).challenge("m3", by="tests", why="newer")

    assert run("list").startswith("challenger: 5 percent with m2")
    assert run("set", "challenger=5") == "challenger: 5 percent with m3\n"


@pytest.mark.parametrize(
    ("shares", "complaint"),
    [
        (["b@m9=10"], "there is no model m9 in "),
        (["b@../m1=10"], "there is no model ../m1"),
        (["b=10"], "which model? say b@VERSION=10"),
        (["a@m2=60", "b@m3=40.01"], "more than 100 percent: a 60, b 40.01, good 1"),
        (["a@m2=100.01"], "a=100.01: a percentage, with two decimals at most"),
        (["a@m2=0.001"], "a=0.001: a percentage, with two decimals at most"),
        (["a@m2=1", "a@m3=1"], "the same variant is named twice"),
        (["champion@m2=10"], "'champion' is no name of a variant"),
        (["A@m2=10"], "'A' is no name of a variant"),
        ([f"{'a' * 33}@m2=10"], "is no name of a variant"),
    ],
)
def test_what_cannot_be_is_one_line_and_changes_nothing(
    run: Run, database_url: str, shares: list[str], complaint: str
) -> None:
    run("set", "good@m3=1")
    before = query(database_url, _HISTORY)

    assert complaint in run("set", *shares, status=1)

    assert query(database_url, _HISTORY) == before


@pytest.mark.parametrize("share", ["b", "b=", "b=ten", "b=-1", "b@=1", "=1", "b=1=2"])
def test_what_is_no_share_is_a_wrong_call(run: Run, share: str) -> None:
    assert "is not NAME[@VERSION]=PERCENT" in run("set", "--", share, status=2)


def test_ending_what_does_not_hold_says_what_does(run: Run) -> None:
    assert "no variant b holds: there is none" in run("end", "b", status=1)
    run("set", "a@m2=1")
    assert "no variant b holds: there are a" in run("end", "b", status=1)


def test_two_at_once_never_take_more_than_everybody(database_url: str) -> None:
    refused: list[ConfigError] = []

    def take(name: str) -> None:
        with connect(database_url, "newsrec_operations") as conn:
            try:
                set_variants(conn, {name: ("m1", Decimal(60))}, by=name, why="mine")
            except ConfigError as e:
                refused.append(e)

    # Neither is done when the other one begins: both wait for somebody else.
    holder = psycopg2.connect(database_url)
    with holder, holder.cursor() as cursor:
        cursor.execute("LOCK TABLE variants IN SHARE ROW EXCLUSIVE MODE")
        threads = [threading.Thread(target=take, args=(name,)) for name in ("a", "b")]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 250
        while query(database_url, _WAITING) != [(2,)]:
            assert time.monotonic() < deadline, "they do not come"
            time.sleep(0.02)
    for thread in threads:
        thread.join()
    holder.close()

    assert len(refused) == 1
    assert query(database_url, "SELECT sum(percent) FROM variants WHERE ended_at IS NULL") == [
        (Decimal(60),)
    ]


def test_a_program_ends_a_variant_once(database_url: str) -> None:
    with connect(database_url, "newsrec_operations") as conn:
        set_variants(conn, {"b": ("m2", Decimal(10))}, by="ana", why="a look")

        assert end_variant(conn, "b", "newsrec monitor", "25% below the champion's")
        assert not end_variant(conn, "b", "newsrec monitor", "again")

    assert query(database_url, _HISTORY)[0][5:] == ("newsrec monitor", "25% below the champion's")


def test_the_list_tells_slates_and_realised_dwell(run: Run, database_url: str) -> None:
    run("set", "b@m2=50", "--by", "ana", "--why", "a look")
    assert "no run is published" in run("list")
    with connect(database_url, "newsrec_reader") as conn:
        (variant,) = active(conn)
    publish(database_url, variants={variant: lambda: fake_version(name="m2")})
    owner = psycopg2.connect(database_url)
    with owner, owner.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO realised_quality VALUES (%s, %s, %s, 1, %s, 1, 1, %s, %s, %s)",
            [
                (AS_OF.date(), "m2", "b", 40, 31.5, 28.0, 35.0),
                (AS_OF.date(), "m1", "champion", 400, 30.0, 29.0, 31.0),
                (AS_OF.date(), "m0", "champion", 4, 3.0, 2.0, 3.0),
                (AS_OF.date(), "m9", "b", 4, 3.0, None, None),  # had the name before
            ],
        )
    owner.close()

    told = run("list")

    assert told.startswith("b: 50 percent with m2, since ")
    assert "by ana: a look\n" in told
    slates = query(database_url, "SELECT count(*) FROM recommendations WHERE variant = 'b'")[0][0]
    assert 0 < int(str(slates)) < 9
    assert f"  {slates} of 9 readers have a slate of it in run 2026-03-06T0000-fake-" in told
    assert told.endswith(
        "  2026-03-06: 31.5 s a reader (28.0 to 35.0), 40 readers; "
        "champion 30.0 s a reader (29.0 to 31.0), 400 readers\n"
    )
