"""What the mailer asks of a transport, and how a hand-over may end."""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class Outcome(Enum):
    """How handing over one message ended."""

    SENT = "sent"  # the other side took responsibility for it
    REFUSED = "refused"  # it said no, for good
    DEFERRED = "deferred"  # it said not now: certainly not delivered, may be tried again
    UNCERTAIN = "uncertain"  # nobody can say: never to be repeated


@dataclass(frozen=True)
class Answer:
    """An outcome and, unless it was sent, what the other side said, on one line."""

    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True)
class Mail:
    """One message for one recipient; `message_id` names it for ever."""

    sender: str
    recipient: str
    message_id: str
    content: bytes


class Transport(Protocol):
    """Hands messages over, one at a time."""

    def open(self) -> None:
        """Make sure that messages can be handed over now.

        Raises:
            TransportError: when they cannot.
        """

    def send(self, mail: Mail) -> Answer:
        """Hand one message over.

        Raises:
            TransportError: when nothing can be handed over at all; then it certainly was not.
        """

    def close(self) -> None:
        """Let go of connections; never fails."""
