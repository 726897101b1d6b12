"""Articles kept for a minute are loaded once, then again."""

import orjson

from newsrec_api.repositories import article_cache
from newsrec_api.repositories.article_cache import ArticleCache
from newsrec_api.values import Article
from support.fakes_api import article


class Source:
    """Loads articles and remembers what was asked."""

    def __init__(self) -> None:
        self.known = {a.article_id: a for a in map(article, range(10))}
        self.asked: list[list[str]] = []
        self.now = 0.0

    def load(self, ids: list[str]) -> list[Article]:
        self.asked.append(list(ids))
        return [self.known[i] for i in ids if i in self.known]

    def cache(self) -> ArticleCache:
        return ArticleCache(self.load, lambda: self.now)


A, B = "article-00001", "article-00002"


def fields_of(members: bytes) -> dict[str, object]:
    fields: dict[str, object] = orjson.loads(b"{%b}" % members)
    return fields


def test_only_what_is_missing_is_loaded_and_order_and_gaps_are_kept() -> None:
    source = Source()
    cache = source.cache()
    cache.fields([A])
    found = cache.fields([B, "unknown", A])
    assert source.asked == [[A], [B, "unknown"]]
    assert [fields_of(f)["article_id"] if f else None for f in found] == [B, None, A]


def test_a_correction_shows_after_a_minute() -> None:
    source = Source()
    cache = source.cache()
    cache.fields([A])
    source.known[A] = source.known[A]._replace(title="Corrected")
    (before,) = cache.fields([A])
    source.now = article_cache.SECONDS + 1
    (after,) = cache.fields([A])
    assert before
    assert after
    assert fields_of(before)["title"] != "Corrected"
    assert fields_of(after)["title"] == "Corrected"


def test_a_full_cache_begins_anew(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(article_cache, "MAX_ARTICLES", 2)
    source = Source()
    cache = source.cache()
    cache.fields([A, B])
    (third,) = cache.fields(["article-00003"])
    assert third
    assert fields_of(third)["article_id"] == "article-00003"
    assert len(cache._kept) == 1
