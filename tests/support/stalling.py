"""A wire to a server that a test can make go silent: open, and nothing comes through."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit


@dataclass
class Wire:
    """Bytes between a client and a server.

    Attributes:
        url: The server's own address, with the wire's host and port.
    """

    url: str
    _open: threading.Event = field(default_factory=threading.Event)

    def stall(self) -> None:
        """Keep every byte that comes from now on."""
        self._open.clear()

    def go_on(self) -> None:
        """Let through what was kept, and what comes."""
        self._open.set()

    def carry(self, source: socket.socket, target: socket.socket) -> None:
        """Carry bytes until one end closes."""
        with suppress(OSError):
            while content := source.recv(65536):
                self._open.wait()
                target.sendall(content)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def wire(url: str) -> Iterator[Wire]:
    """A wire to the server of a URL; it goes through at first."""
    place = urlsplit(url)
    listener = socket.create_server(("127.0.0.1", 0))
    user, _, _ = place.netloc.rpartition("@")
    netloc = f"{user}@127.0.0.1:{listener.getsockname()[1]}"
    made = Wire(urlunsplit(place._replace(netloc=netloc)))
    made.go_on()
    ends: list[socket.socket] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection((str(place.hostname), place.port or 5432))
                ends.extend((client, server))
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=made.carry, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield made
    finally:
        made.go_on()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        for end in (listener, *ends):
            end.close()
