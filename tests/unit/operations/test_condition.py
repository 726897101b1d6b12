"""Questions of the orchestrator: yes is 0, no is 99, and what nobody knows is an error."""

from pathlib import Path

import pytest

from newsrec_pipelines import cli
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.store import Store
from support.models import make_version
from support.postgres import REPOSITORY

REPORT = "reports/monitoring/2026-03-05.json"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("NEWSREC_VAR", str(tmp_path))
    monkeypatch.setenv("NEWSREC_PARAMS", str(REPOSITORY / "params.yaml"))
    monkeypatch.delenv("STORE_URL", raising=False)
    return Store((tmp_path / "store").as_uri())


def ask(*arguments: str) -> object:
    with pytest.raises(SystemExit) as end:
        cli.main(["condition", *arguments])
    return end.value.code


@pytest.mark.parametrize(
    ("day", "status"), [("2026-03-04", 99), ("2026-03-05", 0), ("2026-03-06", 99)]
)
def test_a_champion_is_new_on_the_last_day_that_it_knows(
    store: Store, capsys: pytest.CaptureFixture[str], day: str, status: int
) -> None:
    version = make_version(store, "20260306-aaaaaaaa").version  # as of 2026-03-06 00:00
    FileRegistry(store).promote(version, by="test", why="it is the only one")

    assert ask("champion", "--date", day) == status

    assert version in capsys.readouterr().out


@pytest.mark.usefixtures("store")
def test_without_a_champion_nobody_knows() -> None:
    assert ask("champion", "--date", "2026-03-05") == 1


@pytest.mark.parametrize(("action", "status"), [("retrain", 0), ("rollback", 99)])
def test_an_alarm_asks_for_an_action(
    store: Store, capsys: pytest.CaptureFixture[str], action: str, status: int
) -> None:
    alarms = [
        {"name": "readers_drifted", "action": "retrain"},
        {"name": "stale", "action": "none"},
    ]
    store.write_json(REPORT, {"alarms": alarms})

    assert ask("alarm", "--date", "2026-03-05", "--action", action) == status

    assert ("yes: readers_drifted\n" in capsys.readouterr().out) == (status == 0)


@pytest.mark.parametrize("report", [None, {}, {"alarms": [{"name": "x"}]}, []])
def test_a_report_that_is_missing_or_broken_is_no_answer(
    store: Store, capsys: pytest.CaptureFixture[str], report: object
) -> None:
    if report is not None:
        store.write_json(REPORT, report)

    assert ask("alarm", "--date", "2026-03-05", "--action", "retrain") == 1

    assert capsys.readouterr().err.count("\n") == 1
