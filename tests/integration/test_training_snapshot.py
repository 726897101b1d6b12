"""What a training saw comes back from what was kept, and makes the same version again."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from newsrec_pipelines import cli, partitions
from newsrec_pipelines.errors import DataError, ModelError
from newsrec_pipelines.features import examples
from newsrec_pipelines.models import training_snapshot
from newsrec_pipelines.models.artifacts import read_manifest
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.models.training_snapshot import TrainingSnapshot
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.partitions import Manifest
from newsrec_pipelines.store import Store
from support.postgres import REPOSITORY, fresh_database

# Windows of which the ends lie within the world.
PARAMS = """
extends: {base}
world: {{readers: 80, articles_per_day: 50, visits_per_day: 4, start: "2026-03-01"}}
features: {{exposure_history_days: 1}}
training: {{window_days: 2, ranker_days: 1}}
slate: {{max_age_hours: 36}}
"""
BEFORE, KNOWN, NEXT = "2026-03-05", "2026-03-06", "2026-03-07"
MOMENT = datetime(2026, 3, 7, tzinfo=UTC)


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: str, _template: str
) -> Iterator[pytest.MonkeyPatch]:
    """Two trainings, the second from the factors of the first; then late events came in."""
    var = tmp_path_factory.mktemp("world")
    params = var / "params.yaml"
    params.write_text(PARAMS.format(base=REPOSITORY / "params.yaml"))
    with (
        fresh_database(postgres_server, _template) as database,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("NEWSREC_VAR", str(var))
        patch.setenv("NEWSREC_PARAMS", str(params))
        patch.setenv("DATABASE_URL", database)
        patch.setenv("GIT_COMMIT", "c0ffee")
        run("simulate", "days", "--from", "2026-03-01", "--to", NEXT)
        run("etl", "--from", "2026-03-01", "--to", BEFORE)
        run("train", "--date", BEFORE)
        run("etl", "--date", KNOWN)
        run("train", "--date", KNOWN)
        run("etl", "--date", NEXT)
        yield patch


@pytest.fixture
def store(world: pytest.MonkeyPatch) -> Store:
    return Store(f"file://{os.environ['NEWSREC_VAR']}/store")


@pytest.fixture
def version(store: Store) -> str:
    return FileRegistry(store).champion()


def test_a_version_is_made_again_from_what_was_kept(
    store: Store, version: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "restored"
    manifest = read_manifest(store, version)
    assert manifest.previous is not None
    assert _changed_since(store, version), "the late events must rewrite what was read"
    capsys.readouterr()
    run("data", "restore", "--model", version, "--to", str(folder))
    *_, command = capsys.readouterr().out.strip().splitlines()

    _as_told(command)

    restored = Store(folder.as_uri())
    assert FileRegistry(restored).versions() == sorted([manifest.previous, version])
    again = read_manifest(restored, version)
    assert again == manifest
    for name in ("manifest.json", *manifest.files):
        key = f"models/{version}/{name}"
        assert restored.read_bytes(key) == store.read_bytes(key)
    assert FileRegistry(restored).champion() == manifest.previous


def test_a_training_opens_nothing_that_is_not_kept(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    params, moment = Params.load(Path(os.environ["NEWSREC_PARAMS"])), MOMENT
    scan, opened = partitions.scan, set()

    def recording(store: Store, parts: Iterable[Manifest], *rest: Any) -> pl.LazyFrame | None:
        parts = list(parts)
        opened.update((part.dataset, part.day) for part in parts)
        return scan(store, parts, *rest)

    monkeypatch.setattr(partitions, "scan", recording)
    examples.training_data(store, moment, params)

    kept = {(part.dataset, part.day) for part in examples.partitions_read(store, moment, params)}
    assert opened - kept == set()
    assert {dataset for dataset, _ in kept} >= {"counters/exposure_history", "counters/user_state"}
    # More would be restored for nothing; these reach back longest.
    assert min(day for dataset, day in kept if dataset == "clean/reads") > date(2026, 3, 1)


def test_dvc_brings_back_the_same_files(store: Store, version: str, tmp_path: Path) -> None:
    kept = TrainingSnapshot.of(store, version)
    assert kept is not None
    (tmp_path / "data.dvc").write_bytes(store.read_bytes(f"models/{version}/data.dvc"))
    _dvc(tmp_path, "init", "--no-scm", "--quiet")
    _dvc(tmp_path, "remote", "add", "--default", "store", store.path("snapshots"))
    _dvc(tmp_path, "pull", "--quiet")

    training_snapshot.restore(store, version, tmp_path / "ours")
    ours, theirs = _files(tmp_path / "ours"), _files(tmp_path / "data")
    assert ours == theirs
    assert set(ours) == {file.key for file in kept.files}
    assert "Data and pipelines are up to date." in _dvc(tmp_path, "status")


def test_files_of_earlier_versions_are_kept_once(store: Store, version: str) -> None:
    previous = read_manifest(store, version).previous
    assert previous is not None
    before, now = TrainingSnapshot.of(store, previous), TrainingSnapshot.of(store, version)
    assert before is not None
    assert now is not None
    shared = {file.md5 for file in before.files} & {file.md5 for file in now.files}
    assert len(shared) > 10
    for file in now.files:
        content = Path(store.path(file.blob))
        assert content.stat().st_size == file.size
    # On one disk they are the partitions themselves.
    (still_there, *_) = (f for f in now.files if store.exists(f.key) and "day=" in f.key)
    assert Path(store.path(still_there.key)).samefile(store.path(still_there.blob)) == (
        not still_there.key.endswith("manifest.json")
    )


def test_data_goes_with_its_version_and_not_before(store: Store, version: str) -> None:
    copy = Store(f"{store.url}-copy")
    for key in store.keys(""):
        if key.startswith(("models/", "snapshots/")):
            copy.write_bytes(key, store.read_bytes(key))
    registry = FileRegistry(copy)
    previous = read_manifest(copy, version).previous
    assert previous is not None
    kept = TrainingSnapshot.of(copy, version)
    assert kept is not None
    assert training_snapshot.sweep(copy) == 0
    registry.remove(previous, by="test", why="old")

    copy.write_json("snapshots/pending/20990101T000000Z-1.json", {})
    assert training_snapshot.sweep(copy) == 0, "a training is under way"
    copy.remove("snapshots/pending")
    copy.write_json("snapshots/pending/20200101T000000Z-1.json", {})
    assert training_snapshot.sweep(copy) > 0
    assert copy.keys("snapshots/pending") == []
    assert all(copy.exists(file.blob) for file in kept.files)
    registry.rollback(version, by="test", why="it serves")
    with pytest.raises(ModelError, match="there is no model"):
        training_snapshot.restore(copy, previous, Path(copy.path("restored")))


def test_data_that_changed_is_not_taken_for_that_of_a_version(
    store: Store, version: str, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = f"models/{version}/data.json"
    content = store.read_bytes(kept)
    store.remove(kept)
    try:
        assert "partitions changed since" in fail(capsys, "data", "snapshot", "--model", version)
    finally:
        store.write_bytes(kept, content)


def test_what_is_damaged_is_named_and_what_is_there_is_not_touched(
    store: Store, version: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("data", "restore", "--model", version, "--to", str(tmp_path / "new"))
    kept = TrainingSnapshot.of(store, version)
    assert kept is not None
    broken = next(f for f in kept.files if f.key == "params.yaml")
    content = store.read_bytes(broken.blob)
    store.write_bytes(broken.blob, content[:-1])
    try:
        assert f"{broken.blob} in {store.url} is not what was kept of params.yaml" in fail(
            capsys, *arguments
        )
    finally:
        store.write_bytes(broken.blob, content)
    assert not (tmp_path / "new" / "params.yaml").exists()
    run(*arguments)  # goes on where it was
    (tmp_path / "new" / "mine.txt").write_text("")
    assert "holds mine.txt: name an empty folder" in fail(capsys, *arguments)
    assert "there is no model 20260101-00000000" in fail(
        capsys, "data", "restore", "--model", "20260101-00000000", "--to", str(tmp_path / "x")
    )


def test_partitions_that_change_while_they_are_read_stop_the_training(store: Store) -> None:
    params = Params.load(Path(os.environ["NEWSREC_PARAMS"]))
    with (
        pytest.raises(DataError, match="the ETL changed partitions while they were read"),
        training_snapshot.taking(store, MOMENT, params) as taken,
    ):
        taken.check("of other data")
    assert store.keys("snapshots/pending") == []


def _changed_since(store: Store, version: str) -> list[str]:
    """Partitions of which the kept files are not those of today."""
    kept = TrainingSnapshot.of(store, version)
    assert kept is not None
    return [f.key for f in kept.files if f.key.endswith(".parquet") and not store.exists(f.key)]


def _as_told(command: str) -> None:
    """Do what a person is told to, with the database and store of nobody else."""
    words = shlex.split(command)
    settings = dict(word.split("=", 1) for word in words if word[:3].isupper())
    arguments = words[words.index("newsrec") + 1 :]
    assert settings.keys() == {"STORE_URL", "GIT_COMMIT"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        run(*arguments)


def _files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def _dvc(folder: Path, *arguments: str) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder / "home"),
        "DVC_SITE_CACHE_DIR": str(folder / "home" / "site"),
        "DVC_NO_ANALYTICS": "1",
    }
    done = subprocess.run(
        [Path(sys.executable).with_name("dvc"), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run(*arguments: str) -> None:
    assert _status(*arguments) == 0


def fail(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert _status(*arguments) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


def _status(*arguments: str) -> object:
    with pytest.raises(SystemExit) as stopped:
        cli.main(list(arguments))
    return stopped.value.code
