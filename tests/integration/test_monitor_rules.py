"""`newsrec monitor` acts: back to the last good model once, variants ended, nothing done twice."""

import os
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from newsrec_pipelines import cli
from newsrec_pipelines.db import connect
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.partitions import Manifest, PartitionFile, write_manifest
from newsrec_pipelines.rollout.variants import set_variants
from newsrec_pipelines.settings import Settings
from newsrec_pipelines.store import Store
from support.manifests import write_version
from support.outcomes import DAY
from support.postgres import REPOSITORY, query

READERS = 250

# A day's run with a slate for every reader, shown once and opened by most, by one version each.
SERVED = """
INSERT INTO recommendation_runs (run_id, date, as_of, model_version, status, readers, published_at)
VALUES (%(run)s, %(day)s, %(day)s::timestamp AT TIME ZONE 'UTC', %(version)s, 'published',
        %(readers)s, now());
SELECT create_run_partitions(%(run)s);
SELECT ensure_day_partition('impressions', %(day)s), ensure_day_partition('reads', %(day)s);
CREATE TEMPORARY TABLE served ON COMMIT DROP AS
SELECT 'u' || n AS user_id, n, CASE WHEN n %% 2 = 0 THEN %(variant)s ELSE 'champion' END AS variant
FROM generate_series(1, %(readers)s) AS n;
INSERT INTO recommendations
SELECT %(run)s, user_id, variant, array_fill('a'::text, ARRAY[20]), '{1}', '{1}', '[]',
       CASE variant WHEN 'champion' THEN %(version)s ELSE 'v-other' END FROM served;
INSERT INTO impressions (impression_id, user_id, shown_at, surface, article_ids, order_known,
                         slate_id, available_at, batch_id, day)
SELECT 'i' || %(run)s || user_id, user_id, %(day)s::timestamp AT TIME ZONE 'UTC', 'site', '{a}',
       true, %(run)s || ':' || variant || ':' || user_id, now(), 'b', %(day)s FROM served;
INSERT INTO reads (event_id, user_id, article_id, read_at, kind, dwell_seconds, impression_id,
                   available_at, batch_id, day)
SELECT 'e' || %(run)s || user_id, user_id, 'a', %(day)s::timestamp AT TIME ZONE 'UTC', 'read',
       CASE variant WHEN 'champion' THEN %(dwell)s ELSE %(other)s END + n %% 7,
       'i' || %(run)s || user_id, now(), 'b', %(day)s FROM served WHERE n %% 5 > 0;
INSERT INTO users SELECT user_id, 'africa', 'en', NULL, 'UTC', '{}', '2026-01-01', '{}', NULL,
    '2026-01-01', 'b' FROM served ON CONFLICT DO NOTHING;
"""


@pytest.fixture
def store(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Versions v1 and v2 of one configuration, promoted one after the other; and others."""
    monkeypatch.setenv("NEWSREC_VAR", str(tmp_path))
    monkeypatch.setenv("NEWSREC_PARAMS", str(REPOSITORY / "params.yaml"))
    monkeypatch.setenv("DATABASE_URL", database_url)
    store = Store(Settings.from_env(os.environ).store_url)
    for version in ("v1", "v2", "v-bad", "v-other"):
        write_version(store, version, as_of=datetime(2026, 3, 9, tzinfo=UTC))
    registry = FileRegistry(store)
    registry.promote("v1", by="gate", why="first")
    registry.promote("v2", by="gate", why="not worse")
    return store


def serve(url: str, ago: int, version: str, dwell: float, other: float | None = None) -> None:
    """A day on which the version's readers read so many seconds, and half of them another's."""
    day = DAY - timedelta(days=ago)
    values = {
        "run": f"{day}-{version}",
        "day": day,
        "version": version,
        "variant": "champion" if other is None else "challenger",
        "readers": READERS * (1 if other is None else 2),
        "dwell": dwell,
        "other": other,
    }
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute(SERVED, values)
    connection.close()


def monitor(store: Store, ago: int = 0) -> list[dict[str, Any]]:
    """The alarms of a day."""
    day = DAY - timedelta(days=ago)
    assert cli_status("monitor", "--date", str(day)) == 0
    alarms: list[dict[str, Any]] = store.read_json(f"reports/monitoring/{day}.json")["alarms"]
    return alarms


def cli_status(*arguments: str) -> object:
    with pytest.raises(SystemExit) as ended:
        cli.main(list(arguments))
    return ended.value.code or 0


def test_a_bad_champion_forced_in_by_hand_is_gone_back_from_once(
    store: Store, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for ago in (4, 3, 2, 1):
        serve(database_url, ago, "v2", 40.0 + ago)
    assert monitor(store, 1) == []
    registry = FileRegistry(store)
    registry.promote("v-bad", by="ada", why="trust me")
    serve(database_url, 0, "v-bad", 10.0)

    (alarm,) = monitor(store)

    assert (alarm["name"], alarm["action"], alarm["severity"]) == (
        "dwell_below_expectation",
        "rollback",
        "critical",
    )
    assert alarm["done"] == "v2 serves again from the next run on"
    assert registry.champion() == "v2"
    event = registry.history()[-1]
    assert (event.action, event.version, event.by) == ("rollback", "v2", "monitor")
    assert "alarm dwell_below_expectation (critical, rollback): " in capsys.readouterr().out

    events = len(registry.history())
    assert monitor(store) == [alarm]
    assert len(registry.history()) == events
    # Whoever wants it again has it: people are told, nothing more.
    registry.promote("v-bad", by="ada", why="I insist")
    store.remove(f"reports/monitoring/{DAY}.json")
    assert [a["action"] for a in monitor(store)] == ["none"]
    assert registry.champion() == "v-bad"


def test_the_same_configuration_is_trained_again_and_stays(store: Store, database_url: str) -> None:
    for ago in (4, 3, 2, 1):
        serve(database_url, ago, "v1", 40.0 + ago)
    serve(database_url, 0, "v2", 10.0)

    (alarm,) = monitor(store)

    assert (alarm["action"], alarm["done"]) == ("retrain", None)
    assert FileRegistry(store).champion() == "v2"
    drift = query(database_url, "SELECT subject, name, drifted FROM drift WHERE day = %s", DAY)
    assert drift == [("model", "dwell_champion", True)]
    one_query = query(
        database_url,
        "SELECT day, model_version, dwell_per_reader FROM realised_quality "
        "WHERE variant = 'champion' ORDER BY day DESC LIMIT 2",
    )
    assert [(row[0], row[1]) for row in one_query] == [
        (DAY, "v2"),
        (DAY - timedelta(days=1), "v1"),
    ]


def test_a_variant_that_breaches_its_guard_is_ended(store: Store, database_url: str) -> None:
    with connect(database_url, "newsrec_operations") as conn:
        set_variants(conn, {"challenger": ("v-other", Decimal(50))}, by="ada", why="try")
    serve(database_url, 1, "v2", 40.0, other=39.0)
    assert monitor(store, 1) == []
    serve(database_url, 0, "v2", 40.0, other=10.0)

    (alarm,) = monitor(store)

    assert (alarm["name"], alarm["subject"]) == ("variant_guard", "challenger")
    assert alarm["done"] == "its readers get the champion's slates"
    ended = "SELECT ended_by FROM variants WHERE ended_at IS NOT NULL"
    assert query(database_url, ended) == [("monitor",)]
    assert monitor(store) == [alarm]
    assert query(database_url, ended) == [("monitor",)]
    served = query(
        database_url, "SELECT variant, readers FROM realised_quality WHERE day = %s", DAY
    )
    assert sorted(served) == [("challenger", READERS), ("champion", READERS)]


def test_many_reads_since_the_training_ask_for_another_one(store: Store, database_url: str) -> None:
    write_version(store, "v3", as_of=datetime(2026, 2, 10, tzinfo=UTC), reads=100)
    FileRegistry(store).promote("v3", by="gate", why="not worse")
    serve(database_url, 0, "v3", 40.0)
    assert monitor(store) == []
    file = PartitionFile("f", 60, "0")
    # Long before the days whose drift is looked at, which are read.
    write_manifest(store, Manifest("clean/reads", date(2026, 2, 12), "b", (file,)))

    (alarm,) = monitor(store)

    assert (alarm["name"], alarm["action"]) == ("new_reads", "retrain")
    assert alarm["detail"].startswith("60% of the reads that v3 knew")
    assert cli_status("condition", "alarm", "--action", "retrain", "--date", str(DAY)) == 0
    assert cli_status("condition", "alarm", "--action", "rollback", "--date", str(DAY)) == 99


def test_the_history_is_kept_as_long_as_the_parameters_say(store: Store, database_url: str) -> None:
    days = Params.load(REPOSITORY / "params.yaml").monitoring.history_days
    for ago in (days + 1, days):
        serve(database_url, ago, "v2", 40.0)
        monitor(store, ago)
    kept = "SELECT DISTINCT day FROM slate_outcomes ORDER BY day"
    first, second = (DAY - timedelta(days=days + n) for n in (1, 0))
    assert query(database_url, kept) == [(first,), (second,)]

    monitor(store)

    assert query(database_url, kept) == [(second,)]


def test_slates_of_yesterday_and_of_few_readers_are_told(store: Store, database_url: str) -> None:
    serve(database_url, 2, "v2", 40.0)
    connection = psycopg2.connect(database_url)
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO users SELECT 'new' || n, 'africa', 'en', NULL, 'UTC', '{}', "
            "'2026-01-01', '{}', NULL, '2026-01-01', 'b' FROM generate_series(1, 50) AS n"
        )
    connection.close()

    alarms = {a["name"]: a for a in monitor(store)}

    assert set(alarms) == {"stale_slates", "slate_coverage"}
    assert "72 hours old" in alarms["stale_slates"]["detail"]
    assert alarms["slate_coverage"]["detail"].startswith("83.3%")
