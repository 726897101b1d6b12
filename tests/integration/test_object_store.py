"""Every stage on an object store: a chain of days gives there what it gives in a folder."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from newsrec_api.repositories.run_files import RunFiles
from newsrec_pipelines import cli
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.settings import Settings
from newsrec_pipelines.store import Store
from newsrec_pipelines.tracking import tracked
from support.etl import (
    DAY,
    NEXT,
    all_files,
    in_parquet,
    in_postgres,
    landing_of_two_days,
    local_store,
    run_etl,
)
from support.models import make_version
from support.object_store import BUCKET
from support.postgres import REPOSITORY, query

PARAMS = """
extends: {base}
world: {{readers: 80, articles_per_day: 50, visits_per_day: 4}}
als: {{epochs: 2}}
ranker: {{trees: 10}}
backtest: {{bootstrap: 50}}
monitoring: {{drift: {{mix_days: 2}}}}
"""
KNOWN, JUDGED, SERVED = "2026-03-02", "2026-03-03", "2026-03-04"
# The server has its part of the same cores, and of the same lock of the interpreter.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
_REPORT = "reports/monitoring/{}.json"
_NAMED_BY_CHANCE = ("runs/", "models/log/", "tracking/")
_SLATES = """
SELECT user_id, variant, article_ids, scores, propensities, reasons, r.model_version
FROM recommendations r ORDER BY user_id, variant
"""
_REFRESHED = """
SELECT user_id, r.article_ids, r.model_version FROM recommendations r
WHERE run_id = (SELECT run_id FROM recommendation_runs ORDER BY published_at DESC LIMIT 1)
ORDER BY user_id
"""
_RECEIVED = """
INSERT INTO event_inbox
SELECT 'impressions', 'shown-' || user_id, %(day)s::date, %(at)s::timestamptz, 'api',
       jsonb_build_object(
    'impression_id', 'shown-' || user_id, 'user_id', user_id, 'shown_at', %(at)s::text,
    'surface', 'site', 'article_ids', article_ids, 'order_known', true,
    'slate_id', run_id || ':' || variant || ':' || user_id)
FROM recommendations
UNION ALL
SELECT 'reads', 'event-' || user_id, %(day)s::date, %(at)s::timestamptz, 'api',
       jsonb_build_object(
    'event_id', 'event-' || user_id, 'user_id', user_id, 'article_id', article_ids[1],
    'read_at', %(at)s::text, 'kind', 'read', 'dwell_seconds', 30)
FROM recommendations
"""


def test_a_chain_of_days_gives_the_slates_that_a_folder_gives(
    s3: dict[str, str],
    database_url: str,
    other_database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    params = tmp_path / "params.yaml"
    params.write_text(PARAMS.format(base=REPOSITORY / "params.yaml"))
    monkeypatch.setenv("NEWSREC_PARAMS", str(params))
    monkeypatch.setenv("GIT_COMMIT", "abc")
    made = {}
    for name, url, database in (
        ("folder", (tmp_path / "store").as_uri(), database_url),
        ("object store", f"s3://{BUCKET}/some/prefix", other_database_url),
    ):
        monkeypatch.setenv("NEWSREC_VAR", str(tmp_path / name))
        monkeypatch.setenv("STORE_URL", url)
        monkeypatch.setenv("DATABASE_URL", database)
        made[name] = _play(Store(url), database, capsys)

    assert len(made["folder"]["slates"]) > 60
    for what, in_folder in made["folder"].items():
        assert made["object store"][what] == in_folder, what
    # Nothing came to lie on a disk that another pod would not see.
    on_disk = (tmp_path / "object store").rglob("*.parquet")
    assert [f for f in on_disk if "restored" not in f.parts] == []


@pytest.mark.parametrize("step", ["written", f"manifest clean/reads {DAY}"])
def test_an_etl_that_was_killed_is_made_good(
    step: str, s3: dict[str, str], database_url: str, other_database_url: str, tmp_path: Path
) -> None:
    undisturbed, store = local_store(tmp_path), Store(f"s3://{BUCKET}/{step.split()[0]}")
    for landing in (undisturbed, store):
        landing_of_two_days(landing)
    run_etl(other_database_url, undisturbed, DAY, NEXT)
    killed = subprocess.run(
        [sys.executable, "-m", "support.etl_program"],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "tests")},
        input=f"{database_url} {store.url} {step}\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert killed.stdout == f"{-signal.SIGKILL}\n"
    assert in_parquet(store) != in_parquet(undisturbed)

    run_etl(database_url, store, DAY, NEXT)

    assert in_parquet(store) == in_parquet(undisturbed)
    assert in_postgres(database_url) == in_postgres(other_database_url)
    assert all_files(store) == all_files(undisturbed)


def test_mlflow_keeps_pictures_there_and_points_at_versions(
    s3: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(f"s3://{BUCKET}/tracked")
    monkeypatch.setenv("NEWSREC_VAR", str(tmp_path))
    monkeypatch.setenv("STORE_URL", store.url)
    monkeypatch.setenv("MLFLOW_ARTIFACT_ROOT", f"s3://{BUCKET}/mlflow")
    monkeypatch.setenv("TRACKING_LIMIT", "250")
    version = "20260306-00000001"
    make_version(store, version)
    FileRegistry(store).promote(version, by="test", why="first")
    with tracked(Settings.from_env(os.environ), "evaluate") as run:
        run.figure("bars.svg", b"<svg/>")
    monkeypatch.setenv("TRACKERS", "mlflow")

    _run("tracking", "sync")

    with closing(sqlite3.connect(tmp_path / "mlflow" / "mlflow.db")) as db:
        (source,) = db.execute("SELECT source FROM model_versions").fetchone()
    assert source == f"{store.url}/models/{version}"
    assert Store(source).exists("manifest.json")
    there = Store(f"s3://{BUCKET}/mlflow")
    (picture,) = (key for key in there.keys("newsrec-evaluate") if key.endswith("bars.svg"))
    assert there.read_bytes(picture) == b"<svg/>"


def _play(store: Store, database: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """All stages in their order; what they left."""
    _run("simulate", "days", "--from", "2026-03-01", "--to", JUDGED)
    _run("etl", "--from", "2026-03-01", "--to", KNOWN)
    _run("train", "--date", KNOWN)
    _run("etl", "--date", JUDGED)
    _run("materialize", "--as-of", f"{SERVED}T00:00:00+00:00")
    capsys.readouterr()
    _run("evaluate", "--date", JUDGED)
    assert store.where(f"reports/evaluation/{JUDGED}.html") in capsys.readouterr().out
    _run("recommend", "--date", SERVED)
    _run("backtest", "--from", JUDGED, "--to", JUDGED, "--no-ablation")
    slates = query(database, _SLATES)
    ((run_id,),) = query(database, "SELECT run_id FROM recommendation_runs")
    user_id, article_id = str(slates[0][0]), slates[0][2][0]  # type: ignore[index]
    capsys.readouterr()
    _run("explain", "--run", str(run_id), "--user", user_id, "--article", article_id, "--json")
    explained = json.loads(capsys.readouterr().out)
    kept = RunFiles(store.url).kept(
        date.fromisoformat(SERVED), str(run_id), "champion", user_id, article_id
    )
    assert kept.score == explained["ranking"]["score"]
    assert {c.feature: c.value for c in kept.contributions} == {
        c["feature"]: c["value"] for c in explained["ranking"]["contributions"]
    }
    restored = Path(os.environ["NEWSREC_VAR"]) / "restored"
    champion = FileRegistry(store).champion()
    _run("data", "restore", "--model", champion, "--to", str(restored))
    (backtest,) = (k for k in store.keys("reports/backtest") if k.endswith(".json"))
    files = [k for k in store.keys("") if not k.startswith(_NAMED_BY_CHANCE)]
    operated = _operate(store, database)
    return {
        **operated,
        "slates": slates,
        "champion": champion,
        "restored": {
            str(path.relative_to(restored)): path.read_bytes()
            for path in restored.rglob("*")
            if path.is_file()
        },
        "files": files,
        "metrics": store.read_json(f"reports/evaluation/{JUDGED}.metrics.json"),
        "back-test": store.read_json(backtest)["metrics"],
        "explanation": explained["ranking"],
        "online": query(database, "SELECT count(*) FROM feast.newsrec_article_features"),
    }


def _operate(store: Store, database: str) -> dict[str, Any]:
    """What the DAGs do besides: input checks, gate, refresh, export and monitor; what they left."""
    registry, before = FileRegistry(store), FileRegistry(store).champion()
    _receive(database)
    _run("check", "--date", JUDGED)
    _run("gate", "run", "--date", JUDGED)
    promoted = registry.champion()
    assert promoted != before
    _run("condition", "champion", "--date", JUDGED)
    _run("recommend", "--refresh", "--date", SERVED, "--as-of", f"{SERVED}T06:00:00+00:00")
    refreshed = query(database, _REFRESHED)
    _run("export", "--date", SERVED)
    _run("etl", "--date", SERVED, "--allow-empty")
    _run("monitor", "--date", SERVED)
    _run("monitor", "--date", JUDGED)
    _run("models", "freeze", promoted)
    _run("models", "rollback")
    assert registry.champion() == before
    assert registry.frozen() == {promoted}
    served = {q["model_version"]: q for q in store.read_json(_REPORT.format(SERVED))["quality"]}
    assert served[before]["dwell"] == 30
    day = store.read_json(_REPORT.format(JUDGED))
    assert set(day["pages"]) == {"readers", "articles"}
    for page in day["pages"].values():
        assert b"</html>" in store.read_bytes(f"reports/monitoring/{page}")
    decision = store.read_json(f"reports/gates/{JUDGED}.json")["decision"]
    return {
        "promoted": promoted,
        "refreshed": refreshed,
        "decision": {k: decision[k] for k in ("outcome", "winner", "version", "before", "why")},
        "checks": store.read_json(f"reports/monitoring/{JUDGED}.checks.json"),
        "drift": day["drift"],
        "quality": store.read_json(_REPORT.format(SERVED))["quality"],
        "exported": store.read_bytes(store.keys(f"landing/reads/dt={SERVED}")[0]),
    }


def _receive(database: str) -> None:
    """The API hears that each reader saw her slate, and read its first article."""
    values = {"day": SERVED, "at": f"{SERVED}T09:00:00+00:00"}
    with closing(psycopg2.connect(database)) as connection, connection, connection.cursor() as c:
        c.execute("SELECT ensure_day_partition('event_inbox', %(day)s)", values)
        c.execute(_RECEIVED, values)


def _run(*arguments: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(list(arguments))
    assert stopped.value.code == 0, arguments
