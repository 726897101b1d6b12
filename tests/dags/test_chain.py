"""A day through the DAGs with the real stages, by `airflow dags test`, and one that goes wrong."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from newsrec_pipelines import cli
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.store import Store
from support.airflow_server import Airflow
from support.postgres import REPOSITORY, query

from .conftest import MakeAirflow, forked_airflow

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3000)]

WORLD = {"readers": 60, "articles_per_day": 50, "history_days": 2, "start": "2026-03-01"}
FIRST, DAY, NEXT = "2026-03-01", "2026-03-02", "2026-03-03"


@dataclass(frozen=True)
class World:
    """A small simulated world whose second day is in the landing zone, and in nothing else."""

    airflow: Airflow
    store: Store
    url: str
    outbox: Path

    def play(self, dag_id: str, day: str = DAY, *, succeeds: bool = True) -> dict[str, str | None]:
        """`airflow dags test`; the state of each task."""
        done = self.airflow.test(dag_id, day)
        assert (done.returncode == 0) is succeeds, done.stdout[-6000:] + done.stderr[-2000:]
        return self.airflow.tasks(dag_id)

    def published(self) -> list[tuple[object, ...]]:
        return query(
            self.url,
            "SELECT date::text, model_version FROM recommendation_runs "
            "WHERE status = 'published' AND readers > 0 ORDER BY published_at",
        )


@pytest.fixture
def world(
    make_airflow: MakeAirflow, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    params = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    params["world"] |= WORLD
    params["ranker"]["trees"] = 20
    file = tmp_path / "params.yaml"
    file.write_text(yaml.safe_dump(params))
    var = tmp_path / "var"
    settings = {
        "NEWSREC_VAR": str(var),
        "NEWSREC_PARAMS": str(file),
        "DATABASE_URL": database_url,
        "PUBLIC_URL": "https://news.example.org",
    }
    airflow = make_airflow(
        var,
        **settings,
        NEWSREC_HOME=str(REPOSITORY),
        NEWSREC_BIN=str(Path(sys.executable).parent),
        NEWSREC_RETRIES="0",
    )
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("STORE_URL", raising=False)
    _stage("simulate", "days", "--from", FIRST, "--to", DAY)
    _stage("etl", "--date", FIRST)
    with forked_airflow(airflow, tmp_path):
        yield World(airflow, Store((var / "store").as_uri()), database_url, var / "outbox")


def _stage(*args: str) -> None:
    cli.app.main(args=list(args), prog_name="newsrec", standalone_mode=False)


def test_a_day_goes_through_all_dags_and_a_bad_one_stops(world: World) -> None:
    assert world.play("ingest") == {
        "export": "success",
        "etl": "success",
        "materialize": "success",
    }
    known = {"day": DAY, "as_of": f"{NEXT}T00:00:00+00:00"}
    assert world.airflow.events() == [("counters", known)]

    done = ("check", "train", "evaluate", "decide", "promoted")
    assert world.play("retrain") == dict.fromkeys(done, "success")
    champion = FileRegistry(world.store).champion()
    assert champion.startswith("20260303-")
    assert world.airflow.events()[1:] == [("champion", known)]

    states = world.play("recommend")
    assert states == {"choose": "success", "full": "success", "refresh": "skipped"}
    assert world.published() == [(NEXT, champion)]

    # The digest is of the day itself, the others are of the day before.
    assert world.play("digest_africa", NEXT) == {"send": "success"}
    africans = _wanting_email(world, "africa")
    assert 0 < len(list((world.outbox / NEXT).glob("*.eml"))) == africans
    # Played again, everything is as it was.
    assert world.play("digest_africa", NEXT) == {"send": "success"}
    assert len(list((world.outbox / NEXT).glob("*.eml"))) == africans

    _a_broken_file_stops_the_day(world)


def _a_broken_file_stops_the_day(world: World) -> None:
    world.store.write_bytes(f"landing/articles/dt={NEXT}/articles.jsonl.gz", b"not gzip")
    before = world.airflow.events()

    assert world.play("ingest", NEXT, succeeds=False) == {
        "export": "success",
        "etl": "failed",
        "materialize": "upstream_failed",
    }
    # Whoever trains all the same is stopped by the checks, and the champion stays.
    champion = FileRegistry(world.store).champion()
    assert world.play("retrain", NEXT, succeeds=False) == {
        "check": "failed",
        **dict.fromkeys(("train", "evaluate", "decide", "promoted"), "upstream_failed"),
    }
    assert FileRegistry(world.store).champion() == champion
    assert world.airflow.events() == before


def _wanting_email(world: World, region: str) -> int:
    ((number,),) = query(
        world.url,
        "SELECT count(*)::int FROM users WHERE region = %s AND email IS NOT NULL "
        "AND consents -> 'email_digest' = 'true'",
        region,
    )
    assert isinstance(number, int)
    return number
