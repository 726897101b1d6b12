"""`newsrec explain`: its parts sum up to the score; what cannot be told is said in one line."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import psycopg2
import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker

from newsrec_pipelines import cli
from newsrec_pipelines.store import Store
from support.fake_model import FakeModel, FittedModel, fitted_ranker
from support.postgres import REPOSITORY
from support.slates import REQUEST, publish

DOCUMENT = yaml.safe_load((REPOSITORY / "contracts/openapi.yaml").read_text())


@pytest.fixture
def store(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store that the command finds by its settings."""
    store = Store((tmp_path / "store").as_uri())
    monkeypatch.setenv("NEWSREC_VAR", str(tmp_path))
    monkeypatch.setenv("STORE_URL", store.url)
    monkeypatch.setenv("DATABASE_URL", database_url)
    return store


def _explain(run: str, user: str = "u01", article: str = "a000", *options: str) -> None:
    arguments = ["explain", "--run", run, "--user", user, "--article", article, *options]
    try:
        cli.main(arguments)
    except SystemExit as e:
        if e.code:
            raise


def _explained(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    _explain(*arguments, "--json")
    explained: dict[str, Any] = json.loads(capsys.readouterr().out)
    return explained


def _fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        _explain(*arguments)
    assert ended.value.code == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    return str(line)


def _placed() -> pl.DataFrame:
    return FittedModel().block(REQUEST).placed


@pytest.mark.parametrize("place", [1, 4, 20])
def test_contributions_sum_up_to_the_score_of_the_slate(
    place: int, database_url: str, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    run = publish(database_url, FittedModel(), store=store).run_id
    row = _placed().row(
        by_predicate=(pl.col("user_id") == "u01") & (pl.col("place") == place), named=True
    )

    found = _explained(capsys, run, "u01", row["article_id"])

    ranking = found["ranking"]
    parts = {c["feature"]: c for c in ranking["contributions"]}
    total = ranking["base"] + sum(c["contribution"] for c in parts.values())
    assert total == pytest.approx(ranking["score"], abs=1e-6)
    assert ranking["score"] == row["score"]
    assert set(parts) == {"newness", "chosen", "noise"}  # `unseen` is not looked at
    assert {n: c["value"] for n, c in parts.items()} == {n: row[n] for n in parts}
    sizes = [abs(c["contribution"]) for c in ranking["contributions"]]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 0
    assert found["sources"] == row["sources"]
    assert found["placement"] == {
        "place": place,
        "step": "explored" if place == 4 else "ranked",
        "propensity": pytest.approx(0.05 if place == 4 else 1.0),
    }


def test_it_tells_model_data_publisher_and_the_readers_sentence(
    database_url: str, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    run = publish(database_url, FittedModel(), store=store).run_id

    rated = _explained(capsys, run, "u02", "a003")
    unrated = _explained(capsys, run, "u00", "a006")

    assert rated["article"] == {
        "article_id": "a003",
        "title": None,
        "publisher": "publisher 3",
        "reliability": 0.4,
        "rated": True,
    }
    assert unrated["article"]["reliability"] == 0.7
    assert not unrated["article"]["rated"]
    assert unrated["reason"] == {"code": "chosen_category", "text": "chosen_category in sports"}
    assert (unrated["model_version"], unrated["data_hash"]) == ("fake", "data-of-the-fake")
    assert unrated["as_of"] == "2026-03-06T00:00:00Z"
    schema = {"$ref": "#/components/schemas/Explanation", "components": DOCUMENT["components"]}
    for found in (rated, unrated):
        Draft202012Validator(schema, format_checker=FormatChecker()).validate(found)


def test_a_ranker_that_was_not_fitted_is_explained_too(
    database_url: str, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    run = publish(database_url, FakeModel(), store=store).run_id

    ranking = _explained(capsys, run, "u00", "a006")["ranking"]

    assert ranking["base"] == 0.0
    assert [c["feature"] for c in ranking["contributions"]] == ["chosen", "newness"]
    assert ranking["contributions"][0] == {"feature": "chosen", "value": 1.0, "contribution": 1.0}


def test_it_prints_the_steps_for_people(
    database_url: str, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    run = publish(database_url, FittedModel(), store=store).run_id

    _explain(run, "u00", "a006")

    said = capsys.readouterr().out
    assert "she was told: chosen_category in sports" in said
    assert "publisher publisher 6, reliability 0.70 (not rated)" in said
    assert "1. found by content, fresh\n" in said
    assert "\n2. scored " in said
    assert " chosen = 1\n" in said
    assert "3. ranked: place 1, propensity 1\n" in said


def test_what_cannot_be_told_is_said_in_one_line(
    database_url: str, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    run = publish(database_url, store=store).run_id

    assert "there is no run nowhere" in _fails(capsys, "nowhere")
    assert f"run {run} has no slate for reader u99" in _fails(capsys, run, "u99")
    assert "article a000 is not in the slate of reader u00" in _fails(capsys, run, "u00", "a000")
    assert "article zzz is not in the slate" in _fails(capsys, run, "u00", "zzz")


def test_runs_that_failed_or_were_dropped_are_said_to_be_so(
    database_url: str, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    run = publish(database_url, store=store).run_id
    owner = psycopg2.connect(database_url)
    with owner, owner.cursor() as cursor:
        cursor.execute("SELECT drop_run_partitions(%s)", (run,))
    assert f"what run {run} was made of has been dropped" in _fails(capsys, run)
    with owner, owner.cursor() as cursor:
        cursor.execute("UPDATE recommendation_runs SET status = 'failed'")
    owner.close()

    assert f"run {run} was not published: it is failed" in _fails(capsys, run)


def test_a_kind_that_does_not_tell_is_one_line(
    database_url: str, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    run = publish(database_url, store=store).run_id
    key = f"runs/2026-03-06/{run}/champion/manifest.json"
    nothing = {"columns": [], "used": [], "trees": None, "summed": []}
    store.write_json(key, store.read_json(key) | {"ranker": nothing})
    assert "of a kind whose scores cannot be explained" in _fails(capsys, run)


def test_damaged_files_are_never_explained_away(
    database_url: str, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    run = publish(database_url, FittedModel(), store=store).run_id
    folder = f"runs/2026-03-06/{run}/champion"
    rows = store.read_bytes(f"{folder}/placed-0.parquet")

    other = fitted_ranker().text.replace("leaf_value=-", "leaf_value=")
    store.write_bytes(f"{folder}/trees.txt", other.encode())
    assert "trees.txt is not the file that was kept" in _fails(capsys, run, "u00", "a006")
    store.write_bytes(f"{folder}/trees.txt", fitted_ranker().text.encode())

    frame = pl.read_parquet(rows).with_columns(pl.col("newness") - 1)
    frame.write_parquet(Path(store.path(f"{folder}/placed-0.parquet")))
    assert "but the slate was made with" in _fails(capsys, run, "u00", "a006")

    store.write_bytes(f"{folder}/placed-0.parquet", rows[:1000])
    assert "placed-0.parquet cannot be read" in _fails(capsys, run, "u00", "a006")
    store.remove(f"{folder}/placed-0.parquet")
    assert "placed-0.parquet cannot be read" in _fails(capsys, run, "u00", "a006")
    store.remove(f"{folder}/manifest.json")
    assert "no file runs/2026-03-06" in _fails(capsys, run, "u00", "a006")
