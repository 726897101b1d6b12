"""Feast's command line sees what the pipelines use, and the ranker gets what the ETL writes."""

import os
import runpy
from pathlib import Path

import pytest
import yaml

from newsrec_pipelines.errors import ConfigError
from newsrec_pipelines.features import feast_loader
from newsrec_pipelines.features.raw import FEATURES, KEYS, view_name
from support.postgres import REPOSITORY

REPO = REPOSITORY / "feature_repo"


@pytest.fixture(autouse=True)
def _feast() -> None:
    feast_loader.load()


def test_the_feature_repo_holds_the_same_definitions(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from newsrec_pipelines.features.definitions import define

    url = (tmp_path / "store").as_uri()
    monkeypatch.setenv("STORE_URL", url)
    objects = runpy.run_path(str(REPO / "definitions.py"))
    ours = define(url)
    assert {e.name: e for e in ours.entities} == {
        name: objects[name] for name in ("user", "article", "category", "publisher")
    }
    assert {v.name: v for v in ours.views} == {name: objects[name] for name in map(view_name, KEYS)}
    assert objects["ranker_v1"] == ours.service


def test_the_rankers_service_serves_every_column_of_the_counters(tmp_path: Path) -> None:
    from newsrec_pipelines.features.definitions import define

    service = define((tmp_path / "store").as_uri()).service
    served = {p.name: [f.name for f in p.features] for p in service.feature_view_projections}
    assert served == {view_name(view): list(FEATURES[view]) for view in KEYS}


def test_feasts_command_line_takes_the_database_from_our_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from feast.repo_config import RepoConfig

    monkeypatch.setenv(
        "DATABASE_URL", "postgresql://me:s%40fe@db.example:6543/news?sslmode=require"
    )
    raw = yaml.safe_load((REPO / "feature_store.yaml").read_text())
    online = RepoConfig(**raw).online_store
    assert (online.host, online.port, online.database) == ("db.example", 6543, "news")
    assert (online.user, online.password, online.sslmode) == ("me", "s@fe", "require")
    assert online.db_schema == "feast"


def test_a_url_that_is_none_is_named_without_its_password() -> None:
    from newsrec_pipelines.features.online_store import connection

    with pytest.raises(ConfigError, match="DATABASE_URL is no PostgreSQL URL") as caught:
        connection("postgresql://me:secret@host:port:again/x?what=ever")
    assert "secret" not in str(caught.value)


def test_loading_feast_leaves_no_trace_in_the_environment() -> None:
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ
