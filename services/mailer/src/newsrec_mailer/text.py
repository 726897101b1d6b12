"""Cleans text that comes from publishers before it stands in a header or a line of its own."""

import re

# Controls that turn the direction of what follows, beyond the title itself.
_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")
# White space, line and paragraph separators (all in \s), and the other control characters.
_SPACE_LIKE = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")


def one_line(text: str) -> str:
    """The text without control characters and line breaks, its white space collapsed."""
    return _SPACE_LIKE.sub(" ", _DIRECTION.sub("", text)).strip()


def shorten(text: str, width: int) -> str:
    """At most `width` characters of one line, cut between words where that is possible."""
    line = one_line(text)
    if len(line) <= width:
        return line
    cut = line[: width - 1]
    at = cut.rfind(" ")
    return f"{cut[:at] if at > width // 2 else cut}".rstrip() + "…"
