"""The locks: current, hashed, one version everywhere, and no address of any package index."""

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from support.postgres import REPOSITORY

FOLDER = REPOSITORY / "requirements"
LOCKS = sorted(FOLDER.glob("*.txt"))
IMAGES = ("api", "api-explain", "build", "hooks", "mailer", "mlflow", "pipelines")
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)


def pins(name: str) -> dict[str, set[str]]:
    """Package -> versions (more than one where they depend on the platform)."""
    found: dict[str, set[str]] = {}
    for package, version in _PIN.findall((FOLDER / f"{name}.txt").read_text()):
        found.setdefault(canonicalize_name(package), set()).add(version)
    return found


def wanted(name: str) -> list[Requirement]:
    """The requirements of one .in file and of those that it includes."""
    found: list[Requirement] = []
    for line in (FOLDER / f"{name}.in").read_text().splitlines():
        text = line.partition("#")[0].strip()
        if text.startswith("-r "):
            found += wanted(text.removeprefix("-r ").removesuffix(".in").strip())
        elif text:
            found.append(Requirement(text))
    return found


@pytest.mark.parametrize("name", ["dev", *IMAGES, "airflow"])
def test_a_lock_pins_everything_that_its_source_asks_for(name: str) -> None:
    locked = pins(name)
    for requirement in wanted(name):
        versions = locked.get(canonicalize_name(requirement.name), set())
        assert versions, f"{requirement.name} is not in {name}.txt: make lock"
        assert all(requirement.specifier.contains(Version(v)) for v in versions), str(requirement)


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_has_the_versions_of_the_tested_environment(name: str) -> None:
    tested = pins("dev")
    for package, versions in pins(name).items():
        assert versions <= tested[package], package


@pytest.mark.parametrize("lock", LOCKS, ids=lambda p: p.name)
def test_every_pin_is_hashed_and_no_line_names_an_index(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    assert "--index-url" not in text
    assert "--extra-index-url" not in text
    assert "--find-links" not in text
    blocks = re.split(r"\n(?=\S)", text.strip())
    assert all("--hash=sha256:" in block for block in blocks)
    assert len(blocks) == len(_PIN.findall(text))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Sources and locks of a small project, current."""
    for name in ("dev", *IMAGES, "airflow"):
        (tmp_path / f"{name}.in").write_text("b\na\n")
        (tmp_path / f"{name}.txt").write_text("a==1\nb==1\n")
    return tmp_path


@pytest.fixture
def locks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """requirements/lock.py over that folder; instead of uv, a resolver that knows one version."""
    spec = importlib.util.spec_from_file_location("lock", FOLDER / "lock.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def compile_lock(name: str, output: Path, constraint: Path | None) -> None:
        names = sorted((folder / f"{name}.in").read_text().split())
        output.write_text("".join(f"{n}==1\n" for n in names))

    monkeypatch.setattr(module, "HERE", folder)
    monkeypatch.setattr(module, "compile_lock", compile_lock)
    return module


def check(locks: ModuleType, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["lock.py", *arguments])
    status: int = locks.main()
    return status


def test_current_locks_pass_the_check(locks: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check(locks, monkeypatch, "--check") == 0


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("mailer.in", "a\nb\nplanted\n"),
        ("mailer.in", "a\n"),
        ("mailer.txt", "a==1\nb==1\n# planted\n"),
    ],
)
def test_a_planted_change_fails_the_check_and_changes_nothing(
    locks: ModuleType,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    file: str,
    content: str,
) -> None:
    (folder / file).write_text(content)
    before = {p.name: p.read_text() for p in folder.iterdir()}
    assert check(locks, monkeypatch, "--check") == 1
    assert capsys.readouterr().err == "not current, run `make lock`: mailer.txt\n"
    assert {p.name: p.read_text() for p in folder.iterdir()} == before
    assert check(locks, monkeypatch) == 0
    assert check(locks, monkeypatch, "--check") == 0
