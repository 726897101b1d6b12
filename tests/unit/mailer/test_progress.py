"""The progress bar is for terminals only."""

import io

from newsrec_mailer.progress import track


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_a_bar_that_ends_full() -> None:
    out = Terminal()
    assert list(track(["a", "b"], 2, out)) == ["a", "b"]
    assert out.getvalue().startswith("\rdigests [....")
    assert out.getvalue().endswith("] 2/2\n")


def test_anything_else_sees_nothing() -> None:
    out = io.StringIO()
    assert list(track(["a", "b"], 2, out)) == ["a", "b"]
    assert out.getvalue() == ""
