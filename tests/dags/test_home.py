"""`make airflow`: secrets made once, settings of its own, one line when it cannot start."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from infra.airflow.home import Home

from support.net import free_port
from support.postgres import REPOSITORY

SERVER = "postgresql://newsrec:p%40ss@127.0.0.1:5433/newsrec"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path, SERVER, 8099)
    made.prepare()
    return made


def test_a_second_start_has_the_same_secrets_and_only_their_owner_reads_them(home: Home) -> None:
    files = [
        home.password_file,
        *(home.folder / name for name in ("passwords.json", "jwt_secret")),
        home.var / "secrets" / "link_secret",
    ]
    before = [file.read_text() for file in files]
    home.prepare()
    assert [file.read_text() for file in files] == before
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert home.folder.stat().st_mode & 0o777 == 0o700


def test_the_receiver_of_alerts_and_airflow_know_the_same_password(home: Home) -> None:
    known = json.loads((home.folder / "passwords.json").read_text())
    assert known == {"admin": home.password_file.read_text().strip()}


def test_airflow_gets_a_database_of_its_own_on_the_same_server(home: Home) -> None:
    env = home.environment({})
    assert env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == (
        "postgresql+psycopg2://newsrec:p%40ss@127.0.0.1:5433/airflow"
    )


def test_one_port_is_said_everywhere(home: Home) -> None:
    env = home.environment({})
    told = [value for name, value in env.items() if name.startswith("AIRFLOW__")]
    assert sum("8099" in value for value in told) == 3


def test_what_the_operator_sets_for_airflow_is_left_as_it_is(home: Home) -> None:
    env = home.environment({"AIRFLOW__CORE__PARALLELISM": "9", "VIRTUAL_ENV": "/dev", "PATH": "/b"})
    assert env["AIRFLOW__CORE__PARALLELISM"] == "9"
    assert "VIRTUAL_ENV" not in env
    assert env["PATH"].endswith(":/b")


def test_a_shell_that_sources_the_file_is_told_the_same(home: Home) -> None:
    env = home.environment(
        {"PATH": os.defpath, "NEWSREC_HOME": "/a b'c", "GIT_COMMIT": "c0ffee", "OTHER": "x"}
    )
    home.write_environment(env)
    done = subprocess.run(
        ["/bin/sh", "-c", f". {home.folder / 'env'}; env -0"],
        env={},
        capture_output=True,
        text=True,
        check=True,
    )
    told = dict(line.split("=", 1) for line in done.stdout.split("\0") if line)
    assert told["NEWSREC_HOME"] == "/a b'c"
    assert {n: v for n, v in told.items() if n.startswith("AIRFLOW")} == {
        n: v for n, v in env.items() if n.startswith("AIRFLOW")
    }
    assert told["GIT_COMMIT"] == "c0ffee"
    assert "OTHER" not in told


def _start(var: Path, port: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "infra.airflow.laptop"],
        cwd=REPOSITORY,
        # Nothing is started: each of these ends before the database is asked.
        env={"NEWSREC_VAR": str(var), "AIRFLOW_PORT": port, "PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("port", ["0", "http", "65536", "-1"])
def test_a_port_that_is_none_is_one_line(tmp_path: Path, port: str) -> None:
    done = _start(tmp_path, port)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "AIRFLOW_PORT must be a port" in done.stderr


def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = _start(tmp_path, str(taken.getsockname()[1]))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "is taken" in done.stderr


def test_a_second_one_in_the_same_folder_is_one_line(tmp_path: Path) -> None:
    import fcntl

    (tmp_path / "airflow").mkdir()
    with (tmp_path / "airflow" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = _start(tmp_path, str(free_port()))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "another Airflow runs" in done.stderr
