"""A list of articles for a reader: her stored slate, or the best that can be had without one."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from newsrec_api.clock import Clock
from newsrec_api.errors import NotFoundError
from newsrec_api.repositories.interfaces import Articles, Readers, Slates
from newsrec_api.values import Item, Profile, Run, item


@dataclass(frozen=True, slots=True)
class Slate:
    """What is served; `fallback` says that it is not the reader's own stored slate."""

    user_id: str
    run: Run | None
    variant: str | None
    as_of: datetime
    items: list[Item]
    fallback: bool


@dataclass(frozen=True, slots=True)
class Trend:
    """What is read most for a region and language."""

    run: Run | None
    as_of: datetime
    items: list[Item]


class Recommend:
    """Composes slates; blocked articles never appear, whatever was stored."""

    def __init__(self, slates: Slates, articles: Articles, readers: Readers, clock: Clock) -> None:
        self._slates = slates
        self._articles = articles
        self._readers = readers
        self._clock = clock

    def slate(
        self, user_id: str, limit: int, region: str | None = None, language: str | None = None
    ) -> Slate:
        """The stored slate, topped up with popular articles where places are missing.

        A reader without one gets the newest articles of the categories she chose, then popular
        ones; a reader nobody knows gets popular ones.
        """
        stored = self._slates.stored(user_id, limit)
        if stored is not None and len(stored.items) >= limit:
            run = stored.run
            return Slate(user_id, run, stored.variant, run.as_of, stored.items, fallback=False)
        profile = self._readers.profile(user_id)
        region = region or (profile and profile.region) or ""
        language = language or (profile and profile.language) or ""
        if stored is not None:
            items = stored.items
            self._top_up(items, stored.run, region, language, limit, stored.article_ids)
            run = stored.run
            return Slate(user_id, run, stored.variant, run.as_of, items, fallback=False)
        current = self._slates.current_run()
        items = self._newest_chosen(profile, language, limit) if profile else []
        self._top_up(items, current, region, language, limit, _ids(items))
        as_of = current.as_of if current else self._clock()
        return Slate(user_id, current, None, as_of, items, fallback=True)

    def newest(self, profile: Profile, limit: int) -> list[Item]:
        """The newest articles of a reader's categories, then popular ones."""
        items = self._newest_chosen(profile, profile.language or "", limit)
        current = self._slates.current_run()
        region, language = profile.region or "", profile.language or ""
        self._top_up(items, current, region, language, limit, _ids(items))
        return items

    def trending(self, region: str, language: str, limit: int) -> Trend:
        """What is read most; other languages fill up where one has too little."""
        current = self._slates.current_run()
        items: list[Item] = []
        self._top_up(items, current, region, language, limit, ())
        return Trend(current, current.as_of if current else self._clock(), items)

    def similar(self, article_id: str, limit: int) -> list[Item]:
        """The articles most similar to one.

        Raises:
            NotFoundError: when there is no such article, or it is blocked.
        """
        if not self._articles.by_ids([article_id]):
            raise NotFoundError("there is no such article")
        near = [pair for pair in self._slates.similar(article_id) if pair[0] != article_id]
        items: list[Item] = []
        self._append(items, near, limit, "similar", "Similar to the article you read", ())
        return items

    def _newest_chosen(self, profile: Profile, language: str, limit: int) -> list[Item]:
        if not profile.preferred_categories:
            return []
        articles = self._articles.newest(
            profile.preferred_categories, language or None, self._clock(), limit
        )
        return [
            item(a, rank, None, "newest", f"New in {a.category}, which you chose")
            for rank, a in enumerate(articles, 1)
        ]

    def _top_up(
        self,
        items: list[Item],
        run: Run | None,
        region: str,
        language: str,
        limit: int,
        taken: Collection[str],
    ) -> None:
        if len(items) >= limit:
            return
        if run is not None:
            popular = self._slates.popular(run.run_id, region, language)
            text = "Popular in your region" if region else "Popular with all readers"
            self._append(items, popular, limit, "popular", text, taken)
        if not items:  # nobody has recommended anything yet
            newest = self._articles.newest((), language or None, self._clock(), limit)
            items.extend(
                item(a, rank, None, "newest", "Just published") for rank, a in enumerate(newest, 1)
            )

    def _append(
        self,
        items: list[Item],
        scored: list[tuple[str, float]],
        limit: int,
        reason_code: str,
        reason_text: str,
        taken: Collection[str],
    ) -> None:
        """Fill `items`, which hold the articles `taken`, up to `limit`, each article once."""
        wanted: dict[str, float] = {}
        for article_id, score in scored:
            if article_id not in taken:
                wanted.setdefault(article_id, score)
        if not wanted:
            return
        known = self._articles.by_ids(list(wanted))
        for article_id, score in wanted.items():
            if len(items) >= limit:
                return
            if article_id in known:
                items.append(
                    item(known[article_id], len(items) + 1, score, reason_code, reason_text)
                )


def _ids(items: list[Item]) -> list[str]:
    return [i["article_id"] for i in items]
