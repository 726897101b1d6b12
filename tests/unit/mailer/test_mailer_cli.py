"""The mailer's command line refuses what is no day or moment before it reads any setting."""

import pytest

from newsrec_mailer.cli import main


@pytest.mark.parametrize("moment", ["soon", "0001-01-01T00:00:00+12:00"])
def test_a_moment_outside_the_calendar_is_a_usage_error(
    capsys: pytest.CaptureFixture[str], moment: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["send", "--date", "2026-03-06", "--as-of", moment])
    assert ended.value.code == 2
    assert "--as-of" in capsys.readouterr().err
