"""`newsrec gate` on five days of a small world: a first model, refits, a bad and a good one."""

import os
from pathlib import Path
from typing import Any

import pytest

from newsrec_pipelines import cli
from newsrec_pipelines.models.artifacts import read_manifest
from newsrec_pipelines.models.registry import LOG, FileRegistry
from newsrec_pipelines.settings import Settings
from newsrec_pipelines.store import Store
from newsrec_pipelines.tracking.record import Record, ids
from support.postgres import REPOSITORY, query

SMALL = """
extends: {base}
world: {{readers: 120, articles_per_day: 60, visits_per_day: 4}}
als: {{epochs: 4}}
ranker: {{trees: 40}}
training: {{ranker_days: 2, keep_versions: 5}}
backtest: {{bootstrap: 300}}
"""
# Nothing but the last hours' news, where most of what is read is older.
BAD = SMALL + "slate: {{max_age_hours: 6}}\n"
FIRST, SECOND, THIRD, FOURTH, LAST = (f"2026-03-0{n}" for n in range(1, 6))
SLATES = """
SELECT user_id, article_ids, scores, propensities, reasons FROM recommendations
WHERE run_id = (SELECT run_id FROM recommendation_runs ORDER BY published_at DESC LIMIT 1)
ORDER BY user_id
"""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Where the commands work: empty, with the parameters of a small world."""
    for name, text in (("good", SMALL), ("bad", BAD)):
        (tmp_path / f"{name}.yaml").write_text(text.format(base=REPOSITORY / "params.yaml"))
    monkeypatch.setenv("NEWSREC_VAR", str(tmp_path))
    monkeypatch.setenv("NEWSREC_PARAMS", str(tmp_path / "good.yaml"))
    monkeypatch.setenv("GIT_COMMIT", "abc")
    monkeypatch.delenv("STORE_URL", raising=False)
    return Store(Settings.from_env(os.environ).store_url)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_week_of_gates(store: Store, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one test, since each day's champion is what the next day begins with."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    run("simulate", "days", "--from", FIRST, "--to", LAST)
    run("etl", "--from", FIRST, "--to", LAST)
    registry = FileRegistry(store)
    first = _the_first_model(store, registry)
    second = _a_refit_trains_once_and_a_second_gate_does_nothing(store, registry, first)
    third = _a_bad_configuration_is_refused(store, registry, second)
    _a_rollback_gives_the_same_slates(registry, second, third)
    _what_a_person_did_meanwhile_holds(store, registry, second)
    _a_good_configuration_takes_the_place_of_a_bad_one(store, registry)
    _a_gate_that_is_repeated_promotes_nothing_again(store, registry)


def _the_first_model(store: Store, registry: FileRegistry) -> str:
    # Nothing was known before the first day: there is nothing to evaluate.
    run("gate", "train", "--date", FIRST)
    run("gate", "evaluate", "--date", FIRST)
    evaluated = store.read_json(f"models/gates/{FIRST}/evaluated.json")
    assert evaluated["metric"] is None
    assert registry.versions() == []

    run("gate", "run", "--date", SECOND)
    made = report(store, SECOND)
    assert made["decision"]["outcome"] == "promoted"
    assert set(made["evaluation"]["measured"]) == {"challenger", "popularity"}
    assert made["evaluation"]["counts"]["readers evaluated"] > 50
    champion = registry.champion()
    assert read_manifest(store, champion).as_of.date().isoformat() == THIRD
    assert made["trained"]["versions"]["challenger"] != champion
    return champion


def _a_refit_trains_once_and_a_second_gate_does_nothing(
    store: Store, registry: FileRegistry, first: str
) -> str:
    before = set(registry.versions())
    for step in ("train", "evaluate", "decide"):
        run("gate", step, "--date", THIRD)
    made = report(store, THIRD)
    # Of the same code and day: the champion itself stands for its training configuration.
    assert made["trained"]["versions"] == {"champion": first, "refit": first}
    (difference,) = made["evaluation"]["differences"]
    assert difference["all"]["value"] == 0
    (version,) = set(registry.versions()) - before
    assert registry.champion() == version
    assert registry.history()[-1].by == "gate"

    there = content(store)
    run("gate", "run", "--date", THIRD)
    assert content(store) == there
    # Killed between its promotion and its last file.
    store.remove(f"models/gates/{THIRD}/decision.json")
    store.remove(f"reports/gates/{THIRD}.json")
    run("gate", "run", "--date", THIRD)
    assert content(store) == there
    # Killed between its training and its promotion.
    store.remove(f"models/gates/{THIRD}/decision.json")
    store.remove(store.keys(LOG)[-1])
    assert registry.champion() == first
    run("gate", "decide", "--date", THIRD)
    assert registry.champion() == version
    again = content(store)
    assert {k: v for k, v in again.items() if LOG not in k} == {
        k: v for k, v in there.items() if LOG not in k
    }
    return version


def _a_bad_configuration_is_refused(store: Store, registry: FileRegistry, champion: str) -> str:
    good = os.environ["NEWSREC_PARAMS"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEWSREC_PARAMS", good.replace("good", "bad"))
        run("gate", "run", "--date", FOURTH)
    made = report(store, FOURTH)["decision"]
    refused, taken = made["verdicts"]
    assert (refused["system"], refused["passed"]) == ("challenger", False)
    assert "a new configuration must be certainly better" in refused["why"]
    assert (taken["system"], made["winner"], made["outcome"]) == ("refit", "refit", "promoted")
    version = registry.champion()
    assert version != champion
    assert read_manifest(store, version).params["slate"]["max_age_hours"] == 48
    record = [r for r in (Record.load(store, i) for i in ids(store)) if r.stage == "gate"][-1]
    assert record.name == f"gate {FOURTH}"
    assert record.data_hash == read_manifest(store, version).data_hash
    page = store.read_bytes(f"reports/gates/{FOURTH}.html").decode()
    assert "The challenger may not serve" in page
    return version


def _a_rollback_gives_the_same_slates(registry: FileRegistry, old: str, new: str) -> None:
    run("models", "rollback", "--to", old)
    before = _slates()
    run("models", "promote", new, "--why", "again")
    other = _slates()
    versions = registry.versions()
    run("models", "rollback", "--by", "ana", "--why", "worse")
    assert registry.champion() == old
    assert registry.versions() == versions
    assert _slates() == before
    assert before != other
    run("models", "promote", new)


def _what_a_person_did_meanwhile_holds(store: Store, registry: FileRegistry, old: str) -> None:
    run("gate", "train", "--date", LAST)
    run("gate", "evaluate", "--date", LAST)
    run("models", "promote", old)
    run("gate", "decide", "--date", LAST)
    made = report(store, LAST)["decision"]
    assert made["outcome"] == "kept"
    assert "became champion meanwhile" in made["why"]
    assert registry.champion() == old
    store.remove(f"models/gates/{LAST}")


def _a_good_configuration_takes_the_place_of_a_bad_one(
    store: Store, registry: FileRegistry
) -> None:
    good = os.environ["NEWSREC_PARAMS"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEWSREC_PARAMS", good.replace("good", "bad"))
        run("train", "--date", FOURTH)
    bad = registry.champion()
    assert read_manifest(store, bad).params["slate"]["max_age_hours"] == 6

    run("gate", "run", "--date", LAST)
    made = report(store, LAST)
    assert made["trained"]["versions"]["refit"] == bad
    assert made["decision"]["winner"] == "challenger"
    better = made["evaluation"]["differences"][0]["all"]
    assert better["low"] > 0
    champion = read_manifest(store, registry.champion())
    assert champion.params["slate"]["max_age_hours"] == 48
    assert champion.as_of.date().isoformat() == "2026-03-06"
    # Of more than five versions, the newest and the last champions are left.
    assert 5 <= len(registry.versions()) <= 8


def _a_gate_that_is_repeated_promotes_nothing_again(store: Store, registry: FileRegistry) -> None:
    champion, log = registry.champion(), store.keys(LOG)
    store.remove(f"models/gates/{FOURTH}")
    run("gate", "run", "--date", FOURTH)
    assert registry.champion() == champion
    assert [k for k in store.keys(LOG) if k not in log] == []


def test_a_step_without_the_one_before_is_one_line(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    for step in ("evaluate", "decide"):
        assert status("gate", step, "--date", "2026-04-01") == 1
        assert "run newsrec gate train --date 2026-04-01 first" in capsys.readouterr().err


def _slates() -> list[tuple[Any, ...]]:
    run("recommend", "--date", LAST)
    return query(os.environ["DATABASE_URL"], SLATES)


def report(store: Store, day: str) -> dict[str, Any]:
    made: dict[str, Any] = store.read_json(f"reports/gates/{day}.json")
    assert store.read_bytes(f"reports/gates/{day}.html").startswith(b"<!doctype html>")
    return made


def content(store: Store) -> dict[str, bytes]:
    keys = [*store.keys("models"), *store.keys("reports/gates")]
    return {key: store.read_bytes(key) for key in keys}


def run(*arguments: str) -> None:
    assert status(*arguments) == 0


def status(*arguments: str) -> object:
    with pytest.raises(SystemExit) as stopped:
        cli.main(list(arguments))
    return stopped.value.code
