"""kill -9 during the ETL: the next start leaves the rows of a run that nobody disturbed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.etl import (
    DAY,
    NEXT,
    all_files,
    in_parquet,
    in_postgres,
    landing_of_two_days,
    local_store,
    run_etl,
)
from support.postgres import REPOSITORY, query

STEPS = ["begun", "staged", "loaded", "written", "committed", f"manifest clean/reads {DAY}"]


@pytest.fixture(scope="module")
def program() -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", "support.etl_program"],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "tests")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.communicate(timeout=250)


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, Any]:
    return {}


@pytest.mark.parametrize("step", ["none", *STEPS])
def test_a_killed_run_is_made_good(
    step: str,
    program: "subprocess.Popen[str]",
    undisturbed: dict[str, Any],
    database_url: str,
    tmp_path: Path,
) -> None:
    store = local_store(tmp_path)
    landing_of_two_days(store)
    if step == "none":  # first of all, what it should be
        run_etl(database_url, store, DAY)
        undisturbed["before"] = in_parquet(store)
        run_etl(database_url, store, NEXT)
        undisturbed["after"] = in_postgres(database_url), in_parquet(store), all_files(store)
        return
    assert program.stdin
    assert program.stdout
    print(database_url, store.url, step, file=program.stdin, flush=True)
    assert program.stdout.readline() == f"{-signal.SIGKILL}\n"
    if not step.startswith("manifest"):
        assert in_parquet(store) == undisturbed["before"]  # readers see the first day, whole

    run_etl(database_url, store, DAY, NEXT)

    after = in_postgres(database_url), in_parquet(store), all_files(store)
    assert after == undisturbed["after"]
    assert query(database_url, "SELECT DISTINCT status FROM etl_runs") == [("finished",)]
