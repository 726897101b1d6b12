"""The mailer's command line ends in one line: at a wrong moment, and at Ctrl-C."""

import pytest

from newsrec_mailer.cli import main
from newsrec_mailer.settings import Settings


@pytest.mark.parametrize("moment", ["soon", "0001-01-01T00:00:00+12:00"])
def test_a_moment_outside_the_calendar_is_a_usage_error(
    capsys: pytest.CaptureFixture[str], moment: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["send", "--date", "2026-03-06", "--as-of", moment])
    assert ended.value.code == 2
    assert "--as-of" in capsys.readouterr().err


def test_ctrl_c_before_the_first_message_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: object) -> Settings:
        raise KeyboardInterrupt

    monkeypatch.setattr(Settings, "from_env", interrupted)
    with pytest.raises(SystemExit) as ended:
        main(["send", "--date", "2026-03-06"])
    assert ended.value.code == 1
    assert capsys.readouterr().err == "newsrec-mailer: interrupted\n"
