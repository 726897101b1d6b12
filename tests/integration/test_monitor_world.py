"""`newsrec check` and `newsrec monitor` on a small world whose readers' tastes shift on a day."""

import os
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date

import polars as pl
import psycopg2
import pytest

from newsrec_db import migrate
from newsrec_pipelines import cli, partitions
from newsrec_pipelines.monitoring import drift
from newsrec_pipelines.monitoring.observed import observe
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.settings import Settings
from newsrec_pipelines.store import Store
from support.postgres import REPOSITORY, query

PARAMS = """
extends: {base}
world: {{readers: 300, articles_per_day: 150, seed: 5, shift_day: "2026-03-08"}}
"""
USUAL, SHIFTED = "2026-03-07", "2026-03-08"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, postgres_server: str) -> Iterator[str]:
    """The database of eight days of the world, through the ETL; the environment points to it."""
    var = tmp_path_factory.mktemp("world")
    params = var / "params.yaml"
    params.write_text(PARAMS.format(base=REPOSITORY / "params.yaml"))
    database = _database(postgres_server)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEWSREC_VAR", str(var))
        patch.setenv("NEWSREC_PARAMS", str(params))
        patch.setenv("DATABASE_URL", database)
        run("simulate", "days", "--from", "2026-03-01", "--to", SHIFTED)
        run("etl", "--from", "2026-03-01", "--to", SHIFTED)
        yield database


@pytest.fixture
def store(url: str) -> Store:
    return Store(Settings.from_env(os.environ).store_url)


def test_the_first_day_and_a_usual_one_pass_the_checks(url: str, store: Store) -> None:
    run("check", "--date", "2026-03-01")
    run("check", "--date", USUAL)

    checks = {c["name"]: c for c in store.read_json(f"reports/monitoring/{USUAL}.checks.json")}
    assert all(c["passed"] for c in checks.values())
    assert checks["reads_volume"]["low"] > 100
    # The world is dirty by design: what is corrupt is counted, and is little.
    assert 0 < checks["dead_letters"]["value"] < checks["dead_letters"]["high"]
    rows = dict(query(url, "SELECT day, count(*) FROM data_checks GROUP BY day"))  # type: ignore[arg-type]
    assert rows == {date(2026, 3, 1): 13, date(2026, 3, 7): 13}
    first = query(url, "SELECT detail FROM data_checks WHERE detail LIKE '%%not enough history'")
    assert len(first) == 4


def test_half_a_day_of_articles_stops_in_one_line_and_a_second_look_replaces_the_first(
    url: str, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    with _articles(store, lambda rows: rows.head(40)):
        fails("check", "--date", USUAL)
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("newsrec: bad data of 2026-03-07, keeping the champion: ")
        assert "fewer articles than expected: 40, 152 are usual" in line
        failed = query(url, "SELECT name FROM data_checks WHERE NOT passed AND severity = 'error'")
        assert ("articles_volume",) in failed
    run("check", "--date", USUAL)
    assert query(url, "SELECT name FROM data_checks WHERE NOT passed") == []


def test_sources_that_are_late_are_named_and_stop_when_much_is_theirs(
    url: str, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    names = pl.col("publisher")
    late = ""

    def without(rows: pl.DataFrame) -> pl.DataFrame:
        """All but the one with most articles."""
        nonlocal late
        late = str(rows.group_by("publisher").len().sort("len", "publisher")["publisher"][-1])
        return rows.filter(names != late)

    with _articles(store, without):
        run("check", "--date", USUAL)
        assert f"warning sources               late or silent: {late} (" in capsys.readouterr().out
    with _articles(store, lambda rows: rows.filter(names == late)):
        fails("check", "--date", USUAL)
        assert "sources: late or silent: " in capsys.readouterr().err
    run("check", "--date", USUAL)


def test_a_day_that_never_arrived_stops(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    fails("check", "--date", "2026-03-09")
    assert "no finished ETL of 2026-03-09" in capsys.readouterr().err


def test_other_tastes_are_flagged_that_day_and_a_usual_day_is_not(
    url: str, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    run("monitor", "--date", USUAL)
    run("monitor", "--date", SHIFTED)

    usual, shifted = (store.read_json(f"reports/monitoring/{day}.json") for day in (USUAL, SHIFTED))
    assert usual["alarms"] == []
    (alarm,) = shifted["alarms"]
    assert (alarm["name"], alarm["severity"], alarm["action"]) == (
        "readers_drift",
        "warning",
        "retrain",
    )
    rows = query(url, "SELECT day, subject, name FROM drift WHERE drifted")
    assert (date(2026, 3, 8), "readers", "preference_drift") in rows
    assert {row[0] for row in rows} == {date(2026, 3, 8)}
    # The report for people: Evidently's distributions, and one small page.
    assert shifted["pages"] == {s: f"{SHIFTED}.{s}.html" for s in ("readers", "articles")}
    for name in shifted["pages"].values():
        assert b"log_" in store.read_bytes(f"reports/monitoring/{name}")
    assert b"readers_drift" in store.read_bytes(f"reports/monitoring/{SHIFTED}.html")
    metrics = (Settings.from_env(os.environ).var / "metrics/monitor.prom").read_text()
    assert (
        'newsrec_drifted{name="preference_drift",stage="monitor",subject="readers"} 1.0' in metrics
    )


def test_evidently_measures_the_same_distances(url: str, store: Store) -> None:
    params = Params.load(REPOSITORY / "params.yaml")
    day = date.fromisoformat(SHIFTED)
    observed = observe(store, day, params)
    (readers, _) = drift.compare(observed, day, params.monitoring.drift, params.training.seed)
    theirs = _by_evidently(readers)

    assert theirs == pytest.approx({d.column: d.value for d in readers.distances}, abs=1e-9)
    assert len(theirs) == 5


@contextmanager
def _articles(store: Store, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Iterator[None]:
    """Other articles of the usual day, until the end."""
    day = date.fromisoformat(USUAL)
    manifest = partitions.read_manifest(store, "clean/articles", day)
    assert manifest is not None
    kept = [(f.key, store.read_bytes(f.key)) for f in manifest.files]
    rows = change(pl.read_parquet(store.path(kept[0][0])))
    rows.write_parquet(store.path(kept[0][0]))
    key = partitions.manifest_key("clean/articles", day)
    before = store.read_json(key)
    file = partitions.PartitionFile(kept[0][0], rows.height, "0")
    store.write_json(key, {**before, "files": [vars(file)]})
    try:
        yield
    finally:
        store.write_json(key, before)
        for name, content in kept:
            store.write_bytes(name, content)


def _by_evidently(compared: drift.Compared) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Evidently warns of its own parts
        from evidently import DataDefinition, Dataset, Report
        from evidently.metrics import ValueDrift

        methods = {d.column: d.method for d in compared.distances}
        numbers = [c for c, m in methods.items() if m == "wasserstein"]
        names = [c for c in methods if c not in numbers]
        definition = DataDefinition(categorical_columns=names, numerical_columns=numbers)
        sets = [
            Dataset.from_pandas(frame.to_pandas(), data_definition=definition)
            for frame in (compared.current, compared.reference)
        ]
        report = Report([ValueDrift(column=c, method=m) for c, m in methods.items()]).run(*sets)
        return {m["config"]["column"]: float(m["value"]) for m in report.dict()["metrics"]}


def run(*args: str) -> None:
    """A stage in this process, as the operator calls it; it must succeed."""
    assert _status(*args) == 0


def fails(*args: str) -> None:
    """A stage that must fail."""
    assert _status(*args) == 1


def _status(*args: str) -> object:
    with pytest.raises(SystemExit) as ended:
        cli.main([*args])
    return ended.value.code or 0


def _database(server: str) -> str:
    name = f"monitor_{uuid.uuid4().hex[:8]}"
    connection = psycopg2.connect(f"{server}/postgres")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    connection.close()
    migrate.upgrade(f"{server}/{name}")
    return f"{server}/{name}"
