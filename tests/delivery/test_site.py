"""The documentation as a site: broken links fail, links to source files become their paths."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.postgres import REPOSITORY


def build(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Build a site of one page with our configuration and hook."""
    for name in ("mkdocs.yml", "infra/site/hooks.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, folder / name)
    (folder / "docs").mkdir()
    (folder / "docs" / "index.md").write_text(text)
    (folder / "params.yaml").touch()
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={"NO_MKDOCS_2_WARNING": "1", "PATH": ""},
    )


def test_a_link_to_a_source_file_becomes_its_path(tmp_path: Path) -> None:
    done = build(tmp_path, "# Page\n\nSee [parameters](../params.yaml).\n")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "var" / "site" / "index.html").read_text()
    assert "parameters (<code>params.yaml</code>)" in page
    assert "fonts.googleapis.com" not in page


@pytest.mark.parametrize("link", ["nowhere.md", "#nowhere", "../nowhere.yaml"])
def test_a_broken_link_fails(tmp_path: Path, link: str) -> None:
    done = build(tmp_path, f"# Page\n\n[gone]({link})\n")
    assert done.returncode != 0
    assert "nowhere" in done.stderr
