"""What a build consists of: its steps, from a commit to an index of packages."""

import hashlib
import json
import platform
import re
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import IO, Any, Final
from xml.etree import ElementTree

from newsrec_pipelines.errors import BuildError
from newsrec_pipelines.models.artifacts import read_manifest
from newsrec_pipelines.operations.build import compare
from newsrec_pipelines.operations.build.index import Index
from newsrec_pipelines.operations.build.steps import (
    Programs,
    Step,
    clean_environment,
    searched_first,
)
from newsrec_pipelines.operations.build.wheel import (
    Contents,
    as_json,
    module_name,
    package_version,
    project_name,
    write_wheel,
)
from newsrec_pipelines.store import Store

# Models, and what they are made of.
TESTS: Final = ("tests/unit/features", "tests/unit/models", "tests/unit/training")
PACKAGES: Final = (
    "common",
    "infra/postgres",
    "pipelines",
    "services/api",
    "services/hooks",
    "services/mailer",
)
# The folders of the code that a model's package requires, and the projects that they are.
COMMON: Final = "newsrec-common"
CODE: Final = "newsrec-pipelines"
_PROJECTS: Final = {"common": COMMON, "pipelines": CODE}
_NOT_PASSED: Final = ("skipped", "failures", "errors")
_TRAINED: Final = re.compile(r"^model (\S+), as of ", re.MULTILINE)
_VERSION: Final = re.compile(r'^version = "([^"]+)"$', re.MULTILINE)
_NO_DEPENDENCIES: Final = "dependencies = []"
# Settings of the loop that runs here: tests must not see them.
_SETTINGS: Final = ("NEWSREC_", "STORE_URL", "DATABASE_URL", "OUTBOX", "PUSHGATEWAY_", "AWS_")


@dataclass
class Build:
    """One build: what is asked for, where it works, and what it has found out so far.

    Attributes:
        repository: whose commit is built.
        commit: its full hash.
        params_file: relative to the repository.
        kind: of model to train; None for that of the parameters.
        day: to train on what was known by its end; None when `version` is given.
        version: of the model; None until one is trained.
        tests: what pytest is given.
        store_url: of the data and the models.
        index: that the packages go to.
        work: an empty folder; nobody needs it afterwards.
        env: our environment.
        facts: for ``build.json``.
    """

    repository: Path
    commit: str
    params_file: str
    kind: str | None
    day: date | None
    version: str | None
    tests: tuple[str, ...]
    store_url: str
    index: Index
    work: Path
    env: Mapping[str, str]
    facts: dict[str, object] = field(default_factory=dict)

    @property
    def source(self) -> Path:
        """The exported commit."""
        return self.work / "source"

    @property
    def programs(self) -> Path:
        """Of the new virtual environment."""
        return self.work / "env" / "bin"

    @property
    def report(self) -> Path:
        """JUnit XML of the tests."""
        return self.work / "tests.xml"

    @property
    def wheels(self) -> Path:
        """What is built, until it is published."""
        return self.work / "wheels"

    @property
    def evaluation(self) -> str:
        """Where in the store the reports of the evaluation lie."""
        return f"reports/builds/{self.made()}"

    def made(self) -> str:
        """The version that was trained, or asked for."""
        if self.version is None:
            raise BuildError("no model was trained")
        return self.version


def steps(build: Build, programs: Programs) -> list[Step]:
    """The steps of a build, in order. Only the last one touches the index."""
    stage = clean_environment(build.env) | {
        "STORE_URL": build.store_url,
        "GIT_COMMIT": build.commit,
        "NEWSREC_PARAMS": build.params_file,
    }
    stage = searched_first(build.programs, stage)

    def run(log: IO[str], *command: str, cwd: Path = build.source, **env: str) -> None:
        programs.run(command, cwd, {**stage, **env}, log)

    def export(log: IO[str]) -> str:
        archive = build.work / "source.tar"
        arguments = ("archive", "--format=tar", f"--output={archive}", build.commit)
        run(log, "git", *arguments, cwd=build.repository)
        build.source.mkdir()
        # Python before 3.11.4 knows no filters; git has just written this archive itself.
        safely: Any = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        with tarfile.open(archive) as tar:
            tar.extractall(build.source, **safely)  # noqa: S202 - ours, see above
        archive.unlink()
        return f"commit {build.commit[:12]}"

    def install(log: IO[str]) -> str:
        uv = (sys.executable, "-m", "uv")
        python = str(build.programs / "python")
        run(log, *uv, "venv", "--quiet", "--python", sys.executable, str(build.work / "env"))
        lock = "requirements/dev.txt"
        run(log, *uv, "pip", "sync", "--quiet", "--python", python, "--require-hashes", lock)
        editable = [argument for package in PACKAGES for argument in ("-e", package)]
        ours = ("--quiet", "--python", python, "--no-deps", "--no-build-isolation", *editable)
        run(log, *uv, "pip", "install", *ours)
        build.facts["lock_sha256"] = _sha256((build.source / lock).read_bytes())
        return f"from {lock}"

    def test(log: IO[str]) -> str:
        alone = searched_first(build.programs, clean_environment(build.env, _SETTINGS))
        pytest = ("-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={build.report}")
        command = (str(build.programs / "python"), *pytest, *build.tests)
        programs.run(command, build.source, alone, log)
        passed = _counted(build.report)
        build.facts["tests"] = {"asked_for": list(build.tests), "passed": passed}
        return f"{passed} tests passed"

    def train(log: IO[str]) -> str:
        if build.version is not None:
            manifest = read_manifest(Store(build.store_url), build.version)
            return f"{manifest.name} {manifest.version}, which is there"
        of_kind = ("--kind", build.kind) if build.kind else ()
        wanted = ("--date", str(build.day), "--no-promote", *of_kind)
        run(log, str(build.programs / "newsrec"), "train", *wanted)
        log.flush()
        found = _TRAINED.findall(Path(log.name).read_text(encoding="utf-8"))
        if len(found) != 1:
            raise BuildError("newsrec train named no version")
        build.version = found[0]
        manifest = read_manifest(Store(build.store_url), build.version)
        return f"{manifest.name} {manifest.version}, not promoted"

    def evaluate(log: IO[str]) -> str:
        manifest = read_manifest(Store(build.store_url), build.made())
        last = (manifest.as_of - timedelta(days=1)).date()
        # Days that the version has seen cannot evaluate it; its configuration is trained again,
        # a day earlier.
        days = ("--from", str(last), "--to", str(last), "--refit-days", "1")
        # JSON is YAML: the very parameters of the version, its kind among them.
        configuration = build.work / "params.yaml"
        configuration.write_text(json.dumps(manifest.params), encoding="utf-8")
        into = ("--into", build.evaluation)
        newsrec = str(build.programs / "newsrec")
        run(log, newsrec, "evaluate", *days, *into, NEWSREC_PARAMS=str(configuration))
        build.facts["evaluated_on"] = str(last)
        return f"its training configuration, made a day earlier, on {last}"

    def package(log: IO[str]) -> str:
        build.wheels.mkdir()
        common = _stamp(build, "common")
        code = _stamp(build, "pipelines", f"{COMMON}=={common}")
        uv = (sys.executable, "-m", "uv", "build", "--quiet", "--wheel", "--no-build-isolation")
        python = ("--python", str(build.programs / "python"))
        for folder in _PROJECTS:
            run(log, *uv, *python, "--out-dir", str(build.wheels), folder)
        store = Store(build.store_url)
        version = build.made()
        manifest = read_manifest(store, version)
        build.facts |= {
            "commit": build.commit,
            "trained_by_commit": manifest.git_commit,
            "model": version,
            "data_hash": manifest.data_hash,
            "python": platform.python_version(),
        }
        files = {
            "report/tests.xml": build.report.read_bytes(),
            "report/evaluation.json": store.read_bytes(
                f"{build.evaluation}/{build.facts['evaluated_on']}.json"
            ),
            "requirements.txt": (build.source / "requirements/pipelines.txt").read_bytes(),
            "build.json": as_json(build.facts),
        }
        requires = f"{CODE}=={code}"
        wheel = write_wheel(build.wheels, Contents(store, version, requires, files))
        log.write(f"{wheel.name} requires {requires}\n")
        return f"{wheel.name}, {wheel.stat().st_size / 1e6:.1f} MB"

    def check(log: IO[str]) -> str:
        manifest = read_manifest(Store(build.store_url), build.made())
        folder = str(build.work / "installed")
        python = str(build.programs / "python")
        uv = (sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--offline")
        module = module_name(manifest.name)
        wheels = sorted(str(wheel) for wheel in build.wheels.glob("*.whl"))
        run(log, *uv, "--python", python, "--target", folder, *wheels)
        run(log, python, "-P", str(compare.__file__), folder, module, build.store_url)
        return "installed, it gives the slates of the version in the store"

    def publish(log: IO[str]) -> str:
        manifest = read_manifest(Store(build.store_url), build.made())
        project = project_name(manifest.name)
        code = {name.replace("-", "_"): name for name in _PROJECTS.values()}
        files = [
            (code.get(wheel.name.partition("-")[0], project), wheel)
            for wheel in sorted(build.wheels.glob("*.whl"))
        ]
        build.index.add(files)
        log.writelines(f"{wheel.name}\n" for _, wheel in files)
        return f"{project}=={package_version(manifest.version)} in {build.index.url}"

    return [
        Step(do.__name__, do)
        for do in (export, install, test, train, evaluate, package, check, publish)
    ]


def _stamp(build: Build, folder: str, *requires: str) -> str:
    """Write the commit into the version of an exported package: other code, other version.

    Args:
        build: whose commit was exported.
        folder: of the package, in the exported commit.
        requires: what its wheel shall require; nothing does in the repository, which installs by
            its locks.

    Returns:
        The version.
    """
    file = build.source / folder / "pyproject.toml"
    content = file.read_text(encoding="utf-8")
    found = _VERSION.search(content)
    if found is None or _NO_DEPENDENCIES not in content:
        raise BuildError(f"{folder}/pyproject.toml names no version, or no dependencies")
    version = f"{found[1]}+g{build.commit[:12]}"
    content = content.replace(found[0], f'version = "{version}"', 1)
    needs = f"dependencies = {json.dumps(requires)}"
    file.write_text(content.replace(_NO_DEPENDENCIES, needs, 1), encoding="utf-8")
    return version


def _counted(report: Path) -> int:
    """How many tests passed; none is a failure, since nothing was tested."""
    suites = ElementTree.parse(report).getroot().iter("testsuite")  # noqa: S314 - pytest's own
    passed = 0
    for suite in suites:
        count = {name: int(suite.get(name, 0)) for name in ("tests", *_NOT_PASSED)}
        passed += count["tests"] - sum(count[name] for name in _NOT_PASSED)
    if not passed:
        raise BuildError("no test passed")
    return passed


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
