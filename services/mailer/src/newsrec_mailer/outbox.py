"""A transport without a mail server: one .eml file a message, as any mail program opens it."""

import uuid
from contextlib import suppress
from pathlib import Path

from newsrec_mailer.errors import TransportError
from newsrec_mailer.text import one_line
from newsrec_mailer.transport import Answer, Mail, Outcome


class Outbox:
    """Writes messages below one folder, each whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self) -> None:
        """Make the folder; see Transport."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise self._error(e) from e

    def send(self, mail: Mail) -> Answer:
        """Write ``<local part of the Message-ID>.eml``; see Transport."""
        path = self._folder / f"{mail.message_id.strip('<>').partition('@')[0]}.eml"
        partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
        try:
            partial.write_bytes(mail.content)
            partial.replace(path)
        except OSError as e:
            with suppress(OSError):
                partial.unlink()
            raise self._error(e) from e
        return Answer(Outcome.SENT)

    def close(self) -> None:
        """Nothing is held; see Transport."""

    def _error(self, error: OSError) -> TransportError:
        return TransportError(f"cannot write to {self._folder}: {one_line(error.strerror or '')}")
