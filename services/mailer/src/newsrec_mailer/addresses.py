"""Says which email addresses we can send to."""

import re

# The pattern of the HTML standard for <input type=email>, which keeps out quoted local parts,
# comments and control characters, and with them every injection into headers or SMTP commands.
# https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_ADDRESS = re.compile(rf"[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{_LABEL}(?:\.{_LABEL})*")


def is_address(text: str) -> bool:
    """Whether `text` is a plain ASCII address (RFC 5321: at most 254 characters)."""
    return len(text) <= 254 and _ADDRESS.fullmatch(text) is not None
