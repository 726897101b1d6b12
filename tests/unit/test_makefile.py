"""`make` lists each target with a line of help, in groups, those to start with first."""

import re
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def _listed() -> dict[str, dict[str, str]]:
    """The targets that `make` shows, by group."""
    done = subprocess.run(["make"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    groups: dict[str, dict[str, str]] = {}
    group = ""
    for line in re.sub(r"\x1b\[\d*m", "", done.stdout).splitlines():
        if line.startswith("  "):
            target, said = line.split(maxsplit=1)
            groups.setdefault(group, {})[target] = said
        elif line:
            group = line
    return groups


def test_each_target_has_a_group_and_a_line() -> None:
    groups = _listed()
    assert "" not in groups
    text = (REPOSITORY / "Makefile").read_text()
    targets = set(re.findall(r"^\.PHONY: (.+)$", text, flags=re.MULTILINE))
    assert {"demo", "test", "check"} <= targets
    assert {name for group in groups.values() for name in group} == targets
    assert all(said.strip() for group in groups.values() for said in group.values())


def test_those_to_start_with_come_first() -> None:
    group, targets = next(iter(_listed().items()))
    assert group == "To start with"
    assert {"demo", "test", "check"} <= set(targets)
