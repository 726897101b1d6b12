"""`newsrec new-model` in a copy of the repository: tested, trained, published, explained."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from newsrec_pipelines import cli
from newsrec_pipelines.errors import ModelError
from newsrec_pipelines.models import kind, kinds
from newsrec_pipelines.models.artifacts import read_manifest
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.store import Store
from support.fake_model import AS_OF
from support.postgres import REPOSITORY
from support.slates import current_run, rows_of
from support.two_days import READERS, write_two_days

NAME = "trend_2"
KNOWN = str((AS_OF - timedelta(days=1)).date())


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository with one more kind of model."""
    copy = tmp_path_factory.mktemp("checkout")
    nothing_made = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for part in ("pipelines", "tests"):
        shutil.copytree(REPOSITORY / part, copy / part, ignore=nothing_made)
    for part in ("params.yaml", "pyproject.toml"):
        shutil.copy(REPOSITORY / part, copy / part)
    # In a process of its own: copier warns of its dependencies when it is imported.
    _run("-m", "newsrec_pipelines.cli", "new-model", NAME, "--into", str(copy), cwd=copy)
    return copy


@pytest.fixture
def settings(
    checkout: Path, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Store]:
    """A store of two days; the new kind is there, as if this were the copy."""
    monkeypatch.setenv("NEWSREC_VAR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("NEWSREC_PARAMS", str(checkout / "params.yaml"))
    monkeypatch.delenv("STORE_URL", raising=False)
    made = checkout / "pipelines/src/newsrec_pipelines/models/kinds"
    monkeypatch.setattr(kinds, "__path__", [*kinds.__path__, str(made)])
    store = Store((tmp_path / "store").as_uri())
    write_two_days(store)
    yield store
    sys.modules.pop(f"{kinds.__name__}.{NAME}", None)


def test_its_generated_tests_pass_at_once(checkout: Path) -> None:
    tests = f"tests/unit/models/kinds/test_{NAME}.py"
    said = _run("-m", "pytest", "-q", "-p", "no:cacheprovider", tests, cwd=checkout)
    assert "8 passed" in said


def test_its_generated_files_are_as_the_others_are(checkout: Path) -> None:
    made = [
        f"pipelines/src/newsrec_pipelines/models/kinds/{NAME}.py",
        f"tests/unit/models/kinds/test_{NAME}.py",
    ]
    _run("-m", "ruff", "check", *made, cwd=checkout)
    _run("-m", "ruff", "format", "--check", *made, cwd=checkout)


def test_it_is_trained_listed_published_and_explained(
    settings: Store, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _newsrec("train", "--date", KNOWN)
    news = FileRegistry(settings).champion()
    _newsrec("train", "--date", KNOWN, "--kind", NAME)
    registry = FileRegistry(settings)
    champion = registry.champion()
    assert sorted(registry.versions()) == sorted({news, champion})
    assert [read_manifest(settings, v).name for v in (news, champion)] == ["news", NAME]
    # A kind never starts from another one's factors.
    assert read_manifest(settings, champion).previous is None

    _newsrec("recommend", "--date", str(AS_OF.date()))
    run = current_run(database_url)
    assert run is not None
    assert run[1] == READERS
    rows = rows_of(database_url, run[0])
    user, _, articles, scores, *_ = rows["recommendations"][0]
    assert isinstance(articles, list)
    assert isinstance(scores, list)
    assert len(articles) >= 10
    assert rows["similar_articles"]

    capsys.readouterr()
    for article in articles:
        asked = ("--run", run[0], "--user", str(user), "--article", article)
        _newsrec("explain", *asked, "--json")
        ranking = json.loads(capsys.readouterr().out)["ranking"]
        parts = {part["feature"]: part["contribution"] for part in ranking["contributions"]}
        assert set(parts) == {NAME, "newness"}
        assert sum(parts.values()) == pytest.approx(ranking["score"])


def test_a_version_whose_kind_is_gone_is_one_line(
    settings: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _newsrec("train", "--date", KNOWN, "--kind", NAME)
    capsys.readouterr()
    monkeypatch.setattr(kinds, "__path__", kinds.__path__[:1])
    with pytest.raises(ModelError, match="there is no kind of model"):
        kind.load(settings, FileRegistry(settings).champion())
    with pytest.raises(SystemExit) as ended:
        cli.main(["recommend", "--date", str(AS_OF.date())])
    assert ended.value.code == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def _newsrec(*arguments: str) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(list(arguments))
    assert not ended.value.code


def _run(*arguments: str, cwd: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(cwd / "pipelines/src")}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
