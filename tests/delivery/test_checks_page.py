"""The page of checks names tests and files that are there."""

import re

import pytest

from support.postgres import REPOSITORY

PAGES = ["docs/reference/checks.md", "docs/explanation/threat-model.md"]


@pytest.mark.parametrize("page", PAGES)
def test_every_test_and_file_that_it_names_is_there(page: str) -> None:
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    sources = [p.read_text(encoding="utf-8") for p in (REPOSITORY / "tests").rglob("*.py")]
    names = {name for source in sources for name in re.findall(r"^def (test_\w+)", source, re.M)}
    files = {p.name for p in (REPOSITORY / "tests").rglob("*.py")}
    missing = []
    for quoted in re.findall(r"`([^`\n]+)`", text):
        word = quoted.rstrip("…")
        if re.fullmatch(r"test_\w+", word):
            if not any(n == word or (quoted.endswith("…") and n.startswith(word)) for n in names):
                missing.append(quoted)
        elif re.fullmatch(r"test_\w+\.py", word):
            missing += [] if word in files else [quoted]
        elif re.match(r"(tests|k8s|infra|docs|services)/", word):
            missing += [] if (REPOSITORY / word).exists() else [quoted]
    assert missing == []
