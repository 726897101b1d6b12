"""The experiment through ETL and training: every visit counts once, and what was shown is kept."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from newsrec_pipelines import cli, partitions
from newsrec_pipelines.evaluation.descriptions import SYSTEMS
from newsrec_pipelines.experiment.groups import GROUPS, group_of
from newsrec_pipelines.store import Store
from support.postgres import REPOSITORY

FIRST = date(2026, 3, 3)
SEED = 7
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def call(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Run a stage on a small world of its own."""
    monkeypatch.setenv("NEWSREC_VAR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.delenv("STORE_URL", raising=False)
    world = {"readers": 150, "articles_per_day": 100, "history_days": 2, "seed": 5}
    changes = {
        "extends": str(REPOSITORY / "params.yaml"),
        "world": {**world, "start": "2026-03-01"},
    }
    params = tmp_path / "world.yaml"
    params.write_text(json.dumps(changes | {"backtest": {"bootstrap": 50}}))

    def stage(*options: str) -> None:
        with pytest.raises(SystemExit) as ended:
            cli.main(["--params", str(params), *options])
        assert ended.value.code == 0

    return stage


@pytest.fixture
def run(tmp_path: Path, call: Callable[..., None]) -> Run:
    """Play some days after two of history; the result."""

    def play(*options: str) -> dict[str, Any]:
        out = tmp_path / "result.json"
        call("experiment", "--out", str(out), *options)
        result: dict[str, Any] = json.loads(out.read_text())
        return result

    return play


def clean_impressions(folder: Path) -> pl.DataFrame:
    store = Store((folder / "store").as_uri())
    rows = partitions.load(store, "impressions", datetime(2100, 1, 1, tzinfo=UTC), FIRST)
    return rows.filter(pl.col("slate_id").is_not_null())


@pytest.mark.parametrize(
    ("days", "options"), [("1", ("--same-for-both",)), ("2", ())], ids=["a/a", "ours"]
)
def test_every_visit_with_a_slate_counts_once_in_its_readers_group(
    run: Run, tmp_path: Path, days: str, options: tuple[str, ...]
) -> None:
    result = run("--days", days, *options)

    shown = clean_impressions(tmp_path)
    assert sum(result["groups"][g]["visits"] for g in GROUPS) == shown.height > 50
    readers = shown["user_id"].unique().to_list()
    for group in GROUPS:
        ours = [r for r in readers if group_of(r, SEED) == group]
        assert result["groups"][group]["readers"] == len(ours) > 10
    assert [day["day"] for day in result["by_day"]] == ["2026-03-03", "2026-03-04"][: int(days)]
    # What is needed to learn from the log later: whose list it was, and how probable.
    assert shown["propensities"].list.len().eq(shown["article_ids"].list.len()).all()
    group = shown["slate_id"].str.split(":").list.get(1)
    assert group.to_list() == [group_of(r, SEED) for r in shown["user_id"]]


def test_a_second_experiment_in_the_same_store_is_refused(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "store/landing/reads/dt=2026-03-01").mkdir(parents=True)
    (tmp_path / "store/landing/reads/dt=2026-03-01/x.jsonl").write_text("{}\n")
    with pytest.raises(AssertionError):
        run("--same-for-both")
    assert "needs its own store" in capsys.readouterr().err


def test_baselines_are_judged_by_the_truth_on_the_same_reader_days(
    call: Callable[..., None], tmp_path: Path
) -> None:
    days = ("--from", "2026-03-01", "--to", "2026-03-04")
    call("simulate", "days", *days)
    call("etl", *days)
    out = tmp_path / "baselines.json"
    call("baselines", "--from", "2026-03-03", "--to", "2026-03-04", "--out", str(out))

    found = json.loads(out.read_text())
    assert set(found["systems"]) == set(SYSTEMS)
    worth = {name: row["expected_seconds"] for name, row in found["systems"].items()}
    assert {row["lists"] for row in worth.values()} == {found["lists"]}
    assert found["lists"] > found["readers"] > 50
    # Whoever knows anything beats chance, even in a world as small as this one.
    assert worth["random"]["value"] == min(row["value"] for row in worth.values())
    assert {row["kind"] for row in found["ablation"]} == {"source", "features", "scorer"}
    assert all(row["metrics"]["expected_seconds"]["lists"] for row in found["ablation"])
