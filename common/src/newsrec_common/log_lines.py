"""What this program says as one JSON object of ECS's fields a line, where LOG_FORMAT asks for it.

On a terminal lines are for people. In a pod they are for who collects them, so both streams are
wrapped: nothing that prints has to know.
"""

import atexit
import io
import os
import sys
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import IO, Any, Final

from ecs_logging import StructlogFormatter

from newsrec_common.errors import SettingsError

_FORMAT: Final = StructlogFormatter(ensure_ascii=False)


def install(env: Mapping[str, str], program: str, service: str) -> None:
    """Wrap both streams when LOG_FORMAT is ecs; safe to call again.

    Args:
        env: LOG_FORMAT is text, which changes nothing, or ecs.
        program: how its own lines about errors begin.
        service: what its lines say that they are of.

    Raises:
        SettingsError: when LOG_FORMAT is something else.
    """
    wanted = env.get("LOG_FORMAT") or "text"
    if wanted not in ("text", "ecs"):
        raise SettingsError(f"LOG_FORMAT must be text or ecs, not {wanted!r}")
    if wanted == "text" or isinstance(getattr(sys.stdout, "buffer", None), Lines):
        return
    said, errors = (
        Lines(stream.buffer, level, program, service)
        for stream, level in ((sys.stdout, "info"), (sys.stderr, "warning"))
    )
    sys.stdout, sys.stderr = _text(said), _text(errors)
    # Python flushes its streams at the end, and closes none.
    atexit.register(said.end)
    atexit.register(errors.end)
    sys.excepthook = errors.crash


def _text(lines: "Lines") -> io.TextIOWrapper:
    return io.TextIOWrapper(lines, "utf-8", "backslashreplace", write_through=True)


class Lines(io.RawIOBase):
    """Bytes in, a JSON object out for each whole line; the rest of a line waits for its end."""

    def __init__(self, out: IO[bytes], level: str, program: str, service: str) -> None:
        self._out = out
        self._level = level
        self._program = program
        self._service = service
        self._begun = b""
        self.name = program

    def writable(self) -> bool:
        """As a stream to write to must say."""
        return True

    def fileno(self) -> int:
        """Of the stream below: what children write there is their own."""
        return self._out.fileno()

    def write(self, given: Any) -> int:
        """Take bytes; nothing but whole lines goes on."""
        content = bytes(given)
        *whole, self._begun = (self._begun + content).split(b"\n")
        for line in whole:
            self._say(line.decode("utf-8", "replace").rstrip("\r"))
        return len(content)

    def flush(self) -> None:
        """Hand on what is whole."""
        if not self.closed and not self._out.closed:
            self._out.flush()

    def end(self) -> None:
        """A last line needs no end of its own."""
        if self._begun:
            self.write(b"\n")

    def crash(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        """What nobody caught: one object, with its traceback."""
        told = "".join(traceback.format_exception(kind, error, trace))
        of_error = {"error.type": kind.__name__, "error.message": str(error)}
        self._write("error", f"{kind.__name__}: {error}", {**of_error, "error.stack_trace": told})

    def _say(self, line: str) -> None:
        if line.strip():
            ours = self._level == "warning" and line.startswith(f"{self._program}: ")
            self._write("error" if ours else self._level, line, {})

    def _write(self, level: str, message: str, more: Mapping[str, str]) -> None:
        said = {
            "event": message,
            "service.name": self._service,
            "process.pid": os.getpid(),
            "process.args": [self._program, *sys.argv[1:]],
            **more,
        }
        line = _FORMAT(None, level, said)
        self._out.write(line.encode("utf-8", "backslashreplace") + b"\n")
        self._out.flush()
