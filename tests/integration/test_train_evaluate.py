"""`newsrec train` and `newsrec evaluate` as an operator calls them, on a small simulated world."""

import os
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import psycopg2
import pytest

from newsrec_db import migrate
from newsrec_pipelines import cli
from newsrec_pipelines.evaluation.evaluate_day import SYSTEMS
from newsrec_pipelines.features.examples import training_data
from newsrec_pipelines.models.artifacts import read_manifest
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.settings import Settings
from newsrec_pipelines.store import Store
from newsrec_pipelines.tracking.record import Record, ids
from support.postgres import REPOSITORY

PARAMS = """
extends: {base}
world: {{readers: 150, articles_per_day: 60, visits_per_day: 4}}
"""
KNOWN, JUDGED = "2026-03-03", "2026-03-04"


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: str
) -> Iterator[pytest.MonkeyPatch]:
    """Four days of a small world, trained on the first three before the fourth arrived."""
    var = tmp_path_factory.mktemp("world")
    params = var / "params.yaml"
    params.write_text(PARAMS.format(base=REPOSITORY / "params.yaml"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEWSREC_VAR", str(var))
        patch.setenv("NEWSREC_PARAMS", str(params))
        patch.setenv("DATABASE_URL", _database(postgres_server))
        run("simulate", "days", "--from", "2026-03-01", "--to", JUDGED)
        run("etl", "--from", "2026-03-01", "--to", KNOWN)
        run("train", "--date", KNOWN)
        run("etl", "--date", JUDGED)
        yield patch


@pytest.fixture
def store(world: pytest.MonkeyPatch) -> Store:
    return Store(Settings.from_env(os.environ).store_url)


def test_the_first_model_is_the_champion(store: Store) -> None:
    version = FileRegistry(store).champion()
    manifest = read_manifest(store, version)
    assert version.startswith("20260304-")
    assert f"{manifest.as_of:%Y-%m-%d %H:%M}" == "2026-03-04 00:00"
    assert manifest.created_from["examples"] > 0
    assert not manifest.created_from["sampled_negatives"]


def test_a_training_is_recorded_with_all_that_made_it(store: Store) -> None:
    version = FileRegistry(store).champion()
    manifest = read_manifest(store, version)
    record = next(r for r in _records(store) if r.tags["model_version"] == version)
    assert (record.stage, record.status) == ("train", "finished")
    assert record.name == f"news {version}"
    assert record.data_hash == manifest.data_hash
    assert record.git_commit == manifest.git_commit
    assert record.tags["promoted"] == "True"
    assert record.params["world.readers"] == "150"
    assert record.metrics["rows/examples"] == manifest.created_from["examples"]
    shares = [v for name, v in record.metrics.items() if name.startswith("importance/")]
    assert sum(shares) == pytest.approx(1)
    assert store.read_bytes(record.files["importance.svg"]).startswith(b"<svg ")


def test_what_arrived_later_changes_no_learnt_number(store: Store) -> None:
    registry = FileRegistry(store)
    before = registry.champion()
    # The fourth day has arrived by now; it rewrote partitions by its late events.
    run("train", "--date", KNOWN, "--no-promote")
    versions = registry.versions()
    assert registry.champion() == before
    assert len({_learnt(store, version) for version in versions}) == 1


def test_training_twice_gives_the_same_version_and_bytes(store: Store) -> None:
    run("train", "--date", KNOWN, "--no-promote")
    versions = FileRegistry(store).versions()
    bytes_before = {k: store.read_bytes(k) for k in store.keys("models")}
    run("train", "--date", KNOWN, "--no-promote")
    assert FileRegistry(store).versions() == versions
    assert {k: store.read_bytes(k) for k in store.keys("models")} == bytes_before


def test_the_champion_is_judged_on_the_next_day(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    run("evaluate", "--date", JUDGED)
    printed = capsys.readouterr().out
    made = store.read_json(f"reports/evaluation/{JUDGED}.json")
    assert made["model"] == FileRegistry(store).champion()
    assert made["counts"]["lists evaluated"] > 100
    metrics = {s: {m: v["value"] for m, v in ms.items()} for s, ms in made["metrics"].items()}
    assert set(metrics) == set(SYSTEMS)
    assert {"news", "popularity", "als", "content", "coread", "newest", "random"} <= set(metrics)
    assert all(v is not None for ms in metrics.values() for v in ms.values())
    assert metrics["news"]["auc"] > metrics["random"]["auc"] == 0.5
    assert metrics["news"]["dwell_ndcg@10"] > metrics["random"]["dwell_ndcg@10"]
    assert f"{JUDGED}.html" in printed
    page = store.read_bytes(f"reports/evaluation/{JUDGED}.html").decode()
    assert page.startswith("<!doctype html>")
    record = _records(store)[-1]
    assert (record.stage, record.tags["model_version"]) == ("evaluate", made["model"])
    assert record.metrics["news/auc"] == metrics["news"]["auc"]
    assert record.files[f"{JUDGED}.html"] == f"reports/evaluation/{JUDGED}.html"
    plots = [key for name, key in record.files.items() if name.startswith("plot-")]
    assert len(plots) == page.count("data:image/svg+xml")
    assert all(b"<svg" in store.read_bytes(key) for key in plots)


def test_walking_forward_makes_models_of_its_own_and_saves_none(store: Store) -> None:
    before = store.keys("models")
    run("evaluate", "--from", "2026-03-03", "--to", JUDGED, "--refit-days", "1")
    made = store.read_json(f"reports/evaluation/2026-03-03_{JUDGED}.json")
    assert [d["day"] for d in made["days"]] == ["2026-03-03", JUDGED]
    assert made["model"] == "made anew every day"
    assert store.keys("models") == before
    last = datetime.fromisoformat(f"{JUDGED}T00:00:00+00:00")
    params = Params.load(Path(os.environ["NEWSREC_PARAMS"]))
    assert _records(store)[-1].data_hash == training_data(store, last, params).data_hash
    # On the same day, the same model: training a version and walking forward are one thing.
    run("evaluate", "--date", JUDGED)
    alone = store.read_json(f"reports/evaluation/{JUDGED}.json")
    assert made["days"][1]["metrics"] == alone["days"][0]["metrics"]


def test_a_model_is_never_judged_on_a_day_that_it_knows(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    error = fail(capsys, "evaluate", "--date", KNOWN)
    assert "it cannot be evaluated on 2026-03-03" in error


def test_a_day_on_which_nothing_happened_is_one_line(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "nothing to evaluate by on 2026-05-01" in fail(
        capsys, "evaluate", "--date", "2026-05-01"
    )


def test_training_on_nothing_is_one_line_and_leaves_the_champion(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    before = FileRegistry(store).champion()
    assert "no read is known before" in fail(capsys, "train", "--date", "2026-02-01")
    assert "no read is known before" in fail(
        capsys, "evaluate", "--from", "2026-02-01", "--to", "2026-02-02"
    )
    assert FileRegistry(store).champion() == before
    last = [r for r in _records(store) if r.stage == "train"][-1]
    assert last.status == "failed"
    assert "no read is known before" in str(last.error)


def test_a_version_that_does_not_exist_is_one_line(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("evaluate", "--date", JUDGED, "--model", "20260304-00000000")
    assert "there is no model 20260304-00000000" in fail(capsys, *arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ("evaluate",),
        ("evaluate", "--date", JUDGED, "--from", KNOWN),
        ("evaluate", "--from", KNOWN),
        ("evaluate", "--from", JUDGED, "--to", KNOWN),
        ("evaluate", "--from", KNOWN, "--to", JUDGED, "--model", "20260304-00000000"),
        ("train", "--date", "yesterday"),
        ("train", "--date", KNOWN, "--as-of", "2026-03-04T00:00:00"),
        ("train", "--date", KNOWN, "--as-of", "noon"),
    ],
)
def test_wrong_options_are_answered_with_usage(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _status(*arguments) == 2
    assert "Usage: newsrec" in capsys.readouterr().err


def _records(store: Store) -> list[Record]:
    """Oldest first."""
    return [Record.load(store, i) for i in ids(store)]


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


def _learnt(store: Store, version: str) -> tuple[bytes, ...]:
    # What is told of the version and of the data that it saw is no part of what it learnt.
    told = ("manifest.json", "data.json", "data.dvc")
    keys = [k for k in store.keys(f"models/{version}") if not k.endswith(told)]
    return tuple(store.read_bytes(k) for k in keys)


def _database(server: str) -> str:
    name = f"newsrec_{uuid.uuid4().hex[:12]}"
    connection = psycopg2.connect(f"{server}/postgres")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    connection.close()
    migrate.upgrade(f"{server}/{name}")
    return f"{server}/{name}"
