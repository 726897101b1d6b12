"""`newsrec etl` as an operator calls it: one clear line for everything that can be wrong."""

from pathlib import Path

import pytest

from newsrec_pipelines import cli
from newsrec_pipelines.settings import Settings
from newsrec_pipelines.store import Store
from support.etl import DAY, NEXT, article, land, read
from support.net import free_port
from support.postgres import REPOSITORY, query


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str) -> Store:
    monkeypatch.setenv("NEWSREC_VAR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("NEWSREC_PARAMS", str(REPOSITORY / "params.yaml"))
    return Store(Settings.from_env({"NEWSREC_VAR": str(tmp_path)}).store_url)


def test_a_day_is_processed_once(
    store: Store, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    land(store, "articles", DAY, "a.jsonl", [article("a1"), b"{"])

    assert _etl("--date", str(DAY)) == 0
    first = capsys.readouterr().out
    assert _etl("--date", str(DAY)) == 0

    assert "articles            2 records        1 rows" in first
    assert "1 not JSON" in first
    assert capsys.readouterr().out == f"{DAY}: unchanged, nothing to do\n"
    assert query(database_url, "SELECT count(*) FROM articles") == [(1,)]


def test_a_range_of_days_may_have_gaps(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    land(store, "articles", DAY, "a.jsonl", [article("a1")])
    land(store, "reads", NEXT.replace(day=4), "r.jsonl", [read("r1")])

    assert _etl("--from", "2026-02-01", "--to", "2026-03-31") == 0

    assert f"{NEXT}: nothing arrived" in capsys.readouterr().out


@pytest.mark.usefixtures("store")
def test_an_empty_landing_zone_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert _etl("--date", str(DAY)) == 1

    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"nothing arrived on {DAY}" in error


@pytest.mark.usefixtures("store")
def test_an_empty_hour_may_be_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert _etl("--date", str(DAY), "--allow-empty") == 0

    assert capsys.readouterr().out == f"nothing arrived on {DAY}\n"


def test_a_dead_database_is_one_line(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    land(store, "articles", DAY, "a.jsonl", [article("a1")])
    monkeypatch.setenv("DATABASE_URL", f"postgresql://newsrec@127.0.0.1:{free_port()}/newsrec")

    assert _etl("--date", str(DAY)) == 1

    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "cannot connect to PostgreSQL" in error


def test_an_unknown_runner_is_one_line_and_a_failed_run(
    store: Store, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    land(store, "articles", DAY, "a.jsonl", [article("a1")])

    assert _etl("--date", str(DAY), "--runner", "Marathon") == 1

    assert capsys.readouterr().err == "newsrec: Beam knows no runner 'Marathon'\n"
    assert query(database_url, "SELECT status FROM etl_runs") == [("failed",)]


def test_a_mode_that_loses_rows_is_refused(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    land(store, "articles", DAY, "a.jsonl", [article("a1")])

    mode = ["--beam", "direct_running_mode=multi_threading"]
    assert _etl("--date", str(DAY), "--runner", "DirectRunner", *mode) == 1

    assert "loses rows" in capsys.readouterr().err


def _etl(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        cli.main(["etl", *arguments])
    return int(end.value.code or 0)
