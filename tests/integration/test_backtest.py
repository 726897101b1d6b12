"""`newsrec backtest` as an operator calls it: on a small world, and on official files alone."""

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import psycopg2
import pytest

from newsrec_db import migrate
from newsrec_pipelines import cli
from newsrec_pipelines.evaluation import backtest as module
from newsrec_pipelines.evaluation import day as day_module
from newsrec_pipelines.evaluation.descriptions import SYSTEMS
from newsrec_pipelines.features.examples import examples, with_features
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.settings import Settings
from newsrec_pipelines.store import Store
from support import official_weeks
from support.postgres import REPOSITORY

PARAMS = """
extends: {base}
world: {{readers: 150, articles_per_day: 60, visits_per_day: 4}}
ranker: {{trees: 30, threads: 1}}
als: {{epochs: 3}}
backtest: {{bootstrap: 60}}
"""
FIRST, LAST = "2026-03-04", "2026-03-05"


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: str
) -> Iterator[pytest.MonkeyPatch]:
    """Five days of a small world."""
    with environment(tmp_path_factory.mktemp("world"), postgres_server) as patch:
        run("simulate", "days", "--from", "2026-03-01", "--to", LAST)
        run("etl", "--from", "2026-03-01", "--to", LAST)
        yield patch


@pytest.fixture(scope="module")
def result(world: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The last two days, a model a day."""
    out = tmp_path_factory.mktemp("out") / "found.json"
    run("backtest", "--from", FIRST, "--to", LAST, "--out", str(out))
    return json.loads(out.read_text())


def test_both_modes_have_all_systems_with_intervals(result: dict[str, Any]) -> None:
    assert set(result["modes"]) == {"impressions", "daily"}
    for mode in result["modes"].values():
        assert set(mode["systems"]) == set(SYSTEMS)
        for estimates in mode["systems"].values():
            assert list(estimates) == mode["metrics"]
            for metric, found in estimates.items():
                if metric != "coverage":
                    assert found["low"] <= found["value"] <= found["high"]
        assert [d["day"] for d in mode["days"]] == [FIRST, LAST]
    assert result["modes"]["impressions"]["systems"]["random"]["auc"]["value"] == 0.5
    assert result["leaks"] == {"moments": 14, "found": 0}
    # Readers of this world saw front pages, never a slate of ours.
    assert "left to chance" in result["off_policy"]["missing"]


def test_every_part_of_ours_is_switched_off_once(result: dict[str, Any]) -> None:
    for name, kinds in (
        ("impressions", {"features", "scorer"}),
        ("daily", {"features", "scorer", "source"}),
    ):
        rows = result["modes"][name]["ablation"]
        assert {row["kind"] for row in rows} == kinds
        assert len({(row["kind"], row["without"]) for row in rows}) == len(rows)
    without = {row["without"]: row for row in result["modes"]["impressions"]["ablation"]}
    assert {"age", "clicks", "exposure_history", "als", "content"} <= set(without)
    assert any(row["differences"]["auc"]["value"] > 0 for row in without.values())


def test_ours_beats_chance_where_readers_have_tastes(result: dict[str, Any]) -> None:
    lists, slates = result["modes"]["impressions"], result["modes"]["daily"]
    assert lists["differences"]["random"]["auc"]["low"] > 0
    assert slates["differences"]["random"]["dwell_ndcg@10"]["low"] > 0


def test_the_same_back_test_gives_the_same_numbers(result: dict[str, Any], tmp_path: Path) -> None:
    out = tmp_path / "again.json"
    run("backtest", "--from", FIRST, "--to", LAST, "--no-ablation", "--out", str(out))
    again = json.loads(out.read_text())
    for mode in ("impressions", "daily"):
        assert again["modes"][mode]["systems"] == result["modes"][mode]["systems"]
        assert again["modes"][mode]["ablation"] == []
    assert out.with_suffix(".html").read_text().startswith("<!doctype html>")


def test_what_arrives_later_changes_no_model(
    world: pytest.MonkeyPatch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The model of the second day learns from the lists of the first: by labels known at midnight.
    made = []
    learnt = module.Walk.made_at

    def watched(walk: module.Walk, start: Any) -> Any:
        made.append(learnt(walk, start))
        return made[-1]

    monkeypatch.setattr(module.Walk, "made_at", watched)
    run("backtest", "--from", FIRST, "--to", LAST, "--no-ablation", "--mode", "impressions")
    fitted = made[1].ranker_training_sets[-1].examples
    midnight = made[1].data.as_of
    assert str(made[1].ranker_training_sets[-1].day) == FIRST
    fresh, _ = examples(store(), midnight, params(), midnight - timedelta(days=1), midnight)
    key = ["impression_id", "article_id"]
    both = fitted.join(fresh, on=key, suffix="_fresh")
    assert both.height == fitted.height == fresh.height
    assert both["clicked"].equals(both["clicked_fresh"], check_names=False)


def test_a_planted_leak_is_caught(
    world: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    later = timedelta(hours=3)

    def leaky(*arguments: Any) -> tuple[pl.DataFrame, bool]:
        rows, sampled = examples(*arguments)
        as_of, known_params = arguments[1], arguments[2]
        shifted = rows.with_columns(pl.col("asked_at") + later)
        made = with_features(arguments[0], shifted, known_params, as_of)
        return made.with_columns(pl.col("asked_at") - later), sampled

    monkeypatch.setattr(day_module, "examples", leaky)
    error = fail(capsys, "backtest", "--from", LAST, "--to", LAST, "--no-ablation")
    assert "features know the future" in error
    assert "clicks_" in error


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "2026-03-20", "--to", "2026-03-20"), "nothing to evaluate by on 2026-03-20"),
        (
            ("--from", "2026-05-01", "--to", "2026-05-02", "--mode", "impressions"),
            "no impression from 2026-05-01 to 2026-05-02",
        ),
        (("--from", "2026-02-01", "--to", "2026-02-02"), "no read is known before"),
    ],
)
def test_a_span_without_anything_is_one_line(
    world: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    said: str,
) -> None:
    assert said in fail(capsys, "backtest", *arguments, "--no-ablation")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--from", LAST, "--to", FIRST),
        ("--from", FIRST, "--to", LAST, "--train-until", FIRST),
        ("--from", FIRST),
        ("--from", FIRST, "--to", LAST, "--mode", "weekly"),
    ],
)
def test_wrong_options_are_answered_with_usage(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _status("backtest", *arguments) == 2
    assert "Usage: newsrec backtest" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("source", "texts", "arrived", "span"),
    [
        ("ebnerd", True, "2023-05-21", ("2023-05-24", "2023-05-25", "2023-05-26")),
        ("ebnerd", False, "2023-05-21", ("2023-05-24", "2023-05-25", "2023-05-26")),
        ("mind", True, "2019-11-11", ("2019-11-13", "2019-11-14", "2019-11-15")),
    ],
    ids=["ebnerd", "ebnerd-without-articles", "mind"],
)
def test_official_files_alone_are_enough(
    source: str,
    texts: bool,
    arrived: str,
    span: tuple[str, str, str],
    tmp_path: Path,
    postgres_server: str,
) -> None:
    files = tmp_path / "files"
    if source == "ebnerd":
        official_weeks.ebnerd(files, articles=texts)
    else:
        official_weeks.mind(files)
    with environment(tmp_path / "var", postgres_server):
        run("import", source, str(files))
        run("etl", "--from", arrived, "--to", span[-1])
        out = tmp_path / "found.json"
        run(
            "backtest", "--mode", "impressions", "--train-until", span[0], "--from", span[1],
            "--to", span[2], "--out", str(out),
        )  # fmt: skip
    found = json.loads(out.read_text())
    lists = found["modes"]["impressions"]
    assert found["train_until"] == span[0]
    assert lists["lists"] >= 20
    assert np.isfinite(lists["systems"]["news"]["auc"]["value"])
    # Readers of these files keep to one kind of article.
    assert lists["differences"]["random"]["auc"]["value"] > 0.1


@contextmanager
def environment(var: Path, server: str) -> Iterator[pytest.MonkeyPatch]:
    """Settings and an empty database of its own."""
    var.mkdir(exist_ok=True)
    file = var / "params.yaml"
    file.write_text(PARAMS.format(base=REPOSITORY / "params.yaml"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEWSREC_VAR", str(var))
        patch.setenv("NEWSREC_PARAMS", str(file))
        patch.setenv("DATABASE_URL", _database(server))
        yield patch


def params() -> Params:
    return Params.load(Path(os.environ["NEWSREC_PARAMS"]))


def store() -> Store:
    return Store(Settings.from_env(os.environ).store_url)


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


def _database(server: str) -> str:
    name = f"newsrec_{uuid.uuid4().hex[:12]}"
    connection = psycopg2.connect(f"{server}/postgres")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    connection.close()
    migrate.upgrade(f"{server}/{name}")
    return f"{server}/{name}"
