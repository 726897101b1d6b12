"""What this process used up between two moments: time, CPU, I/O and memory."""

import resource
import sys
import time
from dataclasses import dataclass, field
from typing import Final

import psutil

# ru_maxrss is in bytes on macOS and in KiB elsewhere.
_MAXRSS_UNIT: Final = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Resources:
    """What was used.

    Attributes:
        seconds: that passed.
        cpu_seconds: of this process and of its children that have ended, user and system.
        read_bytes: read from storage, not from its cache; None where the system does not say.
        written_bytes: likewise, written.
        peak_memory_bytes: the most that this process or one of those children ever held. A process
            that runs several stages one after the other says the most of all so far.
    """

    seconds: float
    cpu_seconds: float
    read_bytes: int | None
    written_bytes: int | None
    peak_memory_bytes: int


@dataclass(frozen=True)
class Meter:
    """Measures from the moment at which it is made."""

    _began: float = field(default_factory=time.perf_counter)
    _cpu: float = field(default_factory=lambda: _cpu_seconds())
    _io: tuple[int, int] | None = field(default_factory=lambda: _io_bytes())

    def read(self) -> Resources:
        """What was used since then."""
        io = _io_bytes()
        both = (
            None if io is None or self._io is None else (io[0] - self._io[0], io[1] - self._io[1])
        )
        return Resources(
            seconds=time.perf_counter() - self._began,
            cpu_seconds=_cpu_seconds() - self._cpu,
            read_bytes=both[0] if both else None,
            written_bytes=both[1] if both else None,
            peak_memory_bytes=_peak(),
        )


def _cpu_seconds() -> float:
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, whose))


def _peak() -> int:
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(w).ru_maxrss for w in whose) * _MAXRSS_UNIT


def _io_bytes() -> tuple[int, int] | None:
    try:
        found = psutil.Process().io_counters()
    except (AttributeError, OSError, psutil.Error):  # macOS; containers that hide /proc
        return None
    return found.read_bytes, found.write_bytes
