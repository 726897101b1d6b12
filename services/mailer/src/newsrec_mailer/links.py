"""Signs the links of the emails, so that the API opens no other article and no other reader."""

import hashlib
import hmac
from datetime import date

from itsdangerous import URLSafeSerializer

SALT = "newsrec.links.v1"  # the API verifies with the same


class Links:
    """Links below one public URL, signed with one secret."""

    def __init__(self, public_url: str, secret: str) -> None:
        self._public_url = public_url
        self._secret = secret.encode()
        self._serializer = URLSafeSerializer(secret, salt=SALT)

    def article(self, user_id: str, article_id: str, day: date, run_id: str) -> str:
        """A link that opens the article and becomes a click of this reader."""
        claims = {"k": "click", "u": user_id, "a": article_id, "d": str(day), "r": run_id}
        return f"{self._public_url}/r/{self._token(claims)}"

    def unsubscribe(self, user_id: str) -> str:
        """A link whose GET shows a page and whose POST ends the emails (RFC 8058)."""
        return f"{self._public_url}/u/{self._token({'k': 'unsubscribe', 'u': user_id})}"

    def message_id(self, user_id: str, day: date, domain: str) -> str:
        """The one Message-ID of a reader's digest of one day.

        It is keyed with the secret: ids are guessable, and a plain hash would confirm a guess.
        """
        text = f"message-id:{day}:{domain}:{user_id}".encode()
        return f"<{hmac.new(self._secret, text, hashlib.sha256).hexdigest()[:40]}@{domain}>"

    def _token(self, claims: dict[str, str]) -> str:
        token = self._serializer.dumps(claims)
        return token if isinstance(token, str) else token.decode()
