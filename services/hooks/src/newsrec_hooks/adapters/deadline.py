"""How long one request of ours may take, whatever number of calls it makes."""

import time
from dataclasses import dataclass

from newsrec_hooks.errors import UnavailableError


@dataclass(frozen=True)
class Deadline:
    """A moment of the monotonic clock, `seconds` after it was made."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """The deadline `seconds` from now."""
        return cls(time.monotonic() + seconds)

    def within(self, seconds: float) -> "Deadline":
        """This deadline, or the one `seconds` from now when that is sooner."""
        return Deadline(min(self.at, time.monotonic() + seconds))

    def left(self, whom: str) -> float:
        """Seconds that are left to wait for `whom`; always more than zero.

        Raises:
            UnavailableError: when none is left.
        """
        left = self.at - time.monotonic()
        if left <= 0:
            raise UnavailableError(f"{whom} does not answer in time")
        return left
