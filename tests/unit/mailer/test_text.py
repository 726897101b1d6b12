"""Publishers' text becomes one line that fits, whatever is in it."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from newsrec_mailer.text import one_line, shorten


def test_line_breaks_of_every_kind_become_one_space() -> None:
    assert one_line("a\r\nb\u2028c\u2029d\x85e\x0bf\tg \u00a0 h") == "a b c d e f g h"


def test_direction_overrides_go_and_right_to_left_words_stay() -> None:
    assert one_line("\u202eevil\u2066 عنوان") == "evil عنوان"


def test_a_family_emoji_stays_whole() -> None:
    assert one_line("👩‍👩‍👧 news") == "👩‍👩‍👧 news"


def test_text_is_cut_between_words() -> None:
    assert shorten("one two three four", 10) == "one two…"
    assert shorten("one two", 10) == "one two"
    assert shorten("incomprehensibilities", 10) == "incompreh…"


@given(st.text(), st.integers(2, 50))
def test_shortened_text_is_one_line_that_fits(text: str, width: int) -> None:
    line = shorten(text, width)
    assert len(line) <= width
    assert len(line.splitlines()) <= 1
    assert not any(unicodedata.category(c) in {"Cc", "Zl", "Zp"} for c in line)
    assert shorten(line, width) == line
