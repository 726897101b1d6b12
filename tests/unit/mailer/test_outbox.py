"""The outbox writes each message whole or not at all."""

from pathlib import Path

import pytest

from newsrec_mailer.errors import TransportError
from newsrec_mailer.outbox import Outbox
from newsrec_mailer.transport import Answer, Mail, Outcome

MAIL = Mail("a@b.example", "c@d.example", "<abc@b.example>", b"To: c@d.example\r\n\r\nHello\r\n")


def test_a_message_becomes_one_file_named_by_its_id(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "2026-03-06")
    outbox.open()
    assert outbox.send(MAIL) == Answer(Outcome.SENT)
    assert [p.name for p in (tmp_path / "2026-03-06").iterdir()] == ["abc.eml"]
    assert (tmp_path / "2026-03-06" / "abc.eml").read_bytes() == MAIL.content
    outbox.close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TransportError, match=f"cannot write to {tmp_path}/file/x: "):
        Outbox(tmp_path / "file" / "x").open()


def test_a_message_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.open()
    (tmp_path / "abc.eml").mkdir()  # in the way of the last step
    with pytest.raises(TransportError, match="cannot write"):
        outbox.send(MAIL)
    assert [p.name for p in tmp_path.iterdir()] == ["abc.eml"]
