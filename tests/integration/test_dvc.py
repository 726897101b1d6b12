"""`dvc repro` makes world, features, model and evaluation from a fresh copy, without a network."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from newsrec_db.embedded import Embedded
from newsrec_pipelines.features.examples import data_hash
from newsrec_pipelines.models.artifacts import read_manifest
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.store import Store
from support.object_store import BUCKET
from support.postgres import REPOSITORY

_NEEDED = ("dvc.yaml", "params.yaml", ".dvcignore", ".gitignore", ".dvc/config")
_CODE = ("common/src", "pipelines/src", "infra/postgres/src")


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Path]:
    """What git knows of the pipeline, in a repository of its own, with a smaller world."""
    folder = tmp_path / "clone"
    for name in _NEEDED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, folder / name)
    for name in _CODE:
        shutil.copytree(
            REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params["world"] |= {"readers": 200, "articles_per_day": 100}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    git = ("git", "-c", "user.name=t", "-c", "user.email=t@example.org")
    for command in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "copy")):
        subprocess.run([*git, *command], cwd=folder, check=True)
    yield folder
    # After a failure the stage has not stopped its server.
    Embedded(folder / "var/dvc/postgres").stop()


def _dvc(clone: Path, *args: str, more: dict[str, str] | None = None) -> str:
    home = clone.parent / "home"
    nowhere = "http://127.0.0.1:9"
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "DVC_SITE_CACHE_DIR": str(home / "site"),
        "HTTP_PROXY": nowhere,
        "HTTPS_PROXY": nowhere,
        "NO_PROXY": "127.0.0.1",
        # Another one's database and files: the pipeline has its own.
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "STORE_URL": "file:///nowhere",
        **(more or {}),
    }
    done = subprocess.run(
        ["dvc", *args], cwd=clone, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_repro_on_a_fresh_copy_makes_everything_and_a_second_one_nothing(clone: Path) -> None:
    _dvc(clone, "repro")
    assert "Data and pipelines are up to date." in _dvc(clone, "repro")

    store = Store((clone / "var/dvc/store").as_uri())
    manifest = read_manifest(store, FileRegistry(store).champion())
    window = timedelta(days=Params.load(clone / "params.yaml").training.window_days)
    assert manifest.data_hash == data_hash(
        store, (manifest.as_of - window).date(), manifest.as_of
    ), "the manifest names other data than DVC keeps"
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=clone, capture_output=True, text=True, check=True
    )
    assert manifest.git_commit == commit.stdout.strip()

    stages = yaml.safe_load((clone / "dvc.lock").read_text())["stages"]
    assert _md5(stages["train"]["deps"]) | _md5(stages["etl"]["outs"]) == _md5(
        stages["train"]["deps"]
    ), "the model was trained on what the ETL made"
    metrics = json.loads(_dvc(clone, "metrics", "show", "--json"))
    (of_systems,) = (file["data"] for file in metrics[""]["data"].values())
    assert 0 < of_systems["news"]["auc"] < 1
    assert set(of_systems) >= {"news", "popularity"}
    assert not list(clone.glob("var/dvc/postgres/data/postmaster.pid"))
    plots = json.loads(_dvc(clone, "plots", "show", "--json"))
    assert not plots.get("errors")
    assert len(plots["data"]) == 2


def test_what_a_run_made_is_pushed_to_a_bucket_and_pulled_elsewhere(
    s3: dict[str, str], tmp_path: Path
) -> None:
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    here.mkdir()
    (here / "dvc.yaml").write_text(
        "stages: {etl: {cmd: mkdir -p store/clean && echo rows > store/clean/part, outs: [store]}}"
    )
    _dvc(here, "init", "--no-scm", "--quiet")
    _dvc(here, "remote", "add", "--default", "team", f"s3://{BUCKET}/dvc")
    _dvc(here, "remote", "modify", "team", "endpointurl", s3["AWS_ENDPOINT_URL_S3"])
    _dvc(here, "repro", "--quiet")
    _dvc(here, "push", more=s3)
    elsewhere.mkdir()
    for name in ("dvc.yaml", "dvc.lock", ".dvc/config"):
        (elsewhere / name).parent.mkdir(exist_ok=True)
        shutil.copy(here / name, elsewhere / name)

    _dvc(elsewhere, "pull", more=s3)

    assert (elsewhere / "store" / "clean" / "part").read_text() == "rows\n"
    assert Store(f"s3://{BUCKET}/dvc").keys("files/md5")


def test_no_dvc_command_calls_home() -> None:
    config = (REPOSITORY / ".dvc/config").read_text()

    assert "analytics = false" in config
    assert "check_update = false" in config


def _md5(entries: list[dict[str, str]]) -> dict[str, str]:
    return {e["path"]: e["md5"] for e in entries}
