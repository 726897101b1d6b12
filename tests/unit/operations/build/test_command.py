"""`newsrec build-model`: what is refused before anything is built."""

import fcntl
import subprocess
from pathlib import Path

import pytest

from newsrec_pipelines import cli


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clean repository with one commit."""
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "params.yaml").write_text("{}\n")
    for name in ("STORE_URL", "NEWSREC_PARAMS", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NEWSREC_VAR", str(tmp_path / "var"))
    monkeypatch.chdir(folder)
    _git(folder, "init", "--quiet")
    _git(folder, "add", ".")
    _git(folder, "commit", "--quiet", "--message", "First")
    return folder


def _git(folder: Path, *arguments: str) -> None:
    author = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    subprocess.run(["git", *author, *arguments], cwd=folder, check=True)


def _fails(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 1) -> str:
    with pytest.raises(SystemExit) as ended:
        cli.main(["build-model", *arguments])
    assert ended.value.code == status
    error = capsys.readouterr().err
    assert status == 2 or error.count("\n") == 1
    return error


def test_a_dirty_tree_is_refused(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "params.yaml").write_text("changed: 1\n")
    error = _fails(capsys, "--date", "2026-03-05")
    assert "1 files differ from the last commit, such as params.yaml" in error
    (repository / "params.yaml").write_text("{}\n")
    (repository / "new.py").touch()
    assert "such as new.py" in _fails(capsys, "--date", "2026-03-05")


def test_a_dirty_tree_is_left_out_where_that_is_wanted(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "new.py").touch()
    error = _fails(capsys, "--date", "2026-03-05", "--allow-dirty")
    # This repository has nothing to install.
    assert error.startswith("newsrec: install failed after")
    log = Path(error.rpartition("see ")[2].strip())
    assert log.name == "2-install.log"
    assert "requirements/dev.txt" in log.read_text()
    assert not (tmp_path / "var" / "index").exists()
    # The logs stay, what was worked on goes.
    assert sorted(p.name for p in log.parent.iterdir()) == ["1-export.log", "2-install.log"]


def test_a_revision_that_is_not_there_is_one_line(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no-such" in _fails(capsys, "--date", "2026-03-05", "--revision", "no-such")


def test_outside_of_a_repository_it_is_one_line(
    repository: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert "not a git repository" in _fails(capsys, "--date", "2026-03-05")


def test_parameters_that_are_not_committed_are_refused(
    repository: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NEWSREC_PARAMS", str(tmp_path / "mine.yaml"))
    assert "a build takes what is committed" in _fails(capsys, "--date", "2026-03-05")


def test_a_model_that_is_not_there_is_one_line(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "there is no model 20260306-00000000" in _fails(capsys, "--model", "20260306-00000000")


def test_two_builds_at_once_are_refused(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    builds = tmp_path / "var" / "builds"
    (builds / "killed" / "work").mkdir(parents=True)
    with (builds / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another build is running" in _fails(capsys, "--date", "2026-03-05")
        assert (builds / "killed" / "work").exists()
    assert "install failed" in _fails(capsys, "--date", "2026-03-05")
    assert not (builds / "killed" / "work").exists()


@pytest.mark.parametrize(
    "arguments",
    [(), ("--date", "2026-03-05", "--model", "x"), ("--model", "x", "--kind", "news")],
)
def test_wrong_options_are_answered_with_usage(
    repository: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert "Usage: newsrec build-model" in _fails(capsys, *arguments, status=2)
