"""`newsrec recommend --refresh`: today's counters change the order, without another training."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from newsrec_pipelines import cli
from newsrec_pipelines.features.counters import update_counters
from newsrec_pipelines.features.examples import training_data
from newsrec_pipelines.models.news import NewsModel
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.store import Store
from support.fake_model import AS_OF, make_articles, make_users
from support.feature_events import frame, write_clean
from support.postgres import REPOSITORY, query
from support.slates import PARAMS, current_run, rows_of, runs

_READERS = 24
_NOON = AS_OF + timedelta(hours=12)
_RISEN = "a050"  # published the evening before; until the morning nobody has read it


class Log:
    """What readers were shown and read, written to the store day by day."""

    def __init__(self) -> None:
        self.shown: list[dict[str, Any]] = []
        self.read: list[dict[str, Any]] = []

    def visit(self, user: str, moment: datetime, shown: Iterable[str], read: str) -> None:
        """A list, of which one article is read for a minute."""
        visit = f"{user}-{moment:%d%H%M}"
        self.shown.append(
            {
                "impression_id": f"i-{visit}",
                "user_id": user,
                "shown_at": moment,
                "article_ids": list(shown),
            }
        )
        self.read.append(
            {
                "event_id": f"e-{visit}",
                "user_id": user,
                "article_id": read,
                "read_at": moment + timedelta(seconds=5),
                "kind": "read",
                "dwell_seconds": 60.0,
                "view_id": f"v-{visit}",
                "impression_id": f"i-{visit}",
            }
        )

    def write(self, store: Store) -> None:
        write_clean(store, "impressions", frame("impressions", self.shown))
        write_clean(store, "reads", frame("reads", self.read))


def _two_days(articles: pl.DataFrame, users: pl.DataFrame) -> Log:
    """Everybody sees the same lists, and what the first ones read the others read too."""
    log = Log()
    for visit in range(9):
        for turn, user in enumerate(users.iter_rows(named=True)):
            moment = AS_OF - timedelta(hours=40 - 4 * visit, minutes=-3 * turn)
            known = articles.filter(
                pl.col("language") == user["language"],
                pl.col("available_at") < AS_OF - timedelta(hours=40 - 4 * visit),
                pl.col("article_id") != _RISEN,
            )
            ids = known.sort("published_at")["article_id"]
            shown = [ids[(31 * visit + 13 * n) % len(ids)] for n in range(8)]  # of every age
            log.visit(user["user_id"], moment, shown, shown[visit % 8])
    return log


@pytest.fixture
def store(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store with a champion, and the settings of the commands."""
    store = Store((tmp_path / "store").as_uri())
    articles, users = make_articles(290), make_users(_READERS)
    write_clean(store, "articles", articles)
    joined = pl.Series([AS_OF - timedelta(days=3)] * _READERS)
    with_date = users.with_columns(joined_at=joined)
    write_clean(store, "users", frame("users", with_date.to_dicts()))
    _two_days(articles, users).write(store)
    for days in (2, 1):
        update_counters(store, AS_OF.date() - timedelta(days=days), PARAMS, "b")
    data = training_data(store, AS_OF, PARAMS)
    manifest = NewsModel.produce_model(data, PARAMS).save(store, data, "test")
    FileRegistry(store).promote(manifest.version, by="test", why="")
    monkeypatch.setenv("NEWSREC_VAR", str(tmp_path))
    monkeypatch.setenv("STORE_URL", store.url)
    monkeypatch.setenv("DATABASE_URL", database_url)
    return store


def _newsrec(*arguments: str) -> None:
    try:
        cli.main(["--params", str(REPOSITORY / "params.yaml"), *arguments])
    except SystemExit as e:
        if e.code:
            raise


def _slates(url: str) -> tuple[str, dict[str, list[str]]]:
    run = current_run(url)
    assert run is not None
    rows: list[Any] = rows_of(url, run[0])["recommendations"]
    return run[0], {row[0]: row[2] for row in rows}


def _places(slates: dict[str, list[str]], article: str, users: list[str]) -> list[int]:
    return [slates[u].index(article) if article in slates[u] else len(slates[u]) for u in users]


def test_what_became_popular_since_the_morning_moves_up(store: Store, database_url: str) -> None:
    _newsrec("recommend", "--date", "2026-03-06")
    morning_run, morning = _slates(database_url)
    users = make_users(_READERS)
    english = users.filter(pl.col("language") == "en")["user_id"].to_list()
    fans, others = english[:8], english[8:]
    log = Log()
    for n, user in enumerate(fans):
        log.visit(user, _NOON - timedelta(minutes=40 - 4 * n), [*morning[user][:7], _RISEN], _RISEN)
    first = morning[others[0]][0]
    log.visit(others[0], AS_OF + timedelta(hours=8), morning[others[0]][:8], first)
    log.write(store)
    update_counters(store, AS_OF.date(), PARAMS, "c")
    _newsrec("materialize", "--as-of", _NOON.isoformat())

    _newsrec("recommend", "--refresh", "--as-of", _NOON.isoformat())

    run, refreshed = _slates(database_url)
    before, after = (_places(slates, _RISEN, others) for slates in (morning, refreshed))
    assert all(later < earlier for later, earlier in zip(after, before, strict=True))
    assert sum(after) < 0.75 * sum(before)
    assert first not in refreshed[others[0]]  # she has read it since
    assert all(_RISEN not in refreshed[user] for user in fans)
    found = query(
        database_url,
        "SELECT run_id, date, as_of, model_version FROM recommendation_runs ORDER BY 3",
    )
    champion = FileRegistry(store).champion()
    assert found == [
        (morning_run, AS_OF.date(), AS_OF, champion),
        (run, AS_OF.date(), _NOON, champion),
    ]
    assert FileRegistry(store).versions() == [champion]


def test_without_anything_materialized_it_says_what_to_do(
    store: Store, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        _newsrec("recommend", "--refresh", "--as-of", _NOON.isoformat())

    assert ended.value.code == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "run newsrec materialize --as-of 2026-03-06T12:00Z" in line
    assert runs(database_url) == []
