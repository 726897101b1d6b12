"""Runs in PostgreSQL: whole or not at all, one writer a date, old ones dropped."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psycopg2
import pytest

from newsrec_pipelines.db import connect
from newsrec_pipelines.errors import DatabaseError, ModelError
from newsrec_pipelines.features.types import Request
from newsrec_pipelines.scoring import publish as publishing_module
from newsrec_pipelines.scoring.publish import publishing
from newsrec_pipelines.scoring.run import new_run
from newsrec_pipelines.store import Store
from support.fake_model import AS_OF, FakeBlock, FakeModel
from support.postgres import query
from support.slates import PARAMS, current_run, partitions, publish, rows_of, runs


@dataclass
class _FailsLater(FakeModel):
    """Its second block of readers breaks it."""

    calls: int = 0

    def block(self, request: Request) -> FakeBlock:
        self.calls += 1
        if self.calls == 2:
            raise ModelError("the model fell over")
        return super().block(request)


@pytest.fixture
def old_run(database_url: str) -> Iterator[str]:
    """A published run, which must be the same after the test."""
    run_id = publish(database_url, as_of=AS_OF - timedelta(days=1)).run_id
    before = rows_of(database_url, run_id)
    yield run_id
    assert rows_of(database_url, run_id) == before
    assert before["recommendations"]


def test_a_run_writes_a_slate_for_every_reader_with_scores_and_reasons(database_url: str) -> None:
    summary = publish(database_url)

    assert current_run(database_url) == (summary.run_id, 9)
    assert runs(database_url) == [("published", 9)]
    rows = rows_of(database_url, summary.run_id)
    user, variant, articles, scores, propensities, reasons, version = rows["recommendations"][0]
    assert (user, variant, version) == ("u00", "champion", "fake")
    assert articles[0] == "a006"  # English sports, and a000 was read
    assert len(articles) == len(scores) == len(propensities) == len(reasons) == PARAMS.slate.depth
    assert reasons[0] == {"code": "chosen_category", "text": "chosen_category in sports"}
    assert len(rows["popular_slates"]) == 9
    assert len(rows["similar_articles"]) == 60
    assert (summary.places, summary.cold, summary.candidates) == (180, 7, 60)
    assert list(summary.seconds) == ["predict", "write", "keep", "popular and similar", "prune"]


def test_the_same_request_gives_the_same_rows_whatever_the_blocks(database_url: str) -> None:
    ids = [publish(database_url, readers_per_block=n).run_id for n in (2, 100)]

    assert len(set(ids)) == 2
    assert rows_of(database_url, ids[0]) == rows_of(database_url, ids[1])


def test_a_run_that_fails_leaves_the_old_one_and_no_partition(
    database_url: str, old_run: str, tmp_path: Path
) -> None:
    store = Store(tmp_path.as_uri())
    with pytest.raises(ModelError, match="fell over"):
        publish(database_url, _FailsLater(), store=store)
    assert store.keys("runs") == []

    assert current_run(database_url) == (old_run, 9)
    assert runs(database_url) == [("published", 9), ("failed", 0)]
    assert partitions(database_url) == 2
    assert query(database_url, "SELECT DISTINCT run_id FROM popular_slates") == [(old_run,)]


def test_while_a_run_is_written_readers_see_the_old_one(database_url: str, old_run: str) -> None:
    @dataclass
    class Watched(FakeModel):
        def block(self, request: Request) -> FakeBlock:
            assert current_run(database_url) == (old_run, 9)
            return super().block(request)

    new = publish(database_url, Watched()).run_id

    assert current_run(database_url) == (new, 9)


def test_only_the_latest_runs_keep_their_rows_and_files(database_url: str, tmp_path: Path) -> None:
    store = Store(tmp_path.as_uri())
    strange = "runs/2026-01-01/of-another-database/placed-0.parquet"
    store.write_bytes(strange, b"")
    made = [publish(database_url, as_of=AS_OF + timedelta(hours=n), store=store) for n in range(6)]

    kept = PARAMS.slate.keep_runs
    assert [m.pruned for m in made] == [0] * kept + [1] * (6 - kept)
    assert partitions(database_url) == 2 * kept
    assert [bool(rows_of(database_url, m.run_id)["recommendations"]) for m in made] == [
        n >= 6 - kept for n in range(6)
    ]
    assert len(rows_of(database_url, made[0].run_id)["popular_slates"]) == 0
    store.remove(strange)
    assert {key.split("/")[2] for key in store.keys("runs")} == {m.run_id for m in made[6 - kept :]}
    assert runs(database_url) == [("published", 9)] * 6  # the record stays, for audits


def test_a_run_for_a_past_date_keeps_its_rows_and_stays_behind_the_current_one(
    database_url: str,
) -> None:
    made = [publish(database_url, as_of=AS_OF + timedelta(days=n)) for n in (1, 2, 3, 4)]
    past = publish(database_url)

    assert current_run(database_url) == (made[-1].run_id, 9)
    assert rows_of(database_url, past.run_id)["recommendations"]


def test_two_runs_of_one_date_are_not_written_at_once(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing_module, "_OWNER_WAIT", "100ms")
    with connect(database_url, "newsrec_scoring") as conn:
        with publishing(conn, new_run(AS_OF.date(), AS_OF, "fake")):
            with pytest.raises(DatabaseError, match="another run for 2026-03-06"):
                publish(database_url)
            other = publish(database_url, as_of=AS_OF + timedelta(days=1))
        assert runs(database_url) == [("published", 0), ("published", 9)]
    assert current_run(database_url) == (other.run_id, 9)


def test_a_run_of_another_date_whose_writer_died_is_removed(database_url: str) -> None:
    conn = psycopg2.connect(database_url, options="-c role=newsrec_scoring")
    dead = publishing(conn, new_run(AS_OF.date() - timedelta(days=9), AS_OF, "fake"))
    dead.__enter__()
    assert partitions(database_url) == 2
    conn.close()

    publish(database_url)

    assert runs(database_url) == [("failed", 0), ("published", 9)]
    assert partitions(database_url) == 2


def test_a_lock_on_a_parent_table_is_waited_for(
    database_url: str, old_run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing_module, "_DDL_WAIT", "50ms")
    monkeypatch.setattr(publishing_module, "_DDL_ATTEMPTS", 2)
    reader = psycopg2.connect(database_url)
    try:
        with reader.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM recommendations")
            with pytest.raises(DatabaseError, match="lock timeout"):
                publish(database_url)
    finally:
        reader.close()

    assert current_run(database_url) == (old_run, 9)
    assert publish(database_url).readers == 9
    assert [status for status, _ in runs(database_url)] == ["published", "failed", "published"]


def test_a_run_that_somebody_else_ended_is_not_published(database_url: str, old_run: str) -> None:
    with (
        pytest.raises(DatabaseError, match="nothing published"),
        connect(database_url, "newsrec_scoring") as conn,
        publishing(conn, new_run(AS_OF.date(), AS_OF, "fake")),
        connect(database_url, "newsrec_scoring") as other,
        other,
        other.cursor() as cursor,
    ):
        cursor.execute("UPDATE recommendation_runs SET status = 'failed' WHERE readers = 0")

    assert current_run(database_url) == (old_run, 9)
