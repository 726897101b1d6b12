"""A real SMTP server on loopback whose answers a test chooses."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

OK = "250 OK"


class Mailbox:
    """What the server accepted; `on_mail`, `on_rcpt` and `on_data` may answer otherwise.

    Each gets the recipient (or the sender) and returns a reply; "drop" closes the connection
    instead of answering. They run in threads, `on_data` after the whole message has arrived.
    """

    def __init__(self) -> None:
        self.accepted: list[bytes] = []
        self.sessions = 0
        self.on_mail: Callable[[str], str] = lambda _: OK
        self.on_rcpt: Callable[[str], str] = lambda _: OK
        self.on_data: Callable[[str], str] = lambda _: OK
        self.port = 0

    @property
    def url(self) -> str:
        """SMTP_URL of this server."""
        return f"smtp://127.0.0.1:{self.port}"

    def messages(self) -> list[EmailMessage]:
        """Everything that was accepted, parsed."""
        parsed = [message_from_bytes(m, policy=policy.default) for m in self.accepted]
        return [m for m in parsed if isinstance(m, EmailMessage)]

    def recipients(self) -> list[str]:
        """The To headers of what was accepted, in order."""
        return [str(m["To"]) for m in self.messages()]

    # aiosmtpd's hooks --------------------------------------------------------------------------
    async def handle_EHLO(  # noqa: N802
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        self.sessions += 1
        session.host_name = hostname
        return responses

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        reply = await server.loop.run_in_executor(None, self.on_mail, address)
        return _answer(server, reply)

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        reply = await server.loop.run_in_executor(None, self.on_rcpt, address)
        if reply.startswith("2"):
            envelope.rcpt_tos.append(address)
        return _answer(server, reply)

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        # In the thread, so that a client that is gone by then does not take it back.
        reply = await server.loop.run_in_executor(
            None, self._take, envelope.rcpt_tos[0], envelope.content
        )
        return _answer(server, reply)

    def _take(self, recipient: str, content: bytes) -> str:
        reply = self.on_data(recipient)
        # A server that takes the message and loses the connection has taken it all the same.
        if reply.startswith("2") or reply == "drop":
            self.accepted.append(content)
        return reply


def _answer(server: SMTP, reply: str) -> str:
    if reply == "drop" and server.transport is not None:
        server.transport.abort()
    return "421 bye" if reply == "drop" else reply


@contextmanager
def mail_server(**options: Any) -> Iterator[Mailbox]:
    """A server in a thread, on a free port; `options` are those of aiosmtpd's SMTP."""
    mailbox = Mailbox()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> asyncio.Server:
        return await loop.create_server(
            lambda: SMTP(mailbox, hostname="here", loop=loop, **options), "127.0.0.1", 0
        )

    async def stop(server: asyncio.Server) -> None:
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await loop.shutdown_default_executor()

    server = asyncio.run_coroutine_threadsafe(start(), loop).result(280)
    mailbox.port = server.sockets[0].getsockname()[1]
    try:
        yield mailbox
    finally:
        asyncio.run_coroutine_threadsafe(stop(server), loop).result(280)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class Gate:
    """Holds the server at one recipient: the test waits until it is there, and lets it go on."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.reached = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, address: str) -> str:
        if address == self._address:
            self.reached.set()
            assert self.go_on.wait(250)
        return OK
