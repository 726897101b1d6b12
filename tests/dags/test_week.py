"""A week through the DAGs with the real stages: tastes shift, a bad model comes, and all is mended.

The simulated readers see what was published, by the API, and what they do comes back by `ingest`.
The clock and the scheduler are played: a DAG of the night is run by `airflow dags test`, and then
those that its assets start, as Airflow's own tables say which ones these are. (The real scheduler
and what it does with an asset are in test_scheduler.py.) Two things are done by people: somebody
merges parameters that make a bad model, and somebody promotes it whatever the gate says of it.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from newsrec_pipelines import cli
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.store import Store
from support.airflow_server import Airflow
from support.api_of_a_world import Api, api_of_a_world
from support.forks import forking
from support.postgres import REPOSITORY, query

from .conftest import MakeAirflow, forked_airflow

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3000)]

START = date(2026, 3, 1)
HISTORY = 4
DAYS = [START + timedelta(days=HISTORY + n) for n in range(7)]
SHIFT = DAYS[3]
PARAMS = f"""
extends: {REPOSITORY / "params.yaml"}
world:
  seed: 11
  start: "{START}"
  shift_day: "{SHIFT}"
  readers: 500
  articles_per_day: 100
  visits_per_day: 3
als: {{epochs: 4}}
ranker: {{trees: 20}}
training: {{ranker_days: 3, keep_snapshot: false}}
backtest: {{bootstrap: 300}}
"""
# Nearly every place goes to any article of five days. Slates that are only too short would not do:
# the API fills them up with what is popular.
BAD_PARAMS = PARAMS + (
    "slate: {exploration: 0.99, explore_from: 1, explore_below: 1000000, max_age_hours: 120}\n"
)
# What a scheduler starts after these is played; new counters would re-rank the slates each hour.
PLAYED = ("champion", "retrain-wanted")
TRAINED = ("check", "train", "evaluate", "decide", "promoted")


@dataclass
class Week:
    """The service, and the days that pass over it."""

    airflow: Airflow
    store: Store
    url: str
    params: Path
    api: Api
    # DAG and day of each run that an asset started, in order.
    started: list[tuple[str, date]] = field(default_factory=list)

    @property
    def registry(self) -> FileRegistry:
        return FileRegistry(self.store)

    def readers(self, day: date) -> None:
        """News come, and readers see the front page or what was published for them."""
        newsrec(
            "simulate", "days", "--from", str(day), "--to", str(day), "--front-page-share", "0.4"
        )
        # Apps report late in the evening what happened during the day.
        self.api.now = datetime.combine(day, time(23, 30), UTC)
        newsrec("simulate", "react", "--date", str(day), "--api", self.api.url)

    def play(self, dag_id: str, day: date) -> dict[str, str | None]:
        """A run of a DAG about a day, and the runs that its assets start; how its tasks ended."""
        before = len(self.airflow.events())
        done = self.airflow.test(dag_id, str(day))
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        states = self.airflow.tasks(dag_id)
        for asset, about in self.airflow.events()[before:]:
            for follower in self.airflow.started_by(asset) if asset in PLAYED else ():
                self.started.append((follower, date.fromisoformat(about["day"])))
                self.play(*self.started[-1])
        return states

    def night(self, day: date) -> dict[str, Any]:
        """What the clock starts after a day, up to the monitor, whose report this is."""
        states = self.play("ingest", day)
        assert states == dict.fromkeys(("export", "etl", "materialize"), "success")
        self.play("monitor", day)
        return self.read_json(f"reports/monitoring/{day}.json")

    def gate(self, day: date) -> dict[str, Any]:
        """What the gate said after a day."""
        return self.read_json(f"reports/gates/{day}.json")

    def read_json(self, key: str) -> dict[str, Any]:
        read: dict[str, Any] = self.store.read_json(key)
        return read

    def serving(self, day: date) -> str:
        """The version whose slates readers are shown on a day."""
        ((version,),) = query(
            self.url,
            "SELECT model_version FROM recommendation_runs WHERE status = 'published' "
            "AND date = %s ORDER BY published_at DESC LIMIT 1",
            day,
        )
        return str(version)


@pytest.fixture
def week(
    make_airflow: MakeAirflow, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Week]:
    """A service with some days of history, and nothing learnt from them."""
    params, var, bin_ = tmp_path / "params.yaml", tmp_path / "var", tmp_path / "bin"
    params.write_text(PARAMS)
    settings = {
        "NEWSREC_VAR": str(var),
        "NEWSREC_PARAMS": str(params),
        "DATABASE_URL": database_url,
        "GIT_COMMIT": "abc",
        "TRACKERS": "none",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("STORE_URL", raising=False)
    airflow = make_airflow(
        var,
        **settings,
        NEWSREC_HOME=str(REPOSITORY),
        NEWSREC_BIN=str(bin_),
        NEWSREC_RETRIES="0",
    )
    newsrec("simulate", "days", "--from", str(START), "--to", str(DAYS[0] - timedelta(days=1)))
    newsrec("etl", "--from", str(START), "--to", str(DAYS[0] - timedelta(days=1)))
    store = Store((var / "store").as_uri())
    with (
        forking(
            Path(sys.executable),
            "newsrec_pipelines.cli:main",
            REPOSITORY / "tests/support/preload_stages.py",
            bin_ / "newsrec",
            airflow.env,
        ),
        forked_airflow(airflow, tmp_path),
        api_of_a_world(database_url, store.url) as api,
    ):
        yield Week(airflow, store, database_url, params, api)


def newsrec(*arguments: str) -> None:
    """A command of this environment, in this process."""
    cli.app.main(args=list(arguments), prog_name="newsrec", standalone_mode=False)


def test_a_week_in_which_tastes_shift_and_a_bad_model_is_forced_in(week: Week) -> None:
    _usual_days_raise_no_alarm(week)
    _the_shift_is_flagged_that_day_and_a_training_follows(week)
    bad = _a_bad_challenger_is_refused(week)
    good = _somebody_forces_it_in(week, bad)
    _the_monitor_goes_back(week, good, bad)


def _usual_days_raise_no_alarm(week: Week) -> None:
    before = DAYS[0] - timedelta(days=1)
    _trained(week, before)
    for day in DAYS[:3]:
        week.readers(day)
        assert week.night(day)["alarms"] == []
        _trained(week, day)
    assert week.started == [("recommend", day) for day in (before, *DAYS[:3])]


def _the_shift_is_flagged_that_day_and_a_training_follows(week: Week) -> None:
    champion, started = week.registry.champion(), len(week.started)
    week.readers(SHIFT)
    alarms = {a["name"]: a["action"] for a in week.night(SHIFT)["alarms"]}
    assert alarms["readers_drift"] == "retrain"
    drifted = query(week.url, "SELECT day FROM drift WHERE name = 'preference_drift' AND drifted")
    assert drifted == [(SHIFT,)]

    assert week.started[started:] == [("retrain", SHIFT), ("recommend", SHIFT)]
    decision = week.gate(SHIFT)["decision"]
    assert (decision["outcome"], decision["before"]) == ("promoted", champion)
    log = week.registry.history()
    _trained(week, SHIFT)  # by the clock, twenty minutes later: the gate has decided
    assert week.registry.history() == log


def _a_bad_challenger_is_refused(week: Week) -> str:
    day, started = DAYS[4], len(week.started)
    week.readers(day)
    week.params.write_text(BAD_PARAMS)
    week.night(day)
    week.params.write_text(PARAMS)
    # The new tastes are still new, so the alarm trains again.
    assert week.started[started:] == [("retrain", day), ("recommend", day)]
    made = week.gate(day)
    refused, taken = made["decision"]["verdicts"]
    assert (refused["system"], refused["passed"]) == ("challenger", False)
    assert "a new configuration must be certainly better" in refused["why"]
    assert (taken["system"], taken["passed"]) == ("refit", True)
    bad = str(made["trained"]["versions"]["challenger"])
    assert week.serving(DAYS[5]) == week.registry.champion() != bad
    return bad


def _somebody_forces_it_in(week: Week, bad: str) -> str:
    day = DAYS[5]
    week.readers(day)
    week.night(day)
    _trained(week, day)
    good = week.registry.champion()
    newsrec("models", "promote", bad, "--by", "ada", "--why", "readers want surprises")
    week.play("recommend", day)
    assert week.serving(DAYS[6]) == bad
    return good


def _the_monitor_goes_back(week: Week, good: str, bad: str) -> None:
    day, started = DAYS[6], len(week.started)
    week.readers(day)
    (alarm,) = week.night(day)["alarms"]
    assert (alarm["name"], alarm["subject"]) == ("dwell_below_expectation", bad)
    assert alarm["done"] == f"{good} serves again from the next run on"
    last = week.registry.history()[-1]
    assert (last.action, last.version, last.by) == ("rollback", good, "monitor")
    assert week.started[started:] == [("recommend", day)]
    assert week.serving(day + timedelta(days=1)) == good


def _trained(week: Week, day: date) -> None:
    """The clock's training after a day; slates of its model follow."""
    assert week.play("retrain", day) == dict.fromkeys(TRAINED, "success")
    champion = week.registry.champion()
    assert week.serving(day + timedelta(days=1)) == champion
