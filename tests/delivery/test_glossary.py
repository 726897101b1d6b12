"""The glossary: each term once, in two sentences, and linked at its first use on a page."""

import re
from itertools import pairwise

import pytest

from support.postgres import REPOSITORY

DOCS = REPOSITORY / "docs"
GLOSSARY = DOCS / "glossary.md"
# What the README may not use without an entry: the field's terms and those of our own pages.
TERMS_OF_THE_FIELD = (
    *("back-test", "baseline", "bound scorer", "canary", "candidate", "challenger", "champion"),
    *("cold start", "dead letter", "dwell", "eligibility", "exposure", "feature view", "gate"),
    *("impression", "landing zone", "list click", "manifest", "materialize", "partition"),
    *("open from elsewhere", "point-in-time join", "preference drift", "propensity", "ranker"),
    *("registry", "run", "scorer", "slate", "variant"),
)
# Everyday words in other senses, or names of fields: a link at their first use would mislead.
NOT_LINKED = {"run", "counter", "partition", "exposure", "available_at", "materialize"}
LINKED_PAGES = (
    "architecture.md",
    "explanation/candidates.md",
    "explanation/slates.md",
    "explanation/time.md",
    "reference/mailer.md",
    "reference/reasons.md",
    "tutorial/first-loop.md",
)
_CODE_HEADING_TABLE = re.compile(r"^```.*?^```|`[^`\n]*`|^#.*?$|^\|.*?$|^!\[.*?$", re.M | re.S)
_LINK = re.compile(r"\[([^\]]*)\]\(([^)]*)\)")


def entries() -> dict[str, str]:
    """Terms of the glossary, with their texts."""
    parts = re.split(r"^## (.+)$", GLOSSARY.read_text(), flags=re.M)[1:]
    return dict(zip(parts[::2], (p.strip() for p in parts[1::2]), strict=True))


def use_of(term: str) -> re.Pattern[str]:
    """The term as prose has it: in any case, in the plural, over the end of a line."""
    stem = term.removesuffix("y").replace(" ", r"\s+")
    return re.compile(
        rf"(?<![\w/.-]){stem}{'(?:y|ies)' if term[-1] == 'y' else 's?'}(?![\w/])", re.I
    )


def prose(text: str) -> str:
    """The text with code, headings, tables and pictures blanked, at the same positions."""
    return _CODE_HEADING_TABLE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def unlinked(text: str) -> dict[str, int]:
    """Terms whose first use in a page's prose is no link to the glossary, with its position."""
    text = prose(text)
    links = {found.span(): found for found in _LINK.finditer(text)}
    missing = {}
    for term in entries().keys() - NOT_LINKED:
        anchor = f"glossary.md#{term.replace(' ', '-')}"
        for use in use_of(term).finditer(text):
            around = [m for (start, end), m in links.items() if start <= use.start() < end]
            if around and not around[0][2].endswith(anchor):
                continue  # Within another link: that one explains more than we would.
            if not around:
                missing[term] = use.start()
            break
    return missing


def test_each_term_has_two_sentences_in_order() -> None:
    found = entries()
    assert len(found) >= 30
    assert [t for t, text in found.items() if len(re.findall(r"\.(?=\s|$)", text)) != 2] == []
    assert all(one < other for one, other in pairwise(found))


def test_the_terms_of_the_readme_are_there() -> None:
    text = (REPOSITORY / "README.md").read_text()
    used = {term for term in TERMS_OF_THE_FIELD if use_of(term).search(text)}
    assert {"slate", "champion", "dwell", "landing zone"} <= used
    assert used - entries().keys() == set()


@pytest.mark.parametrize("page", LINKED_PAGES)
def test_a_page_links_each_term_at_its_first_use(page: str) -> None:
    assert unlinked((DOCS / page).read_text()) == {}


def test_a_term_without_a_link_is_found() -> None:
    text = "# Slates\n`slate` [all slates](x.md)\nTwo slates, [a slate](glossary.md#slate).\n"
    assert unlinked(text) == {"slate": text.index("slates,")}
    assert unlinked("A [slate](../glossary.md#slate), and a slate.") == {}


def test_links_lead_to_terms() -> None:
    anchors = {term.replace(" ", "-") for term in entries()}
    pages = [p.read_text() for p in DOCS.rglob("*.md")]
    used = {name for text in pages for name in re.findall(r"glossary\.md#([\w-]+)", text)}
    assert {"slate", "dwell"} <= used <= anchors
