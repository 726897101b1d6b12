"""The pages: what they link to is there, and each picture is shown by one of them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.postgres import REPOSITORY

_TARGET = re.compile(r"""\]\(([^)\s]+)\)|(?:src|href)="([^"]+)\"""")
_CODE = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)
PAGES = sorted(
    [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")]
    + [
        page
        for part in ("contracts", "feature_repo", "k8s", "worlds")
        for page in (REPOSITORY / part).rglob("*.md")
    ]
)


def targets(page: Path) -> Iterator[Path]:
    """The files that a page links to or shows."""
    for found in _TARGET.findall(_CODE.sub("", page.read_text())):
        target = "".join(found).partition("#")[0]
        if target and not re.match(r"[a-z]+:", target):
            yield (page.parent / target).resolve()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(REPOSITORY)))
def test_what_a_page_links_to_is_there(page: Path) -> None:
    assert [str(t) for t in targets(page) if not t.exists()] == []


def test_every_picture_is_shown_by_a_page() -> None:
    shown = {target for page in PAGES for target in targets(page)}
    pictures = {p for p in (REPOSITORY / "docs" / "images").iterdir() if p.is_file()}
    assert len(pictures) >= 9
    assert pictures - shown == set()
