"""One HTTP request with JSON in and out, ended by a deadline however slowly the server talks."""

import http.client
import socket
import ssl
import threading
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

import orjson

from newsrec_hooks.adapters.deadline import Deadline
from newsrec_hooks.errors import UnavailableError

MAX_ANSWER = 16 * 1024 * 1024
_CONNECT_SECONDS = 2.0


@dataclass(frozen=True)
class Server:
    """Whom we ask: `name` is for people, `prefix` comes before each path."""

    name: str
    host: str
    port: int
    prefix: str = ""
    tls: bool = False

    @classmethod
    def of(cls, name: str, url: str) -> Self:
        """The server that a checked URL of the settings names."""
        parts = urlsplit(url)
        tls = parts.scheme == "https"
        port = parts.port or (443 if tls else 80)
        return cls(name, parts.hostname or "", port, parts.path.rstrip("/"), tls)


@dataclass(frozen=True)
class Answer:
    """A status, and the JSON object of the body (empty when it is none)."""

    status: int
    content: dict[str, Any]


def exchange(
    server: Server,
    deadline: Deadline,
    method: str,
    path: str,
    content: Any = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    """Ask once, follow no redirect, try nothing again.

    Raises:
        UnavailableError: naming the server, when it cannot be reached, is too slow, breaks off,
            answers 429 or 5xx, or says more than `MAX_ANSWER` bytes.
    """
    sent = {"Accept": "application/json", "Connection": "close", **(headers or {})}
    body = None
    if content is not None:
        body = orjson.dumps(content)
        sent["Content-Type"] = "application/json"
    connection = _connection(server, min(deadline.left(server.name), _CONNECT_SECONDS))
    try:
        connection.connect()
        status, text = _ask(connection, deadline.left(server.name), method, path, body, sent)
    except (OSError, http.client.HTTPException) as e:
        raise UnavailableError(f"{server.name} does not answer") from e
    finally:
        connection.close()
    if len(text) > MAX_ANSWER:
        raise UnavailableError(f"{server.name} says too much")
    if status == 429 or status >= 500:
        raise UnavailableError(f"{server.name} answers {status}")
    return Answer(status, _object(text))


def _connection(server: Server, seconds: float) -> http.client.HTTPConnection:
    if server.tls:
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(
            server.host, server.port, timeout=seconds, context=context
        )
    return http.client.HTTPConnection(server.host, server.port, timeout=seconds)


def _ask(
    connection: http.client.HTTPConnection,
    seconds: float,
    method: str,
    path: str,
    body: bytes | None,
    headers: dict[str, str],
) -> tuple[int, bytes]:
    """Status and body, or an OSError or HTTPException after `seconds`.

    A socket's own time limit is for each piece that arrives: a server that sends a byte a second
    would hold us for ever. So the connection is shut from outside, which ends a read that waits.
    """
    connected = connection.sock
    connected.settimeout(seconds)
    late = threading.Event()

    def end() -> None:
        late.set()  # before the reader wakes up, which takes the end of the stream for its own
        # Not SSLSocket's own shutdown: it takes the TLS state away from under the reading thread.
        socket.socket.shutdown(connected, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        connection.request(method, path, body, headers)
        with connection.getresponse() as response:
            text = response.read(MAX_ANSWER + 1)
            if response.length:  # the rest of a body whose length was told
                raise http.client.IncompleteRead(text, response.length)
            if late.is_set():  # headers, and a body without a length, end like this, too
                raise TimeoutError
            return response.status, text
    finally:
        timer.cancel()


def _object(text: bytes) -> dict[str, Any]:
    try:
        content = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return content if isinstance(content, dict) else {}
