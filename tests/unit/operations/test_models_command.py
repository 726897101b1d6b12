"""`newsrec models`, as an operator calls it, on models of a small town."""

from pathlib import Path

import pytest

from newsrec_pipelines import cli
from newsrec_pipelines.models.news import NewsModel
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.store import Store
from support.factories_models import load_params, make_training_data

DATA = make_training_data(users=8, articles=120)
MODEL = NewsModel.produce_model(DATA, load_params())


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("NEWSREC_VAR", str(tmp_path))
    for variable in ("STORE_URL", "DATABASE_URL", "DATABASE_URL_FILE"):
        monkeypatch.delenv(variable, raising=False)
    return Store((tmp_path / "store").as_uri())


@pytest.fixture
def versions(store: Store) -> list[str]:
    """Three of them, in the order that they were promoted in; the last one serves."""
    made = [MODEL.save(store, DATA, commit).version for commit in ("abc", "def", "012")]
    for version in made:
        FileRegistry(store).promote(version, by="gate", why="not worse")
    return made


def test_a_rollback_is_one_command_and_the_log_says_who_and_why(
    store: Store, versions: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    run("models", "rollback", "--by", "ana", "--why", "strange slates")
    assert FileRegistry(store).champion() == versions[1]
    run("models", "rollback", "--to", versions[2])
    assert FileRegistry(store).champion() == versions[2]
    capsys.readouterr()
    run("models", "history", "--last", "2")
    first, second = capsys.readouterr().out.splitlines()
    assert f"rollback {versions[1]} by ana: strange slates" in first
    assert f"rollback {versions[2]} by " in second
    assert second.endswith(": by hand")


def test_a_list_says_what_each_version_is(
    store: Store, versions: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    run("models", "freeze", versions[0])
    run("models", "challenge", versions[1])
    store.write_bytes("models/20260307-00000000/manifest.json", b"{")
    capsys.readouterr()
    run("models", "list")
    lines = {line.split(" ")[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "2026-03-06 00:00" in lines[versions[0]]
    assert lines[versions[0]].rstrip().endswith("frozen, was champion")
    assert lines[versions[1]].rstrip().endswith("challenger, was champion")
    assert lines[versions[2]].rstrip().endswith(" champion")
    assert "damaged" in lines["20260307-00000000"]


def test_what_cannot_be_loaded_never_serves(
    store: Store, versions: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    store.remove(f"models/{versions[0]}/ranker.json")
    for command in (
        ("promote", versions[0]),
        ("rollback", "--to", versions[0]),
        ("challenge", versions[0]),
        ("freeze", versions[0]),
    ):
        assert "lacks its file ranker.json" in fail(capsys, "models", *command)
    assert FileRegistry(store).champion() == versions[2]
    assert not FileRegistry(store).frozen()


def test_a_version_is_removed_unless_it_serves_or_is_frozen(
    store: Store, versions: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    run("models", "freeze", versions[0])
    assert "it is frozen" in fail(capsys, "models", "remove", versions[0])
    assert "it is the champion" in fail(capsys, "models", "remove", versions[2])
    run("models", "remove", versions[1])
    assert FileRegistry(store).versions() == sorted([versions[0], versions[2]])
    assert f"there is no model {versions[1]}" in fail(capsys, "models", "promote", versions[1])


def test_without_an_earlier_champion_there_is_no_way_back(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    FileRegistry(store).promote(MODEL.save(store, DATA, "abc").version, by="gate", why="first")
    assert "no earlier champion" in fail(capsys, "models", "rollback")


def run(*arguments: str) -> None:
    assert _status(*arguments) == 0


def fail(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert _status(*arguments) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


def _status(*arguments: str) -> object:
    with pytest.raises(SystemExit) as stopped:
        cli.main(list(arguments))
    return stopped.value.code
