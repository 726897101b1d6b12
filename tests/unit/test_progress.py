"""Progress is for people at a terminal, and changes nothing for anybody else."""

import pytest

from newsrec_pipelines.progress import track, working


def test_tracked_items_come_in_order_and_nothing_is_drawn_into_a_file(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert list(track(iter("abc"), "letters", total=3)) == ["a", "b", "c"]
    assert capsys.readouterr() == ("", "")


def test_a_terminal_sees_what_is_going_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes it for a terminal
    assert list(track([1, 2], "numbers")) == [1, 2]
    with working("thinking"):
        pass
    seen = capsys.readouterr().err
    assert "numbers" in seen
    assert "2/2" in seen
    assert "thinking" in seen
