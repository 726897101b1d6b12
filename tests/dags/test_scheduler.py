"""The real scheduler: assets, alerts and back-fills start DAGs; one that is killed loses nothing.

The stages of the pipelines are played by a program that writes down its calls; the mailer, the
receiver's client of Airflow, PostgreSQL and all of Airflow are real.
"""

import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

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
            self.go_on.wait()
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

        self.wait(done)

    def wait(self, true: Callable[[], Any]) -> None:
        """Wait as long as it takes and Airflow's programs live."""

        def found() -> Any:
            ended = [name for name, p in self.processes.items() if p.poll() is not None]
            assert not ended, ended
            return true()

        wait_until(found)


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
            SMTP_TIMEOUT="3000",
            MAIL_FROM="digest@news.example.org",
            PUBLIC_URL="https://news.example.org",
        )
        with programs.running(airflow.home, airflow.env) as processes:
            play = Playing(airflow, stages, dict(processes), mailbox)
            try:
                programs.wait_until_healthy(airflow.home, processes, 2400)
                yield play
            finally:
                programs.end(*play.processes.values(), *play.killed)


def test_a_day_with_an_alert_and_two_killed_schedulers(playing: Playing, database_url: str) -> None:
    seed(database_url, readers(READERS))
    playing.wait(lambda: len(playing.airflow.query("SELECT 1 FROM dag")) == 8)
    _new_counters_start_a_refresh(playing)
    _an_alert_trains_through_a_kill_and_starts_slates(playing)
    _a_backfill_trains_the_past_and_shows_nothing(playing)
    _nobody_gets_two_emails_although_the_scheduler_dies(playing)


def _new_counters_start_a_refresh(playing: Playing) -> None:
    airflow = playing.airflow
    _unpause(playing, "recommend")
    ((counters,),) = airflow.query("SELECT id FROM asset WHERE name = 'counters'")
    known = {"day": "2026-03-05", "as_of": "2026-03-05T14:00:00+00:00"}
    airflow.ask("POST", "/assets/events", {"asset_id": counters, "extra": known})

    refresh = ["recommend", "--refresh", "--date", "2026-03-05", "--as-of", known["as_of"]]
    _wait_for_call(playing, "recommend", refresh)


def _an_alert_trains_through_a_kill_and_starts_slates(playing: Playing) -> None:
    airflow, stages = playing.airflow, playing.stages
    _unpause(playing, "retrain")
    hooks = HooksAirflow(airflow.home.url, "admin", airflow.password())
    date = ["--date", "2026-03-07"]
    train = ["gate", "train", *date]
    hold = stages.hold(*train)

    assert hooks.start(ALERT, Deadline.after(600))
    assert not hooks.start(ALERT, Deadline.after(600))
    playing.wait(lambda: train in stages.calls("begun"))
    playing.kill_scheduler(with_workers=True)
    # The stage is asked to end when nobody is left who waits for it.
    playing.wait(lambda: not stages.living())
    assert train not in stages.calls()
    hold.unlink()
    playing.start_scheduler()
    playing.wait_for("retrain", ALERT.run_id)

    slates = ["recommend", "--date", "2026-03-08", "--as-of", "2026-03-08T00:00:00+00:00"]
    _wait_for_call(playing, "recommend", slates)
    asked = [call for call in stages.calls() if "2026-03-07" in call or call == slates]
    gate = [["gate", step, *date] for step in ("train", "evaluate", "decide")]
    assert asked == [["check", *date], *gate, ["condition", "champion", *date], slates]
    assert stages.calls("begun").count(train) == 2


def _a_backfill_trains_the_past_and_shows_nothing(playing: Playing) -> None:
    airflow, stages = playing.airflow, playing.stages
    hold = stages.hold("gate", "train", "--date", "2026-02-01")
    days = ("--from-date", "2026-02-01", "--to-date", "2026-02-03")
    made = airflow.run("backfill", "create", "--dag-id", "retrain", *days)
    assert made.returncode == 0, made.stdout + made.stderr

    # Its runs go on side by side, whatever the DAG says of its own; two of a stage never do.
    second = ["check", "--date", "2026-02-02"]
    playing.wait(lambda: second in stages.calls())
    hold.unlink()
    playing.wait(lambda: _states_of_backfill(airflow) == ["success"] * 2)
    past = ("2026-02-01", "2026-02-02")
    assert sorted(c for c in stages.calls() if not {*past}.isdisjoint(c)) == sorted(
        [*words, "--date", day]
        for day in past
        for words in (["check"], ["gate", "train"], ["gate", "evaluate"])
    )
    trainings = airflow.query(
        "SELECT t.start_date, t.end_date FROM task_instance t JOIN dag_run r USING (dag_id, run_id)"
        " WHERE r.run_type = 'backfill' AND t.task_id = 'train' ORDER BY 1"
    )
    assert trainings[0][1] <= trainings[1][0]
    # The run before has told of its champion; these tell nothing, and both are over.
    assert airflow.events_of("retrain", "manual") == ["champion"]
    assert airflow.events_of("retrain", "backfill") == []


def _states_of_backfill(airflow: Airflow) -> list[str]:
    rows = airflow.query("SELECT state FROM dag_run WHERE run_type = 'backfill'")
    states = [state for (state,) in rows]
    assert "failed" not in states
    return states


def _nobody_gets_two_emails_although_the_scheduler_dies(playing: Playing) -> None:
    airflow, mailbox = playing.airflow, playing.mailbox
    hold = Held(email("u0003"))
    mailbox.on_data = hold
    _unpause(playing, "digest_africa")
    body = {"logical_date": f"{DAY}T06:00:00Z", "dag_run_id": "by-hand"}
    airflow.ask("POST", "/dags/digest_africa/dagRuns", body)

    try:
        playing.wait(hold.reached.is_set)
        playing.kill_scheduler(with_workers=False)
        playing.start_scheduler()
    finally:
        hold.go_on.set()
    playing.wait_for("digest_africa", "by-hand")

    assert Counter(mailbox.recipients()) == {email(r.user_id): 1 for r in readers(READERS)}


def _wait_for_call(playing: Playing, dag_id: str, call: list[str]) -> None:
    """Wait until a run that an asset started has called its stage; one that failed never will."""
    failed = (
        "SELECT 1 FROM dag_run"
        " WHERE dag_id = %s AND run_type = 'asset_triggered' AND state = 'failed'"
    )

    def called() -> bool:
        assert not playing.airflow.query(failed, dag_id), playing.airflow.tasks(dag_id)
        return call in playing.stages.calls()

    playing.wait(called)


def _unpause(playing: Playing, dag_id: str) -> None:
    """Its clock starts a run of today at once; what the tests ask for comes after that one."""
    airflow = playing.airflow
    airflow.ask("PATCH", f"/dags/{dag_id}", {"is_paused": False})
    sql = "SELECT 1 FROM dag_run WHERE dag_id = %s AND state IN ('success', 'failed')"
    playing.wait(lambda: airflow.query(sql, dag_id))
