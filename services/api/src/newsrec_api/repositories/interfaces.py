"""What the use cases ask of a store. Every method may raise `errors.UnavailableError`."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from newsrec_api.values import Article, Block, Choices, Event, Kept, Profile, Run, StoredSlate, Told


class Slates(Protocol):
    """Published runs; written by scoring, read here."""

    def stored(self, user_id: str, limit: int) -> StoredSlate | None:
        """The reader's slate of the current run, of her variant if it holds; None without one."""

    def current_run(self) -> Run | None:
        """The published run of the latest date."""

    def popular(self, run_id: str, region: str, language: str) -> list[tuple[str, float]]:
        """Article ids with scores, best match of region and language first; may repeat ids."""

    def similar(self, article_id: str) -> list[tuple[str, float]]:
        """Article ids with similarities in the current run, most similar first."""


class Articles(Protocol):
    """Articles that may be shown: blocked ones are never among the answers."""

    def by_ids(self, article_ids: Sequence[str]) -> dict[str, Article]:
        """Those of the articles that exist and are not blocked."""

    def newest(
        self, categories: Collection[str], language: str | None, before: datetime, limit: int
    ) -> list[Article]:
        """The newest articles of these categories (none given: of all), latest first."""

    def categories(self) -> list[str]:
        """All categories, by name."""


class Readers(Protocol):
    """What readers chose themselves, over what `users` says."""

    def profile(self, user_id: str) -> Profile | None:
        """None for a reader nobody knows."""

    def create(self, user_id: str, choices: Choices, at: datetime) -> bool:
        """Keep a new reader's choices; False when the id is taken."""

    def update(self, user_id: str, choices: Choices, at: datetime) -> None:
        """Set what is not None; the rest stays."""


class Events(Protocol):
    """The inbox of events; the export to the landing zone reads it."""

    def add(self, events: Sequence[Event], source: str, received_at: datetime) -> int:
        """Keep the events whose ids are new; returns how many were."""


class Blocks(Protocol):
    """Articles that are shown to nobody, with the audit of it."""

    def block(self, article_id: str, by: str, reason: str, at: datetime) -> tuple[Block, bool]:
        """The active block, and whether it is new; `NotFoundError` for an unknown article."""

    def lift(self, article_id: str, by: str, at: datetime) -> Block | None:
        """The block that was lifted, None when there was none."""

    def history(self, article_id: str) -> list[Block]:
        """All blocks of the article, the latest first."""


class Demo(Protocol):
    """What only the demo page asks."""

    def readers(self, per_group: int) -> list[dict[str, Any]]:
        """Some readers of every region and language, with their interests."""

    def reader(self, user_id: str) -> dict[str, Any] | None:
        """One reader in the same form."""

    def recent_reads(self, user_id: str, limit: int) -> list[dict[str, Any]]:
        """Her latest known reads, with titles."""

    def opened_since_run(self, user_id: str) -> list[str]:
        """Articles she opened that the current run does not know about yet."""


class Audit(Protocol):
    """What was told to readers in any run, for auditors."""

    def told(self, run_id: str, variant: str | None, user_id: str, article_id: str) -> Told:
        """What a reader was told of an article in the slate of a variant, None for any.

        Raises:
            NotFoundError: when there is no such run, or the article is not in her slate.
            GoneError: when the rows of the run were dropped.
        """


class Evidence(Protocol):
    """What scoring kept of its runs in files."""

    def kept(self, day: date, run_id: str, variant: str, user_id: str, article_id: str) -> Kept:
        """What led to one place.

        Raises:
            NotInstalledError: when this installation cannot read it.
            GoneError: when nothing is kept of the run's slates of the variant.
            DamagedError: when what is kept does not give the score of the slate.
        """


class Health(Protocol):
    """Whether the store can serve."""

    def check(self) -> None:
        """Raises `errors.UnavailableError` with the reason when it cannot."""


@dataclass(frozen=True)
class Repositories:
    """All that the application needs from its stores."""

    slates: Slates
    articles: Articles
    readers: Readers
    events: Events
    blocks: Blocks
    demo: Demo
    health: Health
    audit: Audit
    evidence: Evidence
