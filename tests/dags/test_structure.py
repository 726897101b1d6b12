"""Every DAG as the scheduler sees it: no import error, and what it promises."""

import ast
import re
from collections.abc import Iterator
from typing import Any

import click
import pytest

from newsrec_pipelines import cli
from support.airflow_server import Script
from support.postgres import REPOSITORY

FOLDER = REPOSITORY / "pipelines" / "dags"
DIGESTS = {
    "digest_africa": "Africa/Lagos",
    "digest_latin_america": "America/Bogota",
    "digest_north_america": "America/New_York",
    "digest_unknown": "UTC",
}
# DAG -> cron, assets it waits for, and its tasks with those that they come after.
DAGS: dict[str, tuple[str, list[str], dict[str, list[str]]]] = {
    "ingest": ("0 * * * *", [], {"export": [], "etl": ["export"], "materialize": ["etl"]}),
    "retrain": (
        "0 1 * * *",
        ["retrain-wanted"],
        {
            "check": [],
            "train": ["check"],
            "evaluate": ["train"],
            "decide": ["evaluate"],
            "promoted": ["decide"],
        },
    ),
    "recommend": (
        "20 0 * * *",
        ["champion", "counters"],
        {"choose": [], "full": ["choose"], "refresh": ["choose"]},
    ),
    "monitor": (
        "40 0 * * *",
        [],
        {"monitor": [], "retrain_wanted": ["monitor"], "rolled_back": ["monitor"]},
    ),
    **{name: ("0 7 * * *", [], {"send": []}) for name in DIGESTS},
}
OUTLETS = {
    ("ingest", "materialize"): ["counters"],
    ("retrain", "promoted"): ["champion"],
    ("recommend", "full"): ["slates"],
    ("recommend", "refresh"): ["slates"],
    ("monitor", "retrain_wanted"): ["retrain-wanted"],
    ("monitor", "rolled_back"): ["champion"],
}
COMMANDS = {
    ("ingest", "export"): "export --from {{ first_day() }} --to {{ today() }}",
    ("ingest", "etl"): "etl --from {{ first_day() }} --to {{ today() }} --allow-empty",
    ("ingest", "materialize"): "materialize --as-of {{ as_of() }}",
    ("retrain", "check"): "check --date {{ day() }}",
    ("retrain", "train"): "gate train --date {{ day() }}",
    ("retrain", "evaluate"): "gate evaluate --date {{ day() }}",
    ("retrain", "decide"): "gate decide --date {{ day() }}",
    ("retrain", "promoted"): "condition champion --date {{ day() }}",
    ("recommend", "full"): "recommend --date {{ serving_day() }} --as-of {{ serving_as_of() }}",
    ("recommend", "refresh"): (
        "recommend --refresh --date {{ event_day() }} --as-of {{ event_as_of() }}"
    ),
    ("monitor", "monitor"): "monitor --date {{ day() }}",
    ("monitor", "retrain_wanted"): "condition alarm --action retrain --date {{ day() }}",
    ("monitor", "rolled_back"): "condition alarm --action rollback --date {{ day() }}",
    **{
        (name, "send"): f"send --date {{{{ today() }}}} --region {name.removeprefix('digest_')}"
        for name in DIGESTS
    },
}
# What must not happen when the past is played again, and what is only a question.
NOT_IN_BACKFILL = {
    *(("retrain", "decide"), ("monitor", "retrain_wanted"), ("monitor", "rolled_back")),
    *((name, "send") for name in DIGESTS),
}
QUESTIONS = {("retrain", "promoted"), ("monitor", "retrain_wanted"), ("monitor", "rolled_back")}

Dags = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def described(airflow_script: Script) -> dict[str, Any]:
    told: dict[str, Any] = airflow_script("describe_dags.py", str(FOLDER))
    return told


@pytest.fixture(scope="module")
def dags(described: dict[str, Any]) -> Dags:
    found: Dags = described["dags"]
    return found


def stages(dags: Dags) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    for dag_id, dag in dags.items():
        for task_id, task in dag["tasks"].items():
            if task["kind"] != "BranchPythonOperator":
                yield (dag_id, task_id), task


def test_every_file_loads(described: dict[str, Any]) -> None:
    assert described["errors"] == {}
    assert set(described["dags"]) == set(DAGS)


@pytest.mark.parametrize("name", DAGS)
def test_a_dag_has_its_schedule_its_assets_and_its_order(dags: Dags, name: str) -> None:
    cron, assets, tasks = DAGS[name]
    dag = dags[name]
    assert (dag["cron"], dag["assets"]) == (cron, assets)
    assert {task_id: task["after"] for task_id, task in dag["tasks"].items()} == tasks
    # `airflow backfill create` refuses a DAG without a clock.
    assert dag["periodic"]
    assert dag["catchup"] is False
    assert dag["max_active_runs"] == 1
    assert dag["params"] == ["day"]


def test_mornings_are_those_of_the_regions(dags: Dags) -> None:
    assert {name: dags[name]["zone"] for name in DIGESTS} == DIGESTS
    assert {dag["zone"] for name, dag in dags.items() if name not in DIGESTS} == {"UTC"}


def test_every_asset_that_is_waited_for_is_made(dags: Dags) -> None:
    made = {key: task["outlets"] for key, task in stages(dags) if task["outlets"]}
    assert made == OUTLETS
    waited_for = {name for dag in dags.values() for name in dag["assets"]}
    assert waited_for <= {name for names in made.values() for name in names}


def test_every_task_runs_a_command_with_its_dates(dags: Dags) -> None:
    assert {key: " ".join(task["arguments"]) for key, task in stages(dags)} == COMMANDS
    for (dag_id, _), task in stages(dags):
        program = "newsrec-mailer" if dag_id in DIGESTS else "newsrec"
        assert task["program"] == str(REPOSITORY / ".venv/bin" / program)


@pytest.mark.parametrize("key", [k for k in COMMANDS if k[0] not in DIGESTS], ids="/".join)
def test_the_command_line_takes_it(key: tuple[str, str]) -> None:
    line = re.sub(r"\{\{ \w*as_of\(\) }}", "2026-03-06T00:00:00+00:00", COMMANDS[key])
    words = re.sub(r"\{\{ \w+\(\) }}", "2026-03-05", line).split()
    command: click.Command | None = cli.app
    while isinstance(command, click.Group):
        name, *words = words
        command = command.get_command(click.Context(command), name)
    assert command is not None
    command.make_context(name, words)


def test_every_task_has_a_limit_tries_again_and_tells_its_failure(dags: Dags) -> None:
    for key, task in stages(dags):
        assert 60 <= task["limit_seconds"] <= 6 * 3600, key
        assert task["retries"] >= 1, key
        assert 60 <= task["retry_seconds"] <= 1800, key
        assert task["tells_failure"], key


def test_a_backfill_changes_nothing_that_readers_see(dags: Dags) -> None:
    assert {key for key, task in stages(dags) if task["not_in_backfill"]} == NOT_IN_BACKFILL
    assert {key for key, task in stages(dags) if task["question"]} == QUESTIONS


def test_dag_files_import_airflow_and_their_helper_only() -> None:
    files = sorted(FOLDER.glob("*.py"))
    assert len(files) == 5
    for file in files:
        for name in _imported(file.read_text()):
            allowed = name.split(".")[0] in ("airflow", "newsrec_dags")
            assert allowed or name in ("datetime", "typing"), f"{file.name} imports {name}"


def _imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."


def test_the_helper_knows_nothing_of_ours() -> None:
    for file in (FOLDER / "newsrec_dags").glob("*.py"):
        for name in _imported(file.read_text()):
            assert not name.startswith(("newsrec_pipelines", "newsrec_db", "newsrec_mailer"))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("NEWSREC_TASKS", "container"),
        ("NEWSREC_RETRIES", "-1"),
        ("NEWSREC_DIGESTS", "africa"),
        ("NEWSREC_POD_SIZES", "[]"),
    ],
)
def test_a_wrong_setting_is_an_import_error_that_names_it(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    from newsrec_dags.settings import Settings

    monkeypatch.setenv(variable, value)
    with pytest.raises(ValueError, match=variable):
        Settings.load()
