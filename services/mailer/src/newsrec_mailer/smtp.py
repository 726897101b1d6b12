"""A transport to one SMTP server over one connection, which knows what each broken phase means.

Until DATA is accepted the server holds nothing, so a lost connection is opened again and the
message is sent once more. From DATA to the server's answer nobody can know (RFC 1047): the answer
decides, and without one the delivery is uncertain.
"""

import smtplib
import ssl
from contextlib import suppress

from newsrec_mailer.errors import TransportError
from newsrec_mailer.settings import SmtpSettings
from newsrec_mailer.text import one_line, shorten
from newsrec_mailer.transport import Answer, Mail, Outcome

_CONNECT_SECONDS = 30.0
_CLOSING = 421  # the server ends the session: as good as a lost connection
_LOGIN_NEEDED = 530


class _LostError(Exception):
    """The session ended while the server held nothing of the message."""


class Smtp:
    """One connection, reused for every message and opened again when the server ends it."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._session: smtplib.SMTP | None = None

    def open(self) -> None:
        """Connect, start TLS and log in, unless that is done; see Transport."""
        if self._session is None:
            self._session = self._connect()

    def send(self, mail: Mail) -> Answer:
        """Send one message; see Transport."""
        for attempt in (1, 2):
            self.open()
            try:
                return self._transaction(mail)
            except _LostError as e:
                self._drop()
                if attempt == 2:
                    raise TransportError(f"{self._name} ends every session: {e}") from e
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Say goodbye when there is still someone to hear it; see Transport."""
        if self._session is not None:
            with suppress(OSError):
                self._session.quit()
        self._drop()

    @property
    def _name(self) -> str:
        return f"the mail server {self._settings.host}:{self._settings.port}"

    def _connect(self) -> smtplib.SMTP:
        to = self._settings
        context = ssl.create_default_context()
        seconds = min(_CONNECT_SECONDS, to.timeout)
        session: smtplib.SMTP | None = None
        try:
            if to.tls:
                session = smtplib.SMTP_SSL(to.host, to.port, timeout=seconds, context=context)
            else:
                session = smtplib.SMTP(to.host, to.port, timeout=seconds)
            if to.starttls:
                session.starttls(context=context)
            session.ehlo_or_helo_if_needed()
            if to.user is not None:
                session.login(to.user, to.password or "")
        except smtplib.SMTPResponseException as e:
            _close(session)
            raise TransportError(
                f"{self._name} refuses the session: {_said(e.smtp_code, e.smtp_error)}"
            ) from e
        except OSError as e:
            _close(session)
            raise TransportError(f"cannot reach {self._name}: {one_line(str(e))}") from e
        if session.sock is not None:
            session.sock.settimeout(to.timeout)
        return session

    def _transaction(self, mail: Mail) -> Answer:
        session = self._session
        if session is None:
            raise _LostError("no session")
        try:
            refusal = self._envelope(session, mail)
        except OSError as e:
            raise _LostError(one_line(str(e))) from e
        if refusal is not None:
            self._reset(session)
            return refusal
        try:
            code, reply = session.data(mail.content)
        except smtplib.SMTPDataError as e:
            code, reply = e.smtp_code, _bytes(e.smtp_error)  # refused before the first byte
        except OSError as e:
            self._drop()
            return Answer(Outcome.UNCERTAIN, shorten(f"no answer to the message: {e}", 300))
        answer = Answer(_outcome(code), _said(code, reply))
        if code == _CLOSING or answer.outcome is Outcome.UNCERTAIN:
            self._drop()
        elif answer.outcome is not Outcome.SENT:
            self._reset(session)
        return Answer(Outcome.SENT) if answer.outcome is Outcome.SENT else answer

    def _envelope(self, session: smtplib.SMTP, mail: Mail) -> Answer | None:
        """MAIL and RCPT: None when both are accepted."""
        code, reply = session.mail(mail.sender)
        if _outcome(code) is Outcome.REFUSED:
            # It would refuse every reader's message alike.
            raise TransportError(f"{self._name} refuses {mail.sender}: {_said(code, reply)}")
        if _outcome(code) is not Outcome.SENT:
            raise _LostError(_said(code, reply))
        code, reply = session.rcpt(mail.recipient)
        if code == _LOGIN_NEEDED:
            raise TransportError(f"{self._name} wants a login: {_said(code, reply)}")
        outcome = _outcome(code)
        if code == _CLOSING or outcome is Outcome.UNCERTAIN:
            raise _LostError(_said(code, reply))
        return None if outcome is Outcome.SENT else Answer(outcome, _said(code, reply))

    def _reset(self, session: smtplib.SMTP) -> None:
        try:
            session.rset()
        except OSError:
            self._drop()

    def _drop(self) -> None:
        _close(self._session)
        self._session = None


def _close(session: smtplib.SMTP | None) -> None:
    if session is not None:
        with suppress(OSError):
            session.close()


def _outcome(code: int) -> Outcome:
    """What a reply code means (RFC 5321, 4.2.1); smtplib says -1 for what is no reply."""
    kinds = {2: Outcome.SENT, 4: Outcome.DEFERRED, 5: Outcome.REFUSED}
    return kinds.get(code // 100, Outcome.UNCERTAIN)


def _bytes(reply: bytes | str) -> bytes:
    return reply if isinstance(reply, bytes) else reply.encode()


def _said(code: int, reply: bytes | str) -> str:
    return shorten(f"{code} {_bytes(reply).decode('utf-8', 'replace')}", 300)
