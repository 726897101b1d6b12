"""kill -9 while slates are written: nobody sees half a run, and the next start makes it good."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812

from newsrec_pipelines.store import Store
from support.fake_model import AS_OF
from support.postgres import REPOSITORY, query
from support.slates import current_run, partitions, publish, rows_of, runs

T = TypeVar("T")
_WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND application_name = 'newsrec_scoring' AND wait_event_type = 'Lock' AND query LIKE %s"
)
_ALIVE = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND application_name = 'newsrec_scoring'"
)


def test_killed_in_the_middle_of_copy(database_url: str, tmp_path: Path) -> None:
    def block_a_reader_of_the_last_block(conn: Connection, run_id: str) -> None:
        # COPY has to wait at this key, with some of its rows written and some not.
        with conn.cursor() as cursor:
            cursor.execute(
                "INSERT INTO recommendations VALUES "
                "(%s, 'u07', 'champion', '{}', '{}', '{}', '[]', 'blocker')",
                (run_id,),
            )

    blocked = _kill_and_repeat(database_url, tmp_path, block_a_reader_of_the_last_block, "COPY%")

    assert "manifest.json" not in blocked


def test_killed_just_before_the_run_is_visible(database_url: str, tmp_path: Path) -> None:
    def block_the_run(conn: Connection, run_id: str) -> None:
        with conn.cursor() as cursor:
            cursor.execute(
                "SELECT * FROM recommendation_runs WHERE run_id = %s FOR NO KEY UPDATE",
                (run_id,),
            )

    blocked = _kill_and_repeat(database_url, tmp_path, block_the_run, "UPDATE recommendation_runs%")

    # Nobody sees a run before all that explains it is there.
    assert blocked == {"manifest.json", "placed-0.parquet"}


def _kill_and_repeat(
    url: str, folder: Path, block: Callable[[Connection, str], None], blocked_query: str
) -> set[str]:
    """Kill a run that waits in `blocked_query`; returns which files it had written by then."""
    store = Store((folder / "store").as_uri())
    old = publish(url, as_of=AS_OF - timedelta(days=1), store=store).run_id
    before = publish(url, store=store).run_id
    expected = rows_of(url, before)
    current = current_run(url)
    blocker = psycopg2.connect(url)
    try:
        with _program(url, folder / "go", store.url) as program:
            run_id = _eventually(lambda: _running(url))
            _eventually(lambda: len(rows_of(url, run_id)["recommendations"]))
            block(blocker, run_id)
            (folder / "go").touch()
            _eventually(lambda: query(url, _WAITING, blocked_query)[0][0])
            assert current_run(url) == current
            written = {key.split("/")[4] for key in store.keys("runs") if run_id in key}
            program.kill()
        assert current_run(url) == current
    finally:
        blocker.close()
    _eventually(lambda: query(url, _ALIVE)[0][0] == 0)
    assert current_run(url) == current
    assert _running(url) == run_id

    again = publish(url, store=store)

    assert rows_of(url, again.run_id) == expected
    assert current_run(url) == (again.run_id, 9)
    assert [status for status, _ in runs(url)] == ["published", "published", "failed", "published"]
    assert partitions(url) == 3 * 2
    assert {key.split("/")[2] for key in store.keys("runs")} == {old, before, again.run_id}
    assert set(query(url, "SELECT DISTINCT run_id FROM popular_slates")) == {
        (old,),
        (current[0] if current else None,),
        (again.run_id,),
    }
    return written


@contextmanager
def _program(url: str, go: Path, store_url: str) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", "support.recommend_program", url, str(go), store_url],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "tests")},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _running(url: str) -> str:
    rows = query(url, "SELECT run_id FROM recommendation_runs WHERE status = 'running'")
    return str(rows[0][0]) if rows else ""


def _eventually(look: Callable[[], T]) -> T:
    deadline = time.monotonic() + 250
    while not (found := look()):
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.02)
    return found
