"""Articles of the last minute, kept in the process: many readers' slates share the same ones."""

import time
from collections.abc import Callable, Iterable

import orjson

from newsrec_api.values import Article

# A corrected headline shows after at most this long. Blocks do not wait: they are asked each time.
SECONDS = 60.0
MAX_ARTICLES = 20_000


class ArticleCache:
    """Fields of articles as JSON, loaded in one go where they are missing or old.

    Threads may load the same article twice; the later one wins, and both are right.
    """

    def __init__(
        self,
        load: Callable[[list[str]], Iterable[Article]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self._clock = clock
        self._kept: dict[str, tuple[float, bytes]] = {}

    def fields(self, article_ids: list[str]) -> list[bytes | None]:
        """The members of each article's JSON object, None for those that do not exist."""
        now = self._clock()
        kept = self._kept
        missing = [a for a in article_ids if a not in kept or kept[a][0] < now]
        if missing:
            if len(kept) + len(missing) > MAX_ARTICLES:
                kept = self._kept = {}  # other threads may still read the old one
                missing = article_ids
            for article in self._load(missing):
                fields = orjson.dumps(article._asdict(), option=orjson.OPT_UTC_Z)
                kept[article.article_id] = (now + SECONDS, fields[1:-1])  # without the braces
        return [kept[a][1] if a in kept else None for a in article_ids]
