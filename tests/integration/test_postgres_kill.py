"""kill -9 of PostgreSQL in the middle of a stage: started again, the same command makes it good.

As Airflow tries a task again: the command ends with one line, the server comes back, and the same
command follows. Nothing is lost, and nothing that readers see is repeated.
"""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from newsrec_db import migrate
from newsrec_db.embedded import Embedded
from newsrec_pipelines.db import connect
from newsrec_pipelines.errors import DatabaseError
from newsrec_pipelines.etl.run import Etl
from newsrec_pipelines.etl.runners import bound_pipeline
from newsrec_pipelines.etl.runs import only_one
from newsrec_pipelines.features.types import Request
from newsrec_pipelines.store import Store
from support.etl import (
    DAY,
    NEXT,
    all_files,
    in_parquet,
    in_postgres,
    landing_of_two_days,
    local_store,
    params,
    run_etl,
)
from support.fake_model import AS_OF, FakeBlock, FakeModel
from support.mail_server import OK, mail_server
from support.postgres import query
from support.seed_mailer import DAY as MORNING
from support.seed_mailer import email, readers, seed
from support.slates import current_run, partitions, publish, rows_of, runs

READERS = 8


@dataclass
class Server:
    """A server of its own, which a test may kill; it comes back at another port."""

    embedded: Embedded
    template: str = "template_of_the_kills"

    def kill(self) -> None:
        """As the kernel does when memory is short: no backend outlives it."""
        pid = self.embedded.pid()
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 250
        while self.embedded.running():
            assert time.monotonic() < deadline, "PostgreSQL is not dead"
            time.sleep(0.02)

    def start(self) -> str:
        """URL without a database."""
        return self.embedded.start().rsplit("/", 1)[0]

    def again(self, url: str) -> str:
        """Start it after a kill; the new URL of a database."""
        return f"{self.start()}/{url.rsplit('/', 1)[1]}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(Embedded(tmp_path_factory.mktemp("killed") / "postgres"))
    url = server.start()
    _execute(f"{url}/postgres", f"CREATE DATABASE {server.template}")
    migrate.upgrade(f"{url}/{server.template}")
    yield server
    server.embedded.stop()


@pytest.fixture
def url(server: Server) -> Iterator[str]:
    """A fresh, migrated, empty database of that server."""
    name = f"newsrec_{uuid.uuid4().hex[:12]}"
    url = server.start()
    _execute(f"{url}/postgres", f"CREATE DATABASE {name} TEMPLATE {server.template}")
    yield f"{url}/{name}"
    _execute(f"{server.start()}/postgres", f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, Any]:
    return {}


@pytest.mark.parametrize("step", ["none", "begun", "staged", "loaded", "written", "committed"])
def test_an_etl_that_loses_its_database(
    step: str, server: Server, undisturbed: dict[str, Any], url: str, tmp_path: Path
) -> None:
    store = local_store(tmp_path)
    landing_of_two_days(store)
    run_etl(url, store, DAY)
    if step == "none":  # first of all, what it should be
        run_etl(url, store, NEXT)
        undisturbed["after"] = in_postgres(url), in_parquet(store), all_files(store)
        return
    before = in_parquet(store)

    with pytest.raises(DatabaseError, match=r"^PostgreSQL: [^\n]+$"):
        _etl_killing_at(step, server, url, store)
    assert in_parquet(store) == before or step == "committed"
    url = server.again(url)
    run_etl(url, store, NEXT)

    after = in_postgres(url), in_parquet(store), all_files(store)
    assert after == undisturbed["after"]
    assert query(url, "SELECT DISTINCT status FROM etl_runs") == [("finished",)]


def _etl_killing_at(step: str, server: Server, url: str, store: Store) -> None:
    with connect(url, "newsrec_etl") as conn, only_one(conn):
        etl = Etl(conn, store, params(), bound_pipeline("FnApiRunner"))
        for done in etl.day(NEXT):
            if done == step:
                server.kill()


class KillingModel(FakeModel):
    """Kills PostgreSQL when the slates of the first readers are written."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self._server = server
        self._blocks = 0

    def block(self, request: Request) -> FakeBlock:
        """As the fake model, in a world without a database from the third block on."""
        self._blocks += 1
        if self._blocks == 3:
            self._server.kill()
        return super().block(request)


class KillingStore(Store):
    """Kills PostgreSQL when all is written that explains a run, just before it is visible."""

    server: Server | None = None

    def write_bytes(self, key: str, content: bytes) -> None:
        """As the store does."""
        super().write_bytes(key, content)
        if self.server and key.endswith("manifest.json"):
            self.server.kill()


@pytest.mark.parametrize("moment", ["in the middle", "just before the run is visible"])
def test_a_run_of_slates_that_loses_its_database(
    moment: str, server: Server, url: str, tmp_path: Path
) -> None:
    store = KillingStore((tmp_path / "store").as_uri())
    publish(url, as_of=AS_OF - timedelta(days=1), store=store)
    expected = rows_of(url, publish(url, store=store).run_id)
    current = current_run(url)
    model = KillingModel(server) if moment == "in the middle" else None
    store.server = server if model is None else None

    with pytest.raises(DatabaseError, match=r"^PostgreSQL: [^\n]+$"):
        publish(url, model, store=store)
    store.server = None
    url = server.again(url)
    assert current_run(url) == current
    again = publish(url, store=store)

    assert rows_of(url, again.run_id) == expected
    assert current_run(url) == (again.run_id, 9)
    assert [status for status, _ in runs(url)] == ["published", "published", "failed", "published"]
    assert partitions(url) == 3 * 2


def test_a_mailer_that_loses_its_database(server: Server, url: str) -> None:
    seed(url, readers(READERS))
    victim = email("u0003")

    def kill(address: str) -> str:
        if address == victim:
            server.kill()
        return OK

    with mail_server() as mailbox:
        mailbox.on_data = kill
        status, told = _send(url, mailbox.url)
        assert status == 1
        assert len(told.splitlines()) == 1, told
        mailbox.on_data = lambda _: OK
        url = server.again(url)
        assert _send(url, mailbox.url) == (0, "")
        assert _send(url, mailbox.url) == (0, "")

    # The victim's arrived; nobody could write that down, so nobody sends it again.
    assert Counter(mailbox.recipients()) == {email(r.user_id): 1 for r in readers(READERS)}
    states = query(url, "SELECT state, count(*)::int FROM deliveries GROUP BY state ORDER BY state")
    assert states == [("sent", READERS - 1), ("uncertain", 1)]


def _send(url: str, smtp_url: str) -> tuple[int, str]:
    """`newsrec-mailer send`: its exit status and what it complains of."""
    done = subprocess.run(
        [sys.executable, "-m", "newsrec_mailer", "send", "--date", str(MORNING)],
        env={
            **{k: v for k, v in os.environ.items() if not k.startswith(("SMTP", "LINK_SECRET"))},
            "DATABASE_URL": url,
            "SMTP_URL": smtp_url,
            "MAIL_FROM": "digest@news.example.org",
            "PUBLIC_URL": "https://news.example.org",
            "LINK_SECRET": "a secret of the tests",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr.strip()


def _execute(url: str, sql: str) -> None:
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
    finally:
        connection.close()
