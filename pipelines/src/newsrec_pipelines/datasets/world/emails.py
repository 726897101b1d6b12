"""Reads the digests in the outbox: to whom, and which articles one click away."""

import re
from email import policy
from email.errors import MessageError
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from urllib.parse import urlsplit

from newsrec_pipelines.errors import DataError

_LINK = re.compile(r"https?://[^\s\"'<>]+/r/[^\s\"'<>)\]]+")


def click_paths(folder: Path) -> dict[str, list[str]]:
    """For each address with a digest in the folder, the paths of its click links in their order.

    Only the path counts: a simulated reader goes to the API that she was given, whatever host an
    email names.

    Raises:
        DataError: when a file is no message. A missing folder is a day without digests.
    """
    found = {}
    for file in sorted(folder.glob("*.eml")):
        try:
            message = BytesParser(policy=policy.default).parsebytes(file.read_bytes())
            to = message["To"].addresses[0].addr_spec
            text = _text(message)
        except (MessageError, AttributeError, IndexError, LookupError, ValueError) as e:
            raise DataError(f"{file} is no digest: {type(e).__name__}") from e
        links = (urlsplit(link) for link in _LINK.findall(text))
        found[to] = list(dict.fromkeys(link.path for link in links))
    return found


def _text(message: EmailMessage) -> str:
    part = message.get_body(preferencelist=("plain", "html"))
    return str(part.get_content()) if part is not None else ""
