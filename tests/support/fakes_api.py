"""The API's store in memory, and an application over it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from flask import Flask

from newsrec_api.app import create_app
from newsrec_api.errors import ApiError, NotFoundError, UnavailableError
from newsrec_api.repositories.interfaces import Repositories
from newsrec_api.settings import Settings
from newsrec_api.values import (
    Article,
    Block,
    Choices,
    Contribution,
    Event,
    Item,
    Kept,
    Profile,
    Run,
    StoredSlate,
    Told,
    item,
)
from support.api_server import SECRETS
from support.seed import AS_OF, MODEL, NOW, RUN_ID, article_row

SETTINGS = Settings(
    database_url="postgresql://nowhere",
    link_secret=SECRETS["LINK_SECRET"],
    admin_token=SECRETS["ADMIN_TOKEN"],
    audit_token=SECRETS["AUDIT_TOKEN"],
)


def article(n: int) -> Article:
    """The nth article of `support.seed`."""
    key, publisher, title, abstract, category, language, url, published_at, *_ = article_row(n)
    return Article(
        *(str(key), str(title), str(abstract), str(category), str(language), str(publisher)),
        url=str(url),
        image_url=None,
        published_at=published_at,  # type: ignore[arg-type]
    )


KEPT = Kept(
    as_of=AS_OF,
    model_version=MODEL,
    data_hash="da7a",
    publisher="The Delta Post",
    reliability=0.9,
    rated=True,
    sources=["als", "content"],
    score=0.25,
    base=-0.25,
    contributions=[
        Contribution("age_hours", 2.5, 0.75),
        Contribution("als", None, -0.25),
    ],
    place=2,
    step="diversified",
    propensity=1.0,
)


@dataclass
class Store:
    """Everything the fakes hold."""

    articles: dict[str, Article] = field(default_factory=dict)
    run: Run | None = field(default_factory=lambda: Run(RUN_ID, MODEL, AS_OF))
    slates: dict[str, list[str]] = field(default_factory=dict)
    popular: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    similar: dict[str, list[str]] = field(default_factory=dict)
    profiles: dict[str, Profile] = field(default_factory=dict)
    events: dict[tuple[str, str], tuple[Event, str, datetime]] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)
    evidence: Kept | ApiError = field(default_factory=lambda: KEPT)
    down: bool = False

    @classmethod
    def of(cls, count: int) -> "Store":
        """A store with the first `count` articles of `support.seed`, and no reader."""
        return cls({a.article_id: a for a in map(article, range(count))})

    def blocked(self, article_id: str) -> bool:
        """Whether the article is blocked now."""
        return any(b.article_id == article_id and b.lifted_at is None for b in self.blocks)

    def shown(self, article_ids: Sequence[str]) -> list[Article]:
        """Those of the articles that may be shown."""
        return [self.articles[a] for a in article_ids if a in self.articles and not self.blocked(a)]

    def repositories(self) -> Repositories:
        """All fakes over this store."""
        slates, articles, readers = FakeSlates(self), FakeArticles(self), FakeReaders(self)
        events, blocks, other = FakeEvents(self), FakeBlocks(self), FakeOther(self)
        return Repositories(
            *(slates, articles, readers, events, blocks, other, other),
            audit=FakeAudit(self),
            evidence=FakeEvidence(self),
        )

    def app(self, **settings: Any) -> Flask:
        """The application over this store, at `support.seed.NOW`."""
        app = create_app(replace(SETTINGS, **settings), self.repositories(), lambda: NOW)
        app.testing = False  # errors shall become answers, as in service
        return app


@dataclass
class FakeSlates:
    store: Store

    def stored(self, user_id: str, limit: int) -> StoredSlate | None:
        if self.store.down:
            raise UnavailableError("the database cannot be reached")
        if self.store.run is None or user_id not in self.store.slates:
            return None
        shown = self.store.shown(self.store.slates[user_id])[:limit]
        items: list[Item] = [
            item(a, n, 1.0 / n, "als", "Readers like you") for n, a in enumerate(shown, 1)
        ]
        ids = [a.article_id for a in shown]
        return StoredSlate(self.store.run, "champion", ids, items)

    def current_run(self) -> Run | None:
        return self.store.run

    def popular(self, run_id: str, region: str, language: str) -> list[tuple[str, float]]:
        keys = [(region, language), ("", language), (region, ""), ("", "")]
        return [(a, 0.5) for key in keys for a in self.store.popular.get(key, [])]

    def similar(self, article_id: str) -> list[tuple[str, float]]:
        return [(a, 0.9) for a in self.store.similar.get(article_id, [])]


@dataclass
class FakeArticles:
    store: Store

    def by_ids(self, article_ids: Sequence[str]) -> dict[str, Article]:
        return {a.article_id: a for a in self.store.shown(article_ids)}

    def newest(
        self, categories: Collection[str], language: str | None, before: datetime, limit: int
    ) -> list[Article]:
        shown = [
            a
            for a in self.store.shown(list(self.store.articles))
            if (not categories or a.category in categories)
            and language in (None, a.language)
            and a.published_at <= before
        ]
        return sorted(shown, key=lambda a: a.published_at, reverse=True)[:limit]

    def categories(self) -> list[str]:
        return sorted({a.category for a in self.store.articles.values()})


@dataclass
class FakeReaders:
    store: Store

    def profile(self, user_id: str) -> Profile | None:
        return self.store.profiles.get(user_id)

    def create(self, user_id: str, choices: Choices, at: datetime) -> bool:
        if user_id in self.store.profiles:
            return False
        self.update(user_id, choices, at)
        return True

    def update(self, user_id: str, choices: Choices, at: datetime) -> None:
        old = self.store.profiles.get(user_id) or Profile(user_id, None, None, None, (), True)
        names = ("region", "language", "timezone", "preferred_categories", "email_digest")
        new = {n: v for n in names if (v := getattr(choices, n)) is not None}
        self.store.profiles[user_id] = replace(old, **new)


@dataclass
class FakeEvents:
    store: Store

    def add(self, events: Sequence[Event], source: str, received_at: datetime) -> int:
        before = len(self.store.events)
        for event in events:
            key = (event.entity, event.event_id)
            self.store.events.setdefault(key, (event, source, received_at))
        return len(self.store.events) - before


@dataclass
class FakeBlocks:
    store: Store

    def block(self, article_id: str, by: str, reason: str, at: datetime) -> tuple[Block, bool]:
        if article_id not in self.store.articles:
            raise NotFoundError("there is no such article")
        for block in self.history(article_id):
            if block.lifted_at is None:
                return block, False
        self.store.blocks.insert(0, Block(article_id, at, by, reason))
        return self.store.blocks[0], True

    def lift(self, article_id: str, by: str, at: datetime) -> Block | None:
        for n, block in enumerate(self.store.blocks):
            if block.article_id == article_id and block.lifted_at is None:
                self.store.blocks[n] = replace(block, lifted_at=at, lifted_by=by)
                return self.store.blocks[n]
        return None

    def history(self, article_id: str) -> list[Block]:
        return [b for b in self.store.blocks if b.article_id == article_id]


@dataclass
class FakeAudit:
    store: Store

    def told(self, run_id: str, variant: str | None, user_id: str, article_id: str) -> Told:
        if self.store.run is None or run_id != self.store.run.run_id:
            raise NotFoundError("there is no such run")
        if variant not in (None, "champion"):
            raise NotFoundError("this run has no slate for this reader")
        if article_id not in self.store.slates.get(user_id, ()):
            raise NotFoundError("this article is not in the reader's slate")
        reason = {"code": "als", "text": "Readers like you"}
        return Told(AS_OF.date(), "champion", reason, self.store.articles[article_id].title)


@dataclass
class FakeEvidence:
    store: Store

    def kept(self, day: date, run_id: str, variant: str, user_id: str, article_id: str) -> Kept:
        if isinstance(self.store.evidence, ApiError):
            raise self.store.evidence
        return self.store.evidence


@dataclass
class FakeOther:
    """Health and the demo page's questions."""

    store: Store

    def check(self) -> None:
        if self.store.down:
            raise UnavailableError("the database cannot be reached")

    def readers(self, per_group: int) -> list[dict[str, Any]]:
        return []

    def reader(self, user_id: str) -> dict[str, Any] | None:
        return None

    def recent_reads(self, user_id: str, limit: int) -> list[dict[str, Any]]:
        return []

    def opened_since_run(self, user_id: str) -> list[str]:
        return []
