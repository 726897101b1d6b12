"""Links in emails: signed, so that nobody can click or unsubscribe for another reader."""

import hashlib
from dataclasses import dataclass
from urllib.parse import urlsplit

from itsdangerous import BadData, URLSafeSerializer

from newsrec_api.clock import Clock
from newsrec_api.errors import GoneError, NotFoundError
from newsrec_api.repositories.interfaces import Articles, Blocks, Events
from newsrec_api.values import Event

SALT = "newsrec.links.v1"  # the mailer signs with the same one
MAX_TOKEN = 2048


@dataclass(frozen=True, slots=True)
class Click:
    """A reader's way from an email to one article."""

    user_id: str
    article_id: str


class Links:
    """Reads the tokens that the mailer signed."""

    def __init__(self, secret: str) -> None:
        self._serializer = URLSafeSerializer(secret, salt=SALT)

    def click(self, token: str) -> Click:
        """Raises `NotFoundError` for anything but a click's token."""
        content = self._content(token, "click", ("u", "a"))
        return Click(content["u"], content["a"])

    def unsubscribe(self, token: str) -> str:
        """The reader's id; raises `NotFoundError` for anything but an unsubscribe token."""
        return self._content(token, "unsubscribe", ("u",))["u"]

    def _content(self, token: str, kind: str, fields: tuple[str, ...]) -> dict[str, str]:
        try:
            content = self._serializer.loads(token) if len(token) <= MAX_TOKEN else None
        except BadData:
            content = None
        if (
            not isinstance(content, dict)
            or content.get("k") != kind
            or not all(isinstance(content.get(f), str) for f in fields)
        ):
            raise NotFoundError("this link is not one of ours, or it was cut short")
        return content


class FollowClick:
    """From a click in an email to the article's page, and an event for the inbox."""

    def __init__(
        self, links: Links, articles: Articles, blocks: Blocks, events: Events, clock: Clock
    ) -> None:
        self._links = links
        self._articles = articles
        self._blocks = blocks
        self._events = events
        self._clock = clock

    def __call__(self, token: str, record: bool) -> str:
        """The address to go to; the click is kept once per link, and only if `record`.

        Raises:
            NotFoundError: for a foreign token, an unknown article, or one without a web address.
            GoneError: when the article was blocked.
        """
        click = self._links.click(token)
        article = self._articles.by_ids([click.article_id]).get(click.article_id)
        if article is None:
            if any(b.lifted_at is None for b in self._blocks.history(click.article_id)):
                raise GoneError("this article has been withdrawn")
            raise NotFoundError("this article is not here any more")
        # The address comes from our database, never from the link; still, only to the web.
        address = urlsplit(article.url)
        if address.scheme not in ("http", "https") or not address.netloc:
            raise NotFoundError("this article has no page on the web")
        if record:
            self._events.add(
                [click_event(token, click, self._clock().isoformat())], "email", self._clock()
            )
        return article.url


def click_event(token: str, click: Click, at: str) -> Event:
    """The event of one link: following it again gives the same id."""
    event_id = "email-" + hashlib.sha256(token.encode()).hexdigest()[:32]
    return Event(
        "reads",
        event_id,
        {
            "event_id": event_id,
            "user_id": click.user_id,
            "article_id": click.article_id,
            "read_at": at,
            "kind": "click",
            "view_id": event_id,
        },
    )
