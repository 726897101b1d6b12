"""`newsrec recommend` with the real features and the real model."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from newsrec_pipelines import cli
from newsrec_pipelines.db import connect
from newsrec_pipelines.errors import ModelError
from newsrec_pipelines.features.examples import build_request, training_data
from newsrec_pipelines.models.news import NewsModel
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.rollout.variants import set_variants
from newsrec_pipelines.scoring import slates
from newsrec_pipelines.scoring.evidence import RunManifest
from newsrec_pipelines.scoring.explain import explain
from newsrec_pipelines.scoring.versions import Versions
from newsrec_pipelines.store import Store
from support.fake_model import AS_OF
from support.postgres import REPOSITORY, query
from support.slates import PARAMS, current_run, rows_of, runs
from support.two_days import READERS, write_two_days

_DATE = ("--date", "2026-03-06")


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small clean store of two days and a champion."""
    folder = tmp_path_factory.mktemp("var")
    store = Store((folder / "store").as_uri())
    write_two_days(store)
    data = training_data(store, AS_OF, PARAMS)
    manifest = NewsModel.produce_model(data, PARAMS).save(store, data, "test")
    FileRegistry(store).promote(manifest.version, by="test", why="")
    return folder


def _recommend(*args: str) -> None:
    try:
        cli.main(["--params", str(REPOSITORY / "params.yaml"), "recommend", *args])
    except SystemExit as e:
        if e.code:
            raise


@pytest.fixture
def environment(var: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Settings for the command; the database's URL."""
    monkeypatch.setenv("NEWSREC_VAR", str(var))
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.delenv("STORE_URL", raising=False)
    return database_url


def _fails(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    with pytest.raises(SystemExit) as ended:
        _recommend(*args)
    assert ended.value.code == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


def test_every_reader_gets_a_slate_with_reasons(
    environment: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _recommend(*_DATE)

    run = current_run(environment)
    assert run is not None
    assert run[1] == READERS
    said = capsys.readouterr().out
    assert f"published {run[0]}" in said
    assert "24 readers" in said
    assert "17% cold" in said
    rows = rows_of(environment, run[0])
    for _, variant, articles, scores, propensities, reasons, _ in rows["recommendations"]:
        assert variant == "champion"
        assert len(articles) >= 10
        assert len(articles) == len(scores) == len(propensities) == len(reasons)
        assert all(r["code"] and r["text"] for r in reasons)
    assert rows["similar_articles"]
    assert ("", "") in {(r[0], r[1]) for r in rows["popular_slates"]}


def test_the_same_seed_moment_and_version_give_the_same_slates(environment: str) -> None:
    found = []
    for _ in range(2):
        _recommend(*_DATE)
        run = current_run(environment)
        assert run is not None
        found.append(run[0])

    assert found[0] != found[1]
    assert rows_of(environment, found[0]) == rows_of(environment, found[1])


def test_the_real_models_slates_do_not_depend_on_the_size_of_a_block(var: Path) -> None:
    store = Store((var / "store").as_uri())
    model = NewsModel.load(store, FileRegistry(store).champion())
    request = build_request(store, AS_OF, PARAMS)
    request = replace(request, users=request.users.sort("user_id"))

    (whole,) = slates.predict(model, request, 20, 100)
    parts = list(slates.predict(model, request, 20, 5, threads=2))

    for name in ("slates", "placed"):
        assert pl.concat(getattr(part, name) for part in parts).equals(getattr(whole, name))
    assert whole.slates.height == READERS


def test_every_place_of_the_real_model_can_be_explained(environment: str, var: Path) -> None:
    store = Store((var / "store").as_uri())
    _recommend(*_DATE)

    run = current_run(environment)
    assert run is not None
    manifest = RunManifest.read(store, AS_OF.date(), run[0])
    rows = rows_of(environment, run[0])["recommendations"]
    with connect(environment, "newsrec_reader") as conn:
        for user, _, articles, *_ in (rows[0], rows[-1]):  # one with history, one without
            assert isinstance(articles, list)
            for place, article in enumerate(articles, 1):
                found = explain(conn, store, run[0], str(user), article)
                # `explain` itself refuses contributions that do not sum up to the score.
                assert len(found.ranking.contributions) == len(manifest.ranker.used)
                assert found.sources
                assert found.placement.place == place
    assert manifest.ranker.trees is not None


def test_a_variant_is_scored_by_its_version_and_a_damaged_one_left_out(
    environment: str, var: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store((var / "store").as_uri())
    version = FileRegistry(store).champion()
    shares = {"same": (version, Decimal(50)), "gone": ("20260101-00000000", Decimal(50))}
    with connect(environment, "newsrec_operations") as conn:
        set_variants(conn, shares, by="ana", why="a look")

    _recommend(*_DATE)  # exit status 0: the slates are published, and what follows needs them

    said = capsys.readouterr()
    rows = rows_of(environment, current_run(environment)[0])["recommendations"]  # type: ignore[index]
    champion = {row[0]: row[2:] for row in rows if row[1] == "champion"}
    same = {row[0]: row[2:] for row in rows if row[1] == "same"}
    assert len(champion) == READERS
    assert 0 < len(same) < READERS
    assert same == {user: champion[user] for user in same}  # chance included
    assert f"  same, 50 percent with {version}: {len(same)} readers with " in said.out
    (line,) = [line for line in said.err.splitlines() if line.startswith("newsrec: ")]
    assert line.startswith("newsrec: variant gone has no slates in this run, its readers get the ")
    assert "there is no model 20260101-00000000" in line


def test_a_version_is_loaded_once(var: Path) -> None:
    store = Store((var / "store").as_uri())
    versions = Versions(store)
    version = FileRegistry(store).champion()

    assert versions.load(version) is versions.load(version)
    assert versions.load(version).name == version


def test_a_frozen_version_that_was_changed_makes_no_slates(var: Path) -> None:
    store = Store((var / "store").as_uri())
    registry = FileRegistry(store)
    version = registry.champion()
    key = f"models/{version}/manifest.json"
    was = store.read_bytes(key)
    registry.freeze(version, by="audit", why="approved")
    try:
        store.write_json(key, store.read_json(key) | {"metrics": {}})
        with pytest.raises(ModelError, match="not what was approved"):
            Versions(store).load(version)
    finally:
        store.write_bytes(key, was)
    Versions(store).load(version)


def test_a_later_moment_of_the_day_is_a_run_of_the_same_date(environment: str) -> None:
    _recommend(*_DATE)
    _recommend(*_DATE, "--as-of", "2026-03-06T02:30:00+01:00")

    found = query(environment, "SELECT run_id, as_of FROM recommendation_runs ORDER BY started_at")
    assert str(found[1][0]).startswith("2026-03-06T0130-")
    assert found[1][1] == AS_OF + timedelta(hours=1, minutes=30)


@pytest.mark.parametrize("moment", ["yesterday", "2026-03-06T02:30:00"])
def test_a_moment_without_offset_or_sense_is_refused(moment: str, environment: str) -> None:
    with pytest.raises(SystemExit) as ended:
        _recommend(*_DATE, "--as-of", moment)

    assert ended.value.code == 2
    assert runs(environment) == []


def test_a_day_without_fresh_articles_leaves_the_old_run(
    environment: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _recommend(*_DATE)
    before = current_run(environment)

    assert "no article to recommend at 2026-04-01" in _fails(capsys, "--date", "2026-04-01")

    assert current_run(environment) == before
    assert len(runs(environment)) == 1


def test_a_moment_before_all_data_knows_no_reader(
    environment: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no reader was known before 2026-01-01" in _fails(capsys, "--date", "2026-01-01")


def test_without_a_champion_it_says_how_to_train_one(
    environment: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("NEWSREC_VAR", str(tmp_path))

    assert "newsrec train" in _fails(capsys, *_DATE)


def test_a_dead_database_is_one_line(
    environment: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")

    assert "cannot connect to PostgreSQL" in _fails(capsys, *_DATE)


def test_a_database_without_tables_is_one_line(
    environment: str,
    empty_database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_database_url)

    assert "PostgreSQL" in _fails(capsys, *_DATE)
