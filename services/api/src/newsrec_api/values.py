"""What passes between repositories, use cases and routes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

# One article as the API shows it, see `Item` in openapi.yaml: what orjson can write, which is a
# dict or, where many are written, an `orjson.Fragment`.
Item = Any


class Article(NamedTuple):
    """The fields of an article that readers see."""

    article_id: str
    title: str
    abstract: str | None
    category: str
    language: str
    publisher: str
    url: str
    image_url: str | None
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Run:
    """A published run of the recommender."""

    run_id: str
    model_version: str
    as_of: datetime


@dataclass(frozen=True, slots=True)
class StoredSlate:
    """A reader's slate of the current run, blocked articles left out."""

    run: Run
    variant: str
    article_ids: list[str]
    items: list[Item]


@dataclass(frozen=True, slots=True)
class Profile:
    """What a reader chose, or else what `users` says of her; None is unknown."""

    user_id: str
    region: str | None
    language: str | None
    timezone: str | None
    preferred_categories: Sequence[str]
    email_digest: bool


@dataclass(frozen=True, slots=True)
class Choices:
    """What a reader sets herself; None leaves a setting as it is."""

    region: str | None = None
    language: str | None = None
    timezone: str | None = None
    preferred_categories: list[str] | None = None
    email: str | None = None
    email_digest: bool | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One event for the inbox; `payload` has the fields of its landing entity."""

    entity: str
    event_id: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Block:
    """Why an article is shown to nobody, since when and by whom; perhaps lifted again."""

    article_id: str
    blocked_at: datetime
    blocked_by: str
    reason: str
    lifted_at: datetime | None = None
    lifted_by: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What the database keeps of one place: when, and what the reader was told."""

    day: date
    variant: str
    reason: dict[str, str]
    title: str | None


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one column adds to a score; `value` is None where it is no number."""

    feature: str
    value: float | None
    contribution: float


@dataclass(frozen=True, slots=True)
class Kept:
    """What scoring kept of one place, see contracts/runs; `base` is the expected score."""

    as_of: datetime
    model_version: str
    data_hash: str
    publisher: str
    reliability: float
    rated: bool
    sources: list[str]
    score: float
    base: float
    contributions: list[Contribution]
    place: int
    step: str
    propensity: float


def item(
    article: Article, rank: int, score: float | None, reason_code: str, reason_text: str
) -> dict[str, Any]:
    """One place of a slate."""
    return {
        "rank": rank,
        **article._asdict(),
        "score": score,
        "reason": {"code": reason_code, "text": reason_text},
    }
