"""What ends a command: one line, and what a person looks at next."""

from collections.abc import Sequence


class ClusterError(Exception):
    """Something is missing, does not answer, or is not in the state that it must be in.

    Attributes:
        details: Lines below the first one: what a pod said last.
    """

    def __init__(self, message: str, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.details = tuple(details)
