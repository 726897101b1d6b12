"""`make lint` reads every file of its kinds, and each linter is seen to catch a mistake."""

import os
import re
import subprocess
import sysconfig
from pathlib import Path

import pytest

from support.postgres import REPOSITORY

SCRIPTS = Path(sysconfig.get_path("scripts"))
NOT_OURS = {".venv", ".venv-airflow", ".git", "var", "node_modules", ".dvc"}


def _files() -> list[Path]:
    found = []
    for folder, folders, names in os.walk(REPOSITORY):
        folders[:] = [f for f in folders if f not in NOT_OURS]
        found += [Path(folder) / name for name in names]
    return found


def _lint() -> str:
    done = subprocess.run(
        ["make", "--dry-run", "lint"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_every_linter_is_run() -> None:
    commands = _lint()
    for linter in (
        "ruff format --check .",
        "ruff check .",
        "mypy infra/airflow",
        "lint-imports",
        "lock.py --check",
        "yamllint --strict .",
        "check-jsonschema --check-metaschema",
        "vendor.github-workflows",
        "custom.github-workflows-require-timeout",
        "zizmor --offline",
        "shellcheck",
        "hadolint infra/docker/Dockerfile",
    ):
        assert linter in commands, linter


def test_every_shell_script_and_dockerfile_is_read() -> None:
    scripts = []
    for file in _files():
        if file.name.startswith("Dockerfile"):
            assert file == REPOSITORY / "infra/docker/Dockerfile"
        with file.open("rb") as content:
            if re.match(rb"#!.*\b(ba|da)?sh\b", content.readline(100)):
                scripts.append(file)
    assert len(scripts) >= 4
    for script in scripts:
        assert script.suffix == ".sh" or script.parent == REPOSITORY / ".ci", script
    assert "shellcheck .ci/* $(git ls-files '*.sh')" in _lint()


MISTAKES = [
    (
        ["shellcheck"],
        "x.sh",
        "#!/bin/sh\nrm -rf $1/*\n",
        '#!/bin/sh\nrm -rf "${1:?}"/*\n',
        "SC2086",
    ),
    (["hadolint"], "Dockerfile", "FROM debian:latest\n", "FROM debian:12.11-slim\n", "DL3007"),
    (["yamllint", "--strict"], "x.yaml", "a: 1\na: 2\n", "a: 1\nb: 2\n", "key-duplicates"),
    (
        ["check-jsonschema", "--check-metaschema"],
        "x.schema.json",
        '{"type": "text"}',
        '{"type": "string"}',
        "'text' is not valid",
    ),
    (
        ["check-jsonschema", "--builtin-schema", "vendor.github-workflows"],
        "x.yml",
        "on: push\njobs: {a: {runs-on: x, step: []}}\n",
        "on: push\njobs: {a: {runs-on: x, steps: [{run: ls}]}}\n",
        "is not valid under any",
    ),
    (
        ["check-jsonschema", "--builtin-schema", "custom.github-workflows-require-timeout"],
        "x.yml",
        "on: push\njobs: {a: {runs-on: x, steps: [{run: ls}]}}\n",
        "on: push\njobs: {a: {runs-on: x, timeout-minutes: 5, steps: [{run: ls}]}}\n",
        "timeout-minutes",
    ),
]


@pytest.mark.parametrize(
    ("command", "name", "mistake", "correct", "said"), MISTAKES, ids=[m[4] for m in MISTAKES]
)
def test_a_linter_catches_a_mistake(
    tmp_path: Path, command: list[str], name: str, mistake: str, correct: str, said: str
) -> None:
    file = tmp_path / name
    program, *options = command
    for text, wrong in ((mistake, True), (correct, False)):
        file.write_text(text, encoding="utf-8")
        done = subprocess.run(
            [SCRIPTS / program, *options, file], capture_output=True, text=True, check=False
        )
        assert (done.returncode != 0) == wrong, done.stdout + done.stderr
        assert (said in done.stdout + done.stderr) == wrong
