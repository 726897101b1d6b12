"""A progress bar for people: shown on a terminal, silent elsewhere."""

import time
from collections.abc import Iterable, Iterator
from typing import TextIO

_WIDTH = 30
_EVERY_SECONDS = 0.1


def track(readers: Iterable[str], total: int, out: TextIO) -> Iterator[str]:
    """Yield the readers, drawing a bar on `out` when that is a terminal."""
    if not out.isatty():
        yield from readers
        return
    drawn = 0.0
    for done, reader in enumerate(readers):
        if time.monotonic() - drawn >= _EVERY_SECONDS:
            drawn = time.monotonic()
            _draw(out, done, total)
        yield reader
    _draw(out, total, total)
    out.write("\n")


def _draw(out: TextIO, done: int, total: int) -> None:
    filled = _WIDTH * done // max(total, 1)
    out.write(f"\rdigests [{'#' * filled}{'.' * (_WIDTH - filled)}] {done}/{total}")
    out.flush()
