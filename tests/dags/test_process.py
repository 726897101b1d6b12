"""A stage as a process: how it ends is how the task ends, and nothing of it is left behind."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from support.airflow_server import Script

SCRIPT = """#!/bin/sh
echo "said $1"
case "$1" in
  wait) trap 'echo asked > ended; exit 1' TERM; echo $$ > pid; sleep 60 & wait ;;
  *) exit "$1" ;;
esac
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("stage")
    (made / "program").write_text(SCRIPT)
    (made / "program").chmod(0o755)
    return made


@pytest.fixture(scope="module")
def ended(folder: Path, airflow_script: Script) -> dict[str, dict[str, Any]]:
    """All cases in one start of Airflow's Python, which takes seconds."""
    program = {"program": str(folder / "program"), "folder": str(folder)}
    cases: dict[str, dict[str, Any]] = {
        "good": {"arguments": ["0"]},
        "failed": {"arguments": ["1"]},
        "misused": {"arguments": ["2"]},
        "no": {"arguments": ["99"], "question": True},
        "99 of no question": {"arguments": ["99"]},
        "killed": {"arguments": ["137"]},
        "missing": {"arguments": [], "program": str(folder / "nothing")},
        "backfill": {"arguments": ["0"], "run_type": "backfill"},
        "not in backfill": {"arguments": ["0"], "run_type": "backfill", "not_in_backfill": True},
        "over": {"arguments": ["wait"], "alarm_after": 2},
    }
    told = airflow_script("run_stages.py", stdin=[{**program, **c} for c in cases.values()])
    return dict(zip(cases, told, strict=True))


@pytest.mark.parametrize(
    ("case", "raised", "said"),
    [
        ("good", None, ""),
        ("failed", "AirflowException", "exit status 1: said 1"),
        ("misused", "AirflowFailException", "said 2"),
        ("no", "AirflowSkipException", "said 99"),
        ("99 of no question", "AirflowException", "exit status 99"),
        ("killed", "AirflowException", "exit status 137"),
        ("backfill", None, ""),
        ("not in backfill", "AirflowSkipException", "shows nothing to readers"),
    ],
)
def test_the_exit_status_decides(
    ended: dict[str, dict[str, Any]], case: str, raised: str | None, said: str
) -> None:
    assert ended[case]["raised"] == raised
    assert said in ended[case]["said"]


def test_a_program_that_is_not_there_is_a_failure(ended: dict[str, dict[str, Any]]) -> None:
    assert ended["missing"]["raised"] == "AirflowException"


def test_only_a_success_dates_the_events_of_its_assets(ended: dict[str, dict[str, Any]]) -> None:
    good = {"day": "2026-03-05", "as_of": "2026-03-06T00:00:00+00:00"}
    assert {case: e["extra"] for case, e in ended.items() if e["extra"]} == {
        "good": good,
        "backfill": good,
    }


def test_a_stage_whose_time_is_over_is_asked_to_end(
    ended: dict[str, dict[str, Any]], folder: Path
) -> None:
    assert ended["over"]["raised"] == "OverError"
    assert (folder / "ended").read_text() == "asked\n"
    _wait_until_gone(int((folder / "pid").read_text()))


def test_a_stage_knows_nothing_of_airflow(folder: Path, airflow_script: Script) -> None:
    case = {"program": "/bin/sh", "arguments": ["-c", "env > told"], "folder": str(folder)}
    airflow_script(
        "run_stages.py",
        stdin=[case],
        AIRFLOW__DATABASE__SQL_ALCHEMY_CONN="sqlite:////nowhere/secret.db",
        STORE_URL="file:///data",
    )
    told = (folder / "told").read_text()
    assert "STORE_URL=file:///data" in told
    assert "AIRFLOW" not in told
    assert "PYTHONPATH" not in told


def _wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 250
    while Path(f"/proc/{pid}").exists() and not _zombie(pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return not os.path.exists(f"/proc/{pid}")  # noqa: PTH110
