"""Only plain addresses are sent to."""

import pytest

from newsrec_mailer.addresses import is_address


@pytest.mark.parametrize("good", ["a@b.example", "first.last+tag@sub.b-c.example", "x@localhost"])
def test_a_plain_address_is_accepted(good: str) -> None:
    assert is_address(good)


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "nobody",
        "a@b@c.example",
        "a b@c.example",
        "a@b.example\r\nBcc: c@d.example",
        "a@b.example\n",
        '"a b"@c.example',
        "a@-b.example",
        "josé@b.example",
        "A <a@b.example>",
        f"{'a' * 65}@b.example",
        f"a@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}.{'f' * 60}.example",
    ],
)
def test_anything_else_is_not(bad: str) -> None:
    assert not is_address(bad)
