"""A moment needs its offset, and becomes UTC."""

from datetime import UTC, datetime

import click
import pytest

from newsrec_pipelines.options import MOMENT


@pytest.mark.parametrize("text", ["2026-03-06T02:30:00+02:30", "2026-03-06T00:00:00Z"])
def test_a_moment_becomes_utc(text: str) -> None:
    assert MOMENT.convert(text, None, None) == datetime(2026, 3, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "why"), [("2026-03-06T00:00:00", "no offset"), ("soon", "not an ISO time")]
)
def test_anything_else_is_refused(text: str, why: str) -> None:
    with pytest.raises(click.BadParameter, match=why):
        MOMENT.convert(text, None, None)
