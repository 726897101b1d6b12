"""The real scheduler: assets, alerts and back-fills start DAGs; one that is killed loses nothing.

The stages of the pipelines are played by a program that writes down its calls; the mailer, the
receiver's client of Airflow, PostgreSQL and all of Airflow are real.
"""

import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest
from infra.airflow import programs

from newsrec_hooks.adapters.airflow import Airflow as HooksAirflow
from newsrec_hooks.adapters.deadline import Deadline
from newsrec_hooks.adapters.interfaces import DagRun
from support.airflow_server import Airflow, FakeStages, wait_until
from support.mail_server import OK, Mailbox, mail_server
from support.seed_mailer import DAY, email, readers, seed

from .conftest import MakeAirflow

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3000)]

READERS = 8
ALERT = DagRun(
    "retrain",
    "alert__3f9c1a2b4d5e6f70__20260308T061230.123456Z",
    date(2026, 3, 7),
    {"name": "ModelDegraded"},
)


class Held:
    """Holds the mail server at one recipient until told."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.reached = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, address: str) -> str:
        if address == self._address:
            self.reached.set()
            self.go_on.wait(400)
        return OK


@dataclass
class Playing:
    """Airflow's programs, running, and what its stages are played by."""

    airflow: Airflow
    stages: FakeStages
    processes: dict[str, programs.Process]
    mailbox: Mailbox
    killed: list[programs.Process] = field(default_factory=list)

    def kill_scheduler(self, *, with_workers: bool) -> None:
        """As when the machine dies, or the process alone."""
        process = self.processes.pop("scheduler")
        if with_workers:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.send_signal(signal.SIGKILL)
        process.wait()
        self.killed.append(process)

    def start_scheduler(self) -> None:
        home, env = self.airflow.home, self.airflow.env
        self.processes["scheduler"] = programs.start(home, "scheduler", env)

    def wait_for(self, dag_id: str, run_id: str) -> None:
        """Wait until a run has succeeded."""

        def done() -> bool:
            state = self.airflow.run_state(dag_id, run_id)
            assert state != "failed", self.airflow.tasks(dag_id)
            return state == "success"

        wait_until(done, f"{dag_id} {run_id}")


@pytest.fixture
def playing(make_airflow: MakeAirflow, database_url: str, tmp_path: Path) -> Iterator[Playing]:
    stages = FakeStages(tmp_path / "stages", sys.executable)
    bin_ = stages.install()
    (bin_ / "newsrec-mailer").symlink_to(Path(sys.executable).with_name("newsrec-mailer"))
    with mail_server() as mailbox:
        airflow = make_airflow(
            NEWSREC_BIN=str(bin_),
            NEWSREC_HOME=str(tmp_path),
            NEWSREC_RETRIES="0",
            DATABASE_URL=database_url,
            SMTP_URL=mailbox.url,
            SMTP_TIMEOUT="600",
            MAIL_FROM="digest@news.example.org",
            PUBLIC_URL="https://news.example.org",
        )
        with programs.running(airflow.home, airflow.env) as processes:
            play = Playing(airflow, stages, dict(processes), mailbox)
            try:
                programs.wait_until_healthy(airflow.home, processes, 600)
                yield play
            finally:
                programs.end(*play.processes.values(), *play.killed)


def test_a_day_with_an_alert_and_two_killed_schedulers(playing: Playing, database_url: str) -> None:
    seed(database_url, readers(READERS))
    wait_until(lambda: len(playing.airflow.query("SELECT 1 FROM dag")) == 8, "all DAGs")
    _new_counters_start_a_refresh(playing)
    _an_alert_trains_through_a_kill_and_starts_slates(playing)
    _a_backfill_trains_the_past_and_shows_nothing(playing)
    _nobody_gets_two_emails_although_the_scheduler_dies(playing)


def _new_counters_start_a_refresh(playing: Playing) -> None:
    airflow, stages = playing.airflow, playing.stages
    _unpause(airflow, "recommend")
    ((counters,),) = airflow.query("SELECT id FROM asset WHERE name = 'counters'")
    known = {"day": "2026-03-05", "as_of": "2026-03-05T14:00:00+00:00"}
    airflow.ask("POST", "/assets/events", {"asset_id": counters, "extra": known})

    refresh = ["recommend", "--refresh", "--date", "2026-03-05", "--as-of", known["as_of"]]
    wait_until(lambda: refresh in stages.calls(), "the refresh")


def _an_alert_trains_through_a_kill_and_starts_slates(playing: Playing) -> None:
    airflow, stages = playing.airflow, playing.stages
    _unpause(airflow, "retrain")
    hooks = HooksAirflow(airflow.home.url, "admin", airflow.password())
    date = ["--date", "2026-03-07"]
    train = ["gate", "train", *date]
    hold = stages.hold(*train)

    assert hooks.start(ALERT, Deadline.after(120))
    assert not hooks.start(ALERT, Deadline.after(120))
    wait_until(lambda: train in stages.calls("begun"), "the training")
    playing.kill_scheduler(with_workers=True)
    # The stage is asked to end when nobody is left who waits for it.
    wait_until(lambda: not stages.living(), "the end of the stage")
    assert train not in stages.calls()
    hold.unlink()
    playing.start_scheduler()
    playing.wait_for("retrain", ALERT.run_id)

    slates = ["recommend", "--date", "2026-03-08", "--as-of", "2026-03-08T00:00:00+00:00"]
    wait_until(lambda: slates in stages.calls(), "the slates of the new champion")
    asked = [call for call in stages.calls() if "2026-03-07" in call or call == slates]
    gate = [["gate", step, *date] for step in ("train", "evaluate", "decide")]
    assert asked == [["check", *date], *gate, ["condition", "champion", *date], slates]
    assert stages.calls("begun").count(train) == 2


def _a_backfill_trains_the_past_and_shows_nothing(playing: Playing) -> None:
    airflow, stages = playing.airflow, playing.stages
    before, events = len(stages.calls()), airflow.events()
    hold = stages.hold("gate", "train", "--date", "2026-02-01")
    days = ("--from-date", "2026-02-01", "--to-date", "2026-02-03")
    made = airflow.run("backfill", "create", "--dag-id", "retrain", *days)
    assert made.returncode == 0, made.stdout + made.stderr

    # Its runs go on side by side, whatever the DAG says of its own; two of a stage never do.
    second = ["check", "--date", "2026-02-02"]
    wait_until(lambda: second in stages.calls(), "the check of the second day")
    hold.unlink()
    wait_until(lambda: _states_of_backfill(airflow) == ["success"] * 2, "the back-fill")
    assert sorted(stages.calls()[before:]) == sorted(
        [*words, "--date", day]
        for day in ("2026-02-01", "2026-02-02")
        for words in (["check"], ["gate", "train"], ["gate", "evaluate"])
    )
    trainings = airflow.query(
        "SELECT t.start_date, t.end_date FROM task_instance t JOIN dag_run r USING (dag_id, run_id)"
        " WHERE r.run_type = 'backfill' AND t.task_id = 'train' ORDER BY 1"
    )
    assert trainings[0][1] <= trainings[1][0]
    assert airflow.events() == events


def _states_of_backfill(airflow: Airflow) -> list[str]:
    rows = airflow.query("SELECT state FROM dag_run WHERE run_type = 'backfill'")
    return [state for (state,) in rows]


def _nobody_gets_two_emails_although_the_scheduler_dies(playing: Playing) -> None:
    airflow, mailbox = playing.airflow, playing.mailbox
    hold = Held(email("u0003"))
    mailbox.on_data = hold
    _unpause(airflow, "digest_africa")
    body = {"logical_date": f"{DAY}T06:00:00Z", "dag_run_id": "by-hand"}
    airflow.ask("POST", "/dags/digest_africa/dagRuns", body)

    wait_until(hold.reached.is_set, "the fourth email")
    playing.kill_scheduler(with_workers=False)
    playing.start_scheduler()
    hold.go_on.set()
    playing.wait_for("digest_africa", "by-hand")

    assert Counter(mailbox.recipients()) == {email(r.user_id): 1 for r in readers(READERS)}


def _unpause(airflow: Airflow, dag_id: str) -> None:
    """Its clock starts a run of today at once; what the tests ask for comes after that one."""
    airflow.ask("PATCH", f"/dags/{dag_id}", {"is_paused": False})
    sql = "SELECT 1 FROM dag_run WHERE dag_id = %s AND state IN ('success', 'failed')"
    wait_until(lambda: airflow.query(sql, dag_id), f"the first run of {dag_id}")
