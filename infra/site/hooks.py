"""MkDocs hook: a link to a file outside docs/ becomes its path, since the site holds pages only."""

import logging
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_LOG = logging.getLogger("mkdocs.hooks")  # A warning here fails a strict build.
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((\.\./[^)#\s]+)(?:#[^)]*)?\)")


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Put the path of each source file that a page links to in the place of the link."""
    docs = ROOT / "docs"
    folder = (docs / page.file.src_uri).parent

    def path_of(found: re.Match[str]) -> str:
        target = (folder / found[2]).resolve()
        if target.is_relative_to(docs):
            return found[0]
        if not target.exists():
            _LOG.warning("%s links to %s, which is not there", page.file.src_uri, found[2])
        text, path = found[1], target.relative_to(ROOT)
        return f"`{path}`" if text.strip("`") == str(path) else f"{text} (`{path}`)"

    return _LINK.sub(path_of, markdown)
