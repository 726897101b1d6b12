"""Asks a gateway for a slate, and for what it must refuse: KEY=… python3 infra/deploy/smoke.py URL.

For a machine that has nothing of ours installed: the standard library only.
"""

import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from email.message import Message
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

SECONDS = 20.0
ITEMS = 10
# Above what Kong and the API take, below what they read before they answer.
LARGE = 1_100_000


class SmokeError(Exception):
    """The gateway answered something else than it must."""


def ask(
    url: str, headers: Mapping[str, str], body: bytes | None = None
) -> tuple[int, Message, bytes]:
    """Status, headers and body of an answer, whatever the status is.

    Raises:
        SmokeError: when nobody answers in time.
    """
    place = urlsplit(url)
    kind = HTTPSConnection if place.scheme == "https" else HTTPConnection
    connection = kind(place.netloc, timeout=SECONDS)
    try:
        with suppress(BrokenPipeError, ConnectionResetError):  # it answered before it had all
            connection.request(
                "GET" if body is None else "POST",
                f"{place.path}?{place.query}",
                body,
                dict(headers),
            )
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    except (OSError, HTTPException) as e:
        raise SmokeError(f"{url}: no answer: {e}") from e
    finally:
        connection.close()


def smoke(url: str, key: str) -> None:
    """Go through all questions.

    Raises:
        SmokeError: at the first wrong answer.
    """
    slate = f"{url}/v1/readers/smoke/recommendations?limit={ITEMS}"
    right = {"apikey": key}
    status, headers, body = ask(slate, right)
    _expect("a slate", 200, status, body)
    try:
        articles = {item["article_id"] for item in json.loads(body)["items"]}
    except (ValueError, KeyError, TypeError) as e:
        raise SmokeError(f"a slate: no slate: {body[:200]!r}") from e
    if len(articles) != ITEMS:
        raise SmokeError(f"a slate: {len(articles)} articles instead of {ITEMS}")
    if not headers.get("X-Request-ID"):
        raise SmokeError("a slate: no X-Request-ID")
    for what, wanted, path, sent, content in (
        ("without a key", 401, slate, {}, None),
        ("with a wrong key", 401, slate, {"apikey": f"not-{key}"}, None),
        (
            "with a body of more than a megabyte",
            413,
            f"{url}/v1/events",
            {**right, "Content-Type": "application/json"},
            b" " * LARGE,
        ),
        ("metrics, which are not for everybody", 404, f"{url}/metrics", right, None),
    ):
        status, _, body = ask(path, sent, content)
        _expect(what, wanted, status, body)


def _expect(what: str, wanted: int, status: int, body: bytes) -> None:
    if status != wanted:
        raise SmokeError(f"{what}: {status} instead of {wanted}: {body[:200]!r}")
    print(f"{what}: {status}")


def main() -> int:
    """Exit status 0 when every answer was right, 1 when one was not, 2 when nothing was asked."""
    url, key = (sys.argv[1:] or [""])[0].rstrip("/"), os.environ.get("KEY", "")
    if not url.startswith(("http://", "https://")) or not key:
        print("smoke: usage: KEY=… python3 infra/deploy/smoke.py URL", file=sys.stderr)
        return 2
    try:
        smoke(url, key)
    except SmokeError as e:
        print(f"smoke: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
