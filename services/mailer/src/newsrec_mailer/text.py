"""Cleans text that comes from publishers before it stands in a header or a line of its own."""

import re
import unicodedata

# Controls that turn the direction of what follows, beyond the title itself.
_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")
_SPACE_LIKE = {"Cc", "Zl", "Zp", "Zs"}


def one_line(text: str) -> str:
    """The text without control characters and line breaks, its white space collapsed."""
    without = _DIRECTION.sub("", text)
    spaced = "".join(" " if unicodedata.category(c) in _SPACE_LIKE else c for c in without)
    return " ".join(spaced.split())


def shorten(text: str, width: int) -> str:
    """At most `width` characters of one line, cut between words where that is possible."""
    line = one_line(text)
    if len(line) <= width:
        return line
    cut = line[: width - 1]
    at = cut.rfind(" ")
    return f"{cut[:at] if at > width // 2 else cut}".rstrip() + "…"
