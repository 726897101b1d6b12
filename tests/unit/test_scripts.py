"""Scripts that tests write run in any path."""

import subprocess
import sys
from pathlib import Path

import pytest

from support.scripts import first_lines


@pytest.mark.parametrize("folder", ["plain", "with a blank"])
def test_a_script_runs_with_its_arguments(tmp_path: Path, folder: str) -> None:
    python = tmp_path / folder / "python"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    script = tmp_path / "script"
    script.write_text(first_lines("-SE", str(python)) + "import sys\nprint(sys.argv[1:])\n")
    script.chmod(0o755)
    said = subprocess.run([script, "a b", "c"], capture_output=True, text=True, check=True)
    assert said.stdout == "['a b', 'c']\n"
