"""The rehearsal of a disaster: dump, destroy, restore by the cluster's own commands, compare."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import urllib3
import yaml

from newsrec_db.embedded import Embedded
from newsrec_pipelines import cli
from newsrec_pipelines.store import Store
from support.api_server import api_server
from support.cluster import K8S
from support.cluster_database import ClusterDatabase, command_of, run
from support.contents import contents, differences
from support.etl import in_parquet
from support.postgres import REPOSITORY, query

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
PARAMS = """
extends: {base}
world: {{readers: 60, articles_per_day: 40, visits_per_day: 4}}
als: {{epochs: 2}}
ranker: {{trees: 10}}
"""
FIRST, KNOWN, SERVED = "2026-03-01", "2026-03-02", "2026-03-03"
HTTP = urllib3.PoolManager(retries=False, timeout=30.0)


@dataclass
class Running:
    """The system after a small day."""

    database: ClusterDatabase
    server: Embedded
    store: Path
    log: Path

    def contents(self) -> dict[str, tuple[int, str]]:
        return contents(self.database.url("newsrec_owner"))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A day by the logins of the cluster: each program with the rights that it has there."""
    folder = tmp_path_factory.mktemp("disaster")
    server = Embedded(folder / "postgres")
    database = ClusterDatabase(server)
    params = folder / "params.yaml"
    params.write_text(PARAMS.format(base=REPOSITORY / "params.yaml"))
    try:
        database.start()
        database.migrations()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("NEWSREC_PARAMS", str(params))
            patch.setenv("NEWSREC_VAR", str(folder / "var"))
            patch.setenv("STORE_URL", (folder / "store").as_uri())
            patch.setenv("DATABASE_URL", database.url("login_pipelines"))
            _stage("simulate", "days", "--from", FIRST, "--to", KNOWN)
            _stage("etl", "--from", FIRST, "--to", KNOWN)
            _stage("materialize", "--as-of", f"{SERVED}T00:00:00+00:00")
            _stage("train", "--date", KNOWN)
            _stage("recommend", "--date", SERVED)
            log = folder / "api.log"
            _leave_settings(database, log)
            yield Running(database, server, folder / "store", log)
    finally:
        server.stop()


def _stage(*arguments: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(list(arguments))
    assert stopped.value.code == 0, arguments


def _api(database: ClusterDatabase, log: Path) -> Any:
    clock = f"{SERVED}T08:00:00+00:00"
    return api_server(database.url("login_api"), log, CLOCK_START=clock, WORKERS="1")


def _slates(database: ClusterDatabase, log: Path) -> list[Any]:
    """What each reader gets."""
    readers = [row[0] for row in query(database.url(), "SELECT user_id FROM users ORDER BY 1")]
    with _api(database, log) as address:
        answers = [
            HTTP.request("GET", f"{address}/v1/readers/{reader}/recommendations")
            for reader in readers
        ]
    assert {answer.status for answer in answers} == {200}
    return [answer.json() for answer in answers]


def _leave_settings(database: ClusterDatabase, log: Path) -> None:
    """What no stage could make again: what readers told us, and whom we wrote to."""
    with _api(database, log) as address:
        answer = HTTP.request(
            "PUT",
            f"{address}/v1/readers/reader-000001/preferences",
            json={"preferred_categories": ["science"]},
        )
        assert answer.status in (200, 204), answer.data


def _container(name: str) -> Any:
    documents = yaml.safe_load_all(
        (K8S / "components/postgres/backup.yaml").read_text(encoding="utf-8")
    )
    (job,) = (d for d in documents if d["kind"] == "CronJob" and d["metadata"]["name"] == name)
    (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    return container


def _dump(running: Running, backup: Path, left_out: str | None = None) -> None:
    command = command_of(_container("postgres-backup"), {"/backup": backup})
    if left_out:
        command = [c.replace("pg_dump ", f"pg_dump --exclude-table={left_out} ") for c in command]
    run(command, DATABASE_URL=running.database.url("newsrec_owner"))


def _destroy(running: Running) -> None:
    """The volume is gone, and with it every role and password."""
    running.server.stop()
    shutil.rmtree(running.server.home)


def _restore(running: Running, backup: Path) -> None:
    """In the order of docs/how-to/recover-from-a-disaster.md."""
    running.database.start()
    running.database.migrations()
    command = command_of(_container("postgres-restore"), {"/backup": backup})
    run(command, DATABASE_URL=running.database.url("newsrec_owner"))
    running.database.migrations()


def test_everything_comes_back_and_the_same_slates_are_served(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, slates = running.contents(), _slates(running.database, running.log)
    assert before["public.reader_settings"][0] == 1
    _dump(running, tmp_path)
    _destroy(running)
    _restore(running, tmp_path)

    assert differences(before, running.contents()) == set()
    assert _slates(running.database, running.log) == slates
    # Life goes on, with the rights of before.
    monkeypatch.setenv("DATABASE_URL", running.database.url("login_pipelines"))
    _stage("recommend", "--date", SERVED)


@pytest.fixture
def as_pipelines(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stages' surroundings, whatever port the server has by now."""
    monkeypatch.setenv("DATABASE_URL", running.database.url("login_pipelines"))


@pytest.mark.usefixtures("as_pipelines")
def test_the_online_store_is_made_again_from_the_files(running: Running) -> None:
    url = running.database.url("newsrec_owner")
    before = {n: found for n, found in running.contents().items() if n.startswith("feast.")}
    assert sum(rows for rows, _ in before.values()) > 100
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA feast CASCADE; CREATE SCHEMA feast")
        cursor.execute("ALTER SCHEMA feast OWNER TO newsrec_features")
        connection.commit()
    _stage("materialize", "--as-of", f"{SERVED}T00:00:00+00:00")
    after = running.contents()
    assert {name: after.get(name, (0, ""))[0] for name in before} == {
        name: rows for name, (rows, _) in before.items()
    }


@pytest.mark.usefixtures("as_pipelines")
def test_what_the_etl_made_is_made_again_from_the_landing_zone(running: Running) -> None:
    store = Store(running.store.as_uri())
    before, in_database = in_parquet(store), running.contents()
    assert len(before) > 5
    for part in ("clean", "features", "counters"):
        shutil.rmtree(running.store / part, ignore_errors=True)
    assert in_parquet(store) != before
    _stage("etl", "--from", FIRST, "--to", KNOWN)
    assert in_parquet(store) == before
    lost = differences(in_database, running.contents())
    assert not lost & {"public.articles", "public.reads", "public.impressions", "public.users"}


def test_a_table_that_the_dump_leaves_out_is_missed(running: Running, tmp_path: Path) -> None:
    before = running.contents()
    _dump(running, tmp_path, "deliveries")
    _destroy(running)
    _restore(running, tmp_path)
    missed = differences(before, running.contents())
    assert {name for name in missed if name.startswith(("public.", "feast."))} == {
        "public.deliveries"
    }
