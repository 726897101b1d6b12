"""Airflow's own environment, which these tests call as a program; they skip where it is not."""

import json
import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from infra.airflow.home import PROGRAMS, Home
from infra.airflow.programs import migrate

from newsrec_db.embedded import ensure_database
from support.airflow_server import Airflow, Script
from support.forks import forking
from support.net import free_port
from support.postgres import REPOSITORY

MakeAirflow = Callable[..., Airflow]


@pytest.fixture(scope="session")
def airflow_programs() -> Path:
    """Folder of Airflow's programs."""
    if not (PROGRAMS.parent / ".ready").is_file():
        pytest.skip("Airflow's environment is not there: make airflow-setup")
    return PROGRAMS


@pytest.fixture(scope="session")
def airflow_script(airflow_programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Script:
    """Runs a script of tests/support by Airflow's Python; its last line is JSON."""
    home = tmp_path_factory.mktemp("airflow")

    def run(name: str, *arguments: str, stdin: object = None, **env: str) -> Any:
        done = subprocess.run(
            [
                str(airflow_programs / "python"),
                str(REPOSITORY / "tests/support" / name),
                *arguments,
            ],
            input=json.dumps(stdin),
            env={
                **{k: v for k, v in os.environ.items() if not k.startswith(("NEWSREC", "AIRFLOW"))},
                "AIRFLOW_HOME": str(home),
                "PYTHONPATH": str(REPOSITORY / "pipelines/dags"),
                **env,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.fixture(scope="session")
def _airflow_template(
    airflow_programs: Path, postgres_server: str, tmp_path_factory: pytest.TempPathFactory
) -> str:
    name = f"airflow_template_{uuid.uuid4().hex[:8]}"
    ensure_database(f"{postgres_server}/postgres", name)
    home = Home(tmp_path_factory.mktemp("migrate"), f"{postgres_server}/x", free_port(), name)
    migrate(home, Airflow.make(home).env)
    return name


@pytest.fixture(scope="module")
def make_airflow(
    _airflow_template: str, postgres_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MakeAirflow]:
    """Makes an Airflow with a fresh database; the arguments are variables of its environment."""
    made = []

    def make(var: Path | None = None, **env: str) -> Airflow:
        name = f"airflow_{uuid.uuid4().hex[:12]}"
        _execute(postgres_server, f"CREATE DATABASE {name} TEMPLATE {_airflow_template}")
        made.append(name)
        var = var or tmp_path_factory.mktemp("var")
        return Airflow.make(Home(var, f"{postgres_server}/x", free_port(), name), **env)

    yield make
    for name in made:
        _execute(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def forked_airflow(airflow: Airflow, folder: Path) -> Iterator[None]:
    """Let `airflow` be called as forks of one process, which need a third of the time."""
    # Two seconds of each call.
    airflow.env = {**airflow.env, "AIRFLOW__DATABASE__CHECK_MIGRATIONS": "False"}
    airflow.program = folder / "airflow"
    preload = REPOSITORY / "tests/support/preload_airflow.py"
    with forking(
        PROGRAMS / "python", "airflow.__main__:main", preload, airflow.program, airflow.env
    ):
        yield


def _execute(server: str, sql: str) -> None:
    connection = psycopg2.connect(f"{server}/postgres")
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
    finally:
        connection.close()
