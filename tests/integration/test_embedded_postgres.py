"""The embedded server starts, keeps its data through kill -9, and closes its door to strangers."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from newsrec_db.embedded import Embedded, EmbeddedError
from support.postgres import query


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Embedded]:
    server = Embedded(tmp_path / "postgres")
    yield server
    server.stop()


def test_data_survives_kill_9(server: Embedded) -> None:
    url = server.start()
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept (x integer)")
        cursor.execute("INSERT INTO kept VALUES (1)")
    connection.close()

    os.kill(server.pid(), signal.SIGKILL)
    url = server.start()

    assert query(url, "SELECT x FROM kept") == [(1,)]


def test_a_second_start_changes_nothing_and_a_second_stop_says_so(server: Embedded) -> None:
    assert server.start() == server.start()
    assert server.stop() is True
    assert server.stop() is False
    assert not server.running()


def test_a_wrong_password_is_refused_and_secrets_are_private(server: Embedded) -> None:
    url = server.start()
    password = (server.home / "password").read_text().strip()
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(url.replace(password, "guessed"))
    assert server.url_file.stat().st_mode & 0o077 == 0
    assert (server.home / "password").stat().st_mode & 0o077 == 0


def test_what_a_kill_during_initdb_left_is_made_anew(tmp_path: Path) -> None:
    killed = tmp_path / "killed"
    program = (
        "from pathlib import Path; from newsrec_db.embedded import Embedded; "
        f"Embedded(Path({str(killed)!r})).start()"
    )
    process = subprocess.Popen([sys.executable, "-c", program], start_new_session=True)
    try:
        while not any(killed.glob("data*/PG_VERSION")):
            assert process.poll() is None
            time.sleep(0.001)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    server = Embedded(killed)
    try:
        assert query(server.start(), "SELECT 1") == [(1,)]
    finally:
        server.stop()


def test_a_server_never_started_has_no_url(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match="make db-start"):
        Embedded(tmp_path).url()
