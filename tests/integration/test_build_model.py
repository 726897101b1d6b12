"""`newsrec build-model` for real: from a commit to a model that is installed from its index."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from newsrec_pipelines import cli
from newsrec_pipelines.models import kind
from newsrec_pipelines.operations.build import compare
from newsrec_pipelines.operations.build.index import Index
from newsrec_pipelines.store import Store
from support.fake_model import AS_OF
from support.postgres import REPOSITORY
from support.two_days import write_two_days

# A machine that is busy with other things takes minutes.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
_UV = (sys.executable, "-m", "uv")
_KNOWN = str((AS_OF - timedelta(days=1)).date())


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A store of two days, from whose data a model was built; skipped where nothing can be."""
    var = tmp_path_factory.mktemp("var")
    _need_packages(tmp_path_factory.mktemp("wanted"))
    write_two_days(Store((var / "store").as_uri()))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(REPOSITORY)
        patch.setenv("NEWSREC_VAR", str(var))
        patch.delenv("STORE_URL", raising=False)
        patch.delenv("NEWSREC_PARAMS", raising=False)
        yield var


@pytest.fixture(scope="module")
def built(var: Path) -> Path:
    """The same, after the build."""
    tests = ("--tests", "tests/unit/training")
    with pytest.raises(SystemExit) as ended:
        cli.main(["build-model", "--date", _KNOWN, "--allow-dirty", *tests])
    assert not ended.value.code
    return var


def _need_packages(folder: Path) -> None:
    if not shutil.which("git") or not (REPOSITORY / ".git").exists():
        pytest.skip("a build starts from a commit, and this is no git repository")
    lock = str(REPOSITORY / "requirements" / "dev.txt")
    wanted = ("--require-hashes", "--dry-run", "--target", str(folder), "-r", lock)
    for offline in (("--offline",), ()):
        done = subprocess.run(
            [*_UV, "pip", "install", "--quiet", *offline, *wanted],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return
    pytest.skip(f"no index of packages can be reached, and uv's cache has not all: {done.stderr}")


def test_the_model_is_installed_from_the_index_and_predicts_the_same(
    built: Path, tmp_path: Path
) -> None:
    index = Index(built / "index")
    store = Store((built / "store").as_uri())
    (version,) = [key.split("/")[1] for key in store.keys("models") if "manifest" in key]
    assert index.projects() == ["newsrec-common", "newsrec-model-news", "newsrec-pipelines"]
    (wheel,) = index.files("newsrec-model-news")
    wanted = wheel.split("-")[1]
    # Only from the folder: its code too, as the commit's own version.
    arguments = ("--no-cache", "--target", str(tmp_path), "--index-url", index.url)
    _run(*_UV, "pip", "install", "--quiet", *arguments, f"newsrec-model-news=={wanted}")
    installed = {path.name for path in tmp_path.iterdir()}
    assert {"newsrec_common", "newsrec_model_news", "newsrec_pipelines"} <= installed
    # Code and model out of the index, what they need out of this environment.
    said = _run(
        *(sys.executable, "-P", str(compare.__file__)),
        *(str(tmp_path), "newsrec_model_news", store.url),
        PYTHONPATH=str(tmp_path),
    )
    assert "same slates for 24 readers" in said
    assert kind.load(store, version).name == "news"


def test_another_model_is_not_taken_for_the_same(built: Path, tmp_path: Path) -> None:
    index = Index(built / "index")
    _run(
        *(*_UV, "pip", "install", "--quiet", "--no-cache", "--no-deps"),
        *("--target", str(tmp_path), "--index-url", index.url, "newsrec-model-news"),
    )
    # Scorers that were exchanged, and whose hashes were exchanged with them.
    folder = next((tmp_path / "newsrec_model_news" / "models").iterdir())
    _exchange(folder, "als.factors.npy")
    store = Store((built / "store").as_uri())
    with pytest.raises(AssertionError, match="gives other slates"):
        _run(
            *(sys.executable, "-P", str(compare.__file__)),
            *(str(tmp_path), "newsrec_model_news", store.url),
        )


def test_the_wheel_tells_how_it_was_made(built: Path, tmp_path: Path) -> None:
    index = Index(built / "index")
    _run(
        *(*_UV, "pip", "install", "--quiet", "--no-cache", "--no-deps"),
        *("--target", str(tmp_path), "--index-url", index.url, "newsrec-model-news"),
    )
    package = tmp_path / "newsrec_model_news"
    facts = json.loads((package / "build.json").read_text())
    head = _run("git", "rev-parse", "HEAD").strip()
    assert facts["commit"] == facts["trained_by_commit"]
    assert len(facts["commit"]) == len(head) == 40
    assert facts["tests"]["passed"] > 0
    assert "<testsuite" in (package / "report" / "tests.xml").read_text()
    evaluation = json.loads((package / "report" / "evaluation.json").read_text())
    assert evaluation["first_day"] == evaluation["last_day"] == facts["evaluated_on"] == _KNOWN
    assert evaluation["metrics"]["news"]["hr@10"]["value"] is not None
    executable = {".pkl", ".pickle", ".so", ".joblib"}
    assert not {path.suffix for path in package.rglob("*")} & executable


def _exchange(folder: Path, name: str) -> None:
    array = np.load(folder / name)
    np.save(folder / name, np.ascontiguousarray(array[::-1]))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def _run(*command: str, **env: str) -> str:
    environment = {**os.environ, **env}
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
