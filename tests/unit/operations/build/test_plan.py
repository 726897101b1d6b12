"""The steps of a build: one that fails ends it, and only the last one touches the index."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import IO

import pytest

from newsrec_pipelines.errors import BuildError
from newsrec_pipelines.operations.build.index import Index
from newsrec_pipelines.operations.build.plan import Build, steps
from newsrec_pipelines.operations.build.steps import Step, do_all
from newsrec_pipelines.store import Store
from support.builds import COMMIT, VERSION, FakePrograms, content_of, make_build
from support.models import make_version

NAMES = ["export", "install", "test", "train", "evaluate", "package", "check", "publish"]
# A word of a command that each step with programs runs, besides `publish`, which runs none.
WORDS = {
    "export": "archive",
    "install": "sync",
    "test": "pytest",
    "train": "train",
    "evaluate": "evaluate",
    "package": "build",
    "check": "-P",
}
OLDER = "20260305-00000001"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store((tmp_path / "store").as_uri())


def _do(build: Build, programs: FakePrograms) -> list[str]:
    said: list[str] = []
    logs = build.work.parent / "logs"
    logs.mkdir(exist_ok=True)
    do_all(steps(build, programs), logs, said.append)
    return said


def _publish_older(tmp_path: Path, store: Store) -> None:
    make_version(store, OLDER)
    build = make_build(tmp_path / "older", store, OLDER)
    _do(replace(build, index=Index(tmp_path / "index")), FakePrograms(store))


def test_a_build_ends_with_the_model_in_the_index(tmp_path: Path, store: Store) -> None:
    build = make_build(tmp_path, store)
    said = _do(build, FakePrograms(store))
    assert [line.split()[:2] for line in said] == [[f"{n}/8", s] for n, s in enumerate(NAMES, 1)]
    assert all(" s  " in line for line in said)
    assert "4 tests passed" in said[2]
    assert "newsrec-model-fake==2026.3.6+h9f3c2b1a" in said[-1]
    assert list(build.index.files("newsrec-model-fake")) == [
        "newsrec_model_fake-2026.3.6+h9f3c2b1a-py3-none-any.whl"
    ]
    # The code of the commit, as a version of its own, is what the model requires.
    assert list(build.index.files("newsrec-pipelines")) == [
        f"newsrec_pipelines-0.1.0+g{COMMIT[:12]}-py3-none-any.whl"
    ]
    assert list(build.index.files("newsrec-common")) == [
        f"newsrec_common-0.1.0+g{COMMIT[:12]}-py3-none-any.whl"
    ]


def test_the_pipelines_require_the_common_package_of_their_commit(
    tmp_path: Path, store: Store
) -> None:
    build = make_build(tmp_path, store)
    _do(build, FakePrograms(store))
    declared = (build.source / "pipelines" / "pyproject.toml").read_text()
    assert f'dependencies = ["newsrec-common==0.1.0+g{COMMIT[:12]}"]' in declared


def test_the_wheel_holds_the_reports_and_how_it_was_built(tmp_path: Path, store: Store) -> None:
    build = make_build(tmp_path, store)
    _do(build, FakePrograms(store))
    folder = build.index.simple / "newsrec-model-fake"
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        read = {name: wheel.read(name) for name in wheel.namelist()}
    assert b"<testsuite" in read["newsrec_model_fake/report/tests.xml"]
    assert json.loads(read["newsrec_model_fake/report/evaluation.json"])["model"]
    assert read["newsrec_model_fake/requirements.txt"] == b"numpy==2\n"
    facts = json.loads(read["newsrec_model_fake/build.json"])
    assert facts["commit"] == COMMIT
    assert facts["model"] == VERSION
    assert facts["tests"] == {"asked_for": ["tests/unit"], "passed": 4}
    metadata = read["newsrec_model_fake-2026.3.6+h9f3c2b1a.dist-info/METADATA"].decode()
    assert f"Requires-Dist: newsrec-pipelines==0.1.0+g{COMMIT[:12]}\n" in metadata


@pytest.mark.parametrize("failing", NAMES)
def test_a_step_that_fails_ends_the_build_and_leaves_the_index(
    tmp_path: Path, store: Store, failing: str
) -> None:
    _publish_older(tmp_path, store)
    before = content_of(tmp_path / "index" / "simple")
    assert len(before) == 7  # four pages, three wheels
    build = replace(make_build(tmp_path / "new", store), index=Index(tmp_path / "index"))
    done: list[str] = []
    planned = [_planted(s, failing, done) for s in steps(build, FakePrograms(store))]
    logs = tmp_path / "new"
    with pytest.raises(BuildError, match=rf"^{failing} failed after .* planted; see .*\.log$") as e:
        do_all(planned, logs, lambda _: None)
    assert done == NAMES[: NAMES.index(failing)]
    log = Path(str(e.value).rpartition("see ")[2])
    assert log.name == f"{NAMES.index(failing) + 1}-{failing}.log"
    assert "planted" in log.read_text()
    assert content_of(tmp_path / "index" / "simple") == before


@pytest.mark.parametrize(("step", "word"), WORDS.items())
def test_a_program_that_fails_fails_its_step(
    tmp_path: Path, store: Store, step: str, word: str
) -> None:
    build = make_build(tmp_path, store)
    programs = FakePrograms(store, failing=word)
    with pytest.raises(BuildError, match=rf"^{step} failed .* ended with status 1; see"):
        _do(build, programs)
    assert word in programs.commands[-1][0]
    assert not build.index.simple.exists()


def test_a_version_that_is_there_is_packaged_without_training(tmp_path: Path, store: Store) -> None:
    make_version(store, OLDER)
    programs = FakePrograms(store)
    said = _do(make_build(tmp_path, store, OLDER), programs)
    assert not any("train" in command for command, _ in programs.commands)
    assert OLDER in said[3]


def test_a_test_run_without_any_test_fails(tmp_path: Path, store: Store) -> None:
    report = '<testsuites><testsuite tests="2" skipped="2"/></testsuites>'
    with pytest.raises(BuildError, match=r"^test failed .* no test passed"):
        _do(make_build(tmp_path, store), FakePrograms(store, report=report))


def test_programs_see_the_settings_that_they_need_only(tmp_path: Path, store: Store) -> None:
    build = make_build(tmp_path, store)
    programs = FakePrograms(store)
    _do(build, programs)
    seen = {w: env for command, env in programs.commands for w in command}
    assert all("PYTHONPATH" not in env for _, env in programs.commands)
    assert "STORE_URL" not in seen["pytest"]
    assert "NEWSREC_VAR" not in seen["pytest"]
    assert seen["train"]["STORE_URL"] == store.url
    assert seen["train"]["GIT_COMMIT"] == COMMIT
    assert seen["train"]["NEWSREC_VAR"] == "/var"
    assert seen["train"]["PATH"].startswith(str(build.programs))


def _planted(step: Step, failing: str, done: list[str]) -> Step:
    def do(log: IO[str]) -> str:
        if step.name == failing:
            raise BuildError("planted")
        said = step.do(log)
        done.append(step.name)
        return said

    return Step(step.name, do)
