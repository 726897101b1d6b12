"""The workflows of GitHub Actions, and every kind of mistake in them seen to be caught."""

import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

from support.postgres import REPOSITORY
from support.workflows import texts, written, wrong_with

SCRIPTS = Path(sysconfig.get_path("scripts"))
CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1"
READ = "    permissions:\n      contents: read\n"
ACTIONLINT = shutil.which("actionlint")


def planted(name: str, correct: str, mistake: str) -> dict[str, str]:
    files = texts()
    assert correct in files[name]
    files[name] = files[name].replace(correct, mistake)
    return files


def test_the_workflows_are_right() -> None:
    assert wrong_with(texts()) == []


@pytest.mark.parametrize(
    ("name", "correct", "mistake", "said"),
    [
        ("ci", CHECKOUT, "actions/checkout@v7", "not pinned"),
        ("ci", CHECKOUT, CHECKOUT.partition(" #")[0], "not pinned"),
        ("scanned-image", "anchore/scan-action@e1165082", "anchore/scan-action@main", "not pinned"),
        ("build-model", CHECKOUT, CHECKOUT.replace("@3d", "@4d"), "another one"),
        ("ci", "permissions: {}", "permissions: write-all", "rights that no job asked for"),
        ("ci", "      contents: read", "      contents: write", "may do too much"),
        ("deploy", "packages: write #", "packages: write\n      id-token: write #", "too much"),
        ("build-model", READ, "", "says not what it may do"),
        ("ci", "persist-credentials: false", "persist-credentials: true", "leaves its token"),
        ("ci", "    timeout-minutes: 20\n", "", "may last for ever"),
        ("build-model", "concurrency:", "env:", "two at once"),
        ("build-model", "    shell: bash\n", "    shell: sh\n", "a pipe that breaks"),
        ("ci", "  pull_request:\n", "  pull_request_target:\n", "strangers"),
        ("ci", "make manifests", "make manifest", "the Makefile has no manifest"),
        ("deploy", "infra/deploy/deploy.sh", "infra/deploy/put.sh", "there is no infra/deploy/put"),
        ("deploy", "actions/scanned-image", "actions/image", "there is no ./.github/actions/image"),
        ("ci", "run: make lint", "run: make lint || true", "passed over"),
        ("ci", "run: make lint", "run: make lint\n        continue-on-error: true", "passed over"),
        ("deploy", "    needs: test\n", "", "production does not wait for test"),
        ("deploy", "needs: test\n", "needs: publish\n", "production does not wait for test"),
        ("deploy", "needs: check\n", "needs: main-only\n", "publish does not wait for check"),
        ("deploy", "needs: test\n", "needs: test\n    if: always()\n", "may go on"),
        ("deploy", "    environment: production\n", "", "not in its environment"),
        ("deploy", "workflows/ci.yml", "workflows/build-model.yml", "nothing is checked"),
        ("ci", "api, mailer, hooks,", "api, mailer,", "not every image"),
        ("ci", "./.github/actions/scanned-image", CHECKOUT, "images are not scanned"),
        ("ci", "make coverage WORKERS=4", "make help", "no job coverage"),
        ("e2e-kind", "python3 infra/deploy/smoke.py", "curl", "nobody runs infra/deploy/smoke.py"),
    ],
)  # fmt: skip
def test_a_mistake_is_caught(name: str, correct: str, mistake: str, said: str) -> None:
    found = wrong_with(planted(name, correct, mistake))
    assert any(said in line for line in found), found


def test_production_is_put_up_as_the_test_environment_is() -> None:
    files = texts()
    head, _, tail = files["deploy"].rpartition("infra/deploy/deploy.sh")
    files["deploy"] = f"{head}infra/deploy/smoke.py{tail}"
    assert wrong_with(files) == ["deploy: production is put up otherwise than the test environment"]


def _zizmor(folder: Path) -> "subprocess.CompletedProcess[str]":
    config = REPOSITORY / ".github/zizmor.yml"
    command = [SCRIPTS / "zizmor", "--offline", "--no-progress", "--config", config, folder]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("name", "correct", "mistake", "rule"),
    [
        ("ci", CHECKOUT, "actions/checkout@v7", "unpinned-uses"),
        ("build-model", READ, "    permissions: write-all\n", "excessive-permissions"),
        ("ci", "        with:\n          persist-credentials: false\n", "", "artipacked"),
        ("build-model", 'DATE="$DATE"', 'DATE="${{ inputs.date }}"', "template-injection"),
    ],
)
def test_zizmor_sees_what_is_dangerous(
    tmp_path: Path, name: str, correct: str, mistake: str, rule: str
) -> None:
    workflows = written(tmp_path, {name: planted(name, correct, mistake)[name]})
    found = _zizmor(workflows)
    assert found.returncode > 10, found.stderr
    assert f"[{rule}]" in found.stdout


def test_zizmor_has_nothing_to_say() -> None:
    found = _zizmor(REPOSITORY / ".github")
    assert found.returncode == 0, found.stdout


def _actionlint(folder: Path) -> "subprocess.CompletedProcess[str]":
    if ACTIONLINT is None:
        pytest.skip("actionlint is not installed: .ci/packages says how")
    command = [ACTIONLINT, "-no-color", f"-shellcheck={SCRIPTS / 'shellcheck'}"]
    files = sorted(folder.glob("*.yml"))
    return subprocess.run(
        [*command, *files], capture_output=True, text=True, check=False, cwd=folder.parents[1]
    )


def test_actionlint_has_nothing_to_say() -> None:
    found = _actionlint(REPOSITORY / ".github/workflows")
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize(
    ("correct", "mistake", "said"),
    [
        ("runs-on: ubuntu-24.04", "runs-on: ubuntu-2404", 'label "ubuntu-2404" is unknown'),
        ("${{ matrix.python }}", "${{ matrix.pythons }}", 'property "pythons" is not defined'),
        ('"$GITHUB_WORKSPACE"', "$GITHUB_WORKSPACE", "SC2086"),
    ],
)
def test_actionlint_sees_what_cannot_work(
    tmp_path: Path, correct: str, mistake: str, said: str
) -> None:
    found = _actionlint(written(tmp_path, {"ci": planted("ci", correct, mistake)["ci"]}))
    assert found.returncode == 1
    assert said in found.stdout


def test_actionlint_sees_a_job_that_waits_for_nobody(tmp_path: Path) -> None:
    files = planted("deploy", "needs: publish", "needs: published")
    found = _actionlint(written(tmp_path, {k: files[k] for k in ("ci", "deploy")}))
    assert found.returncode == 1
    assert 'job "published" which does not exist' in found.stdout
