"""Turns a digest into the bytes of one email: headers, text and HTML."""

from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy

from newsrec_mailer.digest import Digest, Rendered


@dataclass(frozen=True)
class Sender:
    """Who sends; `unsubscribe_address` is an optional second way to leave."""

    name: str
    address: str
    unsubscribe_address: str | None

    @property
    def domain(self) -> str:
        """The domain that Message-ID and List-Id name."""
        return self.address.rpartition("@")[2]


class _VerbatimHeader(UnstructuredHeader, BaseHeader):
    """A header whose value is ours and ASCII: written as it is.

    The standard library folds a long URL into encoded words, which no mail client can follow.
    """

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


def _policy() -> Policy:
    registry = HeaderRegistry()
    for name in ("list-unsubscribe", "message-id"):
        registry.map_to_type(name, _VerbatimHeader)
    return SMTP.clone(header_factory=registry)


_POLICY = _policy()


def compose(
    sender: Sender,
    recipient: str,
    message_id: str,
    digest: Digest,
    rendered: Rendered,
    now: datetime,
) -> bytes:
    """The whole message with CRLF line ends, 7-bit clean, ready for SMTP's DATA.

    `now` is the moment of sending, with its offset.
    """
    message = EmailMessage(policy=_POLICY)
    message["Date"] = now
    message["From"] = Address(display_name=sender.name, addr_spec=sender.address)
    message["To"] = Address(addr_spec=recipient)
    # A title may hold what looks like an encoded word; clients would decode it, line breaks too.
    message["Subject"] = rendered.subject.replace("=?", "= ?")
    message["Message-ID"] = message_id
    # RFC 3834: no robot shall answer; Precedence says so to those who know nothing newer.
    message["Auto-Submitted"] = "auto-generated"
    message["Precedence"] = "bulk"
    message["List-Id"] = f"newsrec daily digest <digest.{sender.domain}>"
    # RFC 2369 and RFC 8058: one click, that is one POST, leaves the list.
    leave = [f"<{digest.unsubscribe_url}>"]
    if sender.unsubscribe_address:
        leave.append(f"<mailto:{sender.unsubscribe_address}?subject=unsubscribe>")
    message["List-Unsubscribe"] = ", ".join(leave)
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    # Complaint reports of the big providers are summed by these parts; none names the reader.
    message["Feedback-ID"] = f"{digest.day:%Y%m%d}:{rendered.language}:digest:newsrec"
    message.set_content(rendered.text, cte="quoted-printable")
    message.add_alternative(rendered.html, subtype="html", cte="quoted-printable")
    message["Content-Language"] = rendered.language  # last: set_content clears Content-*
    return message.as_bytes()
