"""Ends the wait for a server that has gone silent; its own statement timeout cannot."""

import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - a class by another name

_LOOK_SECONDS = 0.5


class Watch:
    """Hangs up on connections that wait for longer than `seconds`, from a thread of its own.

    libpq has no limit for an answer, so a frozen server, or a network that swallows everything,
    would hold a worker until gunicorn kills it, and whoever asked would get no answer at all.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._waiting: dict[Connection, float] = {}
        self._stop = threading.Event()

    def start(self) -> None:
        """Begin to look; in the process that waits, since a thread survives no fork."""
        self._stop = threading.Event()
        threading.Thread(target=self._look, args=(self._stop,), daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()

    # Two dictionary operations each: this is in the way of every statement.
    def begin(self, conn: Connection) -> None:
        """From now on `conn` waits for an answer."""
        self._waiting[conn] = self._clock() + self._seconds

    def end(self, conn: Connection) -> bool:
        """`conn` waits no more; False when it was hung up on."""
        return self._waiting.pop(conn, None) is not None

    def hang_up(self) -> None:
        """Hang up on who has waited for too long."""
        now = self._clock()
        for conn, until in list(self._waiting.items()):
            # Whoever ended at this moment has taken itself out, and is left alone.
            if until < now and self._waiting.pop(conn, None) is not None:
                _shut(conn)

    def _look(self, stop: threading.Event) -> None:
        while not stop.wait(_LOOK_SECONDS):
            self.hang_up()


def _shut(conn: Connection) -> None:
    with suppress(OSError, psycopg2.InterfaceError):
        # A copy, because closing the connection's own descriptor is for libpq.
        line = socket.socket(fileno=os.dup(conn.fileno()))
        with line:
            line.shutdown(socket.SHUT_RDWR)
