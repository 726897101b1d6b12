"""An Airflow of the tests: its programs, its database and its API."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import urllib3
from infra.airflow.home import PROGRAMS, USER, Home

from support.postgres import query
from support.scripts import first_lines

Script = Callable[..., Any]
# A scheduler that dies is missed soon, and what it ran is taken over.
IMPATIENT = {
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "6",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "3",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "2",
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
}


@dataclass
class Airflow:
    """One AIRFLOW_HOME and one database."""

    home: Home
    env: Mapping[str, str]
    program: Path = PROGRAMS / "airflow"
    _token: str = field(default="", repr=False)

    @classmethod
    def make(cls, home: Home, **env: str) -> "Airflow":
        """Prepare a home, whose tasks find nothing of the developer's own settings."""
        home.prepare()
        outside = {
            k: v
            for k, v in os.environ.items()
            if not k.startswith(("NEWSREC", "AIRFLOW", "STORE_URL", "DATABASE_URL"))
        }
        return cls(home, home.environment({**outside, **IMPATIENT, **env}))

    def test(self, dag_id: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """`airflow dags test`."""
        return self.run("dags", "test", dag_id, *arguments)

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """`airflow` with any arguments."""
        return subprocess.run(
            [str(self.program), *arguments],
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )

    def query(self, sql: str, *args: object) -> list[tuple[Any, ...]]:
        """Rows of Airflow's own database."""
        return query(f"{self.home.server.rsplit('/', 1)[0]}/{self.home.database}", sql, *args)

    def tasks(self, dag_id: str) -> dict[str, str | None]:
        """State of each task in the last run of a DAG."""
        rows = self.query(
            "SELECT task_id, state FROM task_instance WHERE dag_id = %s AND run_id = (SELECT "
            "run_id FROM dag_run WHERE dag_id = %s ORDER BY id DESC LIMIT 1)",
            *(dag_id, dag_id),
        )
        return dict(rows)

    def events(self) -> list[tuple[str, dict[str, str]]]:
        """The assets' events so far: name and what they say."""
        rows = self.query(
            "SELECT a.name, e.extra FROM asset_event e JOIN asset a ON a.id = e.asset_id "
            "ORDER BY e.id"
        )
        return [(name, extra) for name, extra in rows]

    def events_of(self, dag_id: str, run_type: str) -> list[str]:
        """The assets of which runs of this kind said that they are new."""
        rows = self.query(
            "SELECT a.name FROM asset_event e JOIN asset a ON a.id = e.asset_id JOIN dag_run r "
            "ON r.dag_id = e.source_dag_id AND r.run_id = e.source_run_id "
            "WHERE r.dag_id = %s AND r.run_type = %s",
            *(dag_id, run_type),
        )
        return [name for (name,) in rows]

    def started_by(self, asset: str) -> list[str]:
        """The DAGs that a scheduler starts when this asset is new."""
        rows = self.query(
            "SELECT r.dag_id FROM dag_schedule_asset_reference r JOIN asset a ON a.id = r.asset_id "
            "WHERE a.name = %s ORDER BY r.dag_id",
            asset,
        )
        return [dag_id for (dag_id,) in rows]

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """One request to the REST API, as the user of `make airflow`."""
        self._token = self._token or self._log_in()
        answer = urllib3.request(
            method,
            f"{self.home.url}/api/v2{path}",
            json=body,
            headers={"Authorization": f"Bearer {self._token}"},
            timeout=600,
        )
        assert answer.status < 300, (answer.status, answer.data)
        return answer.json()

    def password(self) -> str:
        """Of the user."""
        return self.home.password_file.read_text().strip()

    def run_state(self, dag_id: str, run_id: str) -> str | None:
        """State of one run."""
        rows = self.query(
            "SELECT state FROM dag_run WHERE dag_id = %s AND run_id = %s", dag_id, run_id
        )
        return rows[0][0] if rows else None

    def _log_in(self) -> str:
        answer = urllib3.request(
            "POST",
            f"{self.home.url}/auth/token",
            json={"username": USER, "password": self.password()},
        )
        assert answer.status == 201, answer.data
        token: str = answer.json()["access_token"]
        return token


def wait_until(true: Callable[[], Any]) -> Any:
    """Wait for something that other processes do; what came.

    However long it takes: the machine may be busy, and pytest's own timeout ends a test that hangs.
    """
    while not (found := true()):
        time.sleep(0.2)
    return found


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


FAKE = """import json, os, pathlib, sys, time
folder = pathlib.Path({folder!r})

def tell(what):
    with open(folder / "calls", "a") as calls:
        calls.write(json.dumps([what, os.getpid(), sys.argv[1:]]) + "\\n")

tell("begun")
held = folder / ("hold-" + "-".join(sys.argv[1:]))
while held.exists():
    time.sleep(0.1)
tell("ended")
"""


@dataclass(frozen=True)
class FakeStages:
    """A program in place of `newsrec` that writes down how it is called, and waits when told."""

    folder: Path
    python: str

    def install(self) -> Path:
        """Make the folder of programs."""
        programs = self.folder / "bin"
        programs.mkdir(parents=True)
        program = programs / "newsrec"
        text = FAKE.format(folder=str(self.folder))
        program.write_text(first_lines(python=self.python) + text)
        program.chmod(0o755)
        return programs

    def hold(self, *words: str) -> Path:
        """Let this command line wait until the file is removed."""
        file = self.folder / f"hold-{'-'.join(words)}"
        file.touch()
        return file

    def living(self) -> list[int]:
        """Processes that were begun and still are there."""
        file = self.folder / "calls"
        pids = [json.loads(line)[1] for line in file.read_text().splitlines()]
        return [pid for pid in set(pids) if _lives(pid)]

    def calls(self, what: str = "ended") -> list[list[str]]:
        """Command lines, in the order in which they began or ended."""
        file = self.folder / "calls"
        lines = file.read_text().splitlines() if file.is_file() else []
        return [args for said, _, args in map(json.loads, lines) if said == what]
