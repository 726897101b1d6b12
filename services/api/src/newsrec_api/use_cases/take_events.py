"""Events that clients report: each is checked by itself, the good ones are kept once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from newsrec_api.clock import Clock
from newsrec_api.repositories.interfaces import Events
from newsrec_api.use_cases.validation import ID_PATTERN, has_nul, problems
from newsrec_api.values import Event

MAX_AGE = timedelta(days=7)
FUTURE_TOLERANCE = timedelta(minutes=10)
# The pipeline writes these itself: a client must not say when we knew something.
RESERVED = frozenset({"received_at", "available_at", "batch_id", "extra", "day"})


def _only_text(value: object) -> object:
    # A number would be taken for a Unix time, and contracts say: ISO 8601 with offset.
    if not isinstance(value, str):
        raise ValueError("must be a time in ISO 8601 with offset")
    return value


Id = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=ID_PATTERN)]
Moment = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_only_text)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class _Event(BaseModel):
    # Unknown fields are kept: schemas evolve.
    model_config = ConfigDict(extra="allow", strict=True)

    user_id: Id


class Impression(_Event):
    """A client's report that a list was visible; fields of the landing entity."""

    type: Literal["impression"]
    impression_id: Id
    shown_at: Moment
    surface: Literal["site", "app", "email"]
    article_ids: Annotated[list[Id], Field(min_length=1, max_length=200)]
    order_known: bool = True
    slate_id: Annotated[str, Field(max_length=600)] | None = None
    propensities: Annotated[list[Share], Field(max_length=200)] | None = None


class Read(_Event):
    """What a reader did with one article; fields of the landing entity."""

    type: Literal["read"]
    event_id: Id
    article_id: Id
    read_at: Moment
    kind: Literal["click", "read", "like", "bookmark", "comment", "follow", "share", "hide"]
    dwell_seconds: Annotated[float, Field(ge=0, le=86400, allow_inf_nan=False)] | None = None
    scroll: Share | None = None
    view_id: Id | None = None
    impression_id: Id | None = None


_EVENT: TypeAdapter[Impression | Read] = TypeAdapter(
    Annotated[Impression | Read, Field(discriminator="type")]
)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a batch; `rejected` are (index, why)."""

    accepted: dict[str, int]
    duplicates: dict[str, int]
    rejected: list[tuple[int, str]]


class TakeEvents:
    """Checks events and puts them into the inbox."""

    def __init__(self, events: Events, clock: Clock) -> None:
        self._events = events
        self._clock = clock

    def __call__(self, raw: Sequence[Any]) -> Receipt:
        """Keep the good events of a batch; an id that was there already is a duplicate."""
        now = self._clock()
        good: dict[str, list[Event]] = {"impressions": [], "reads": []}
        rejected = []
        for index, one in enumerate(raw):
            try:
                event = parse(one, now)
            except ValueError as e:  # pydantic's is one too
                detail = problems(e) if isinstance(e, ValidationError) else str(e)
                rejected.append((index, detail))
            else:
                good[event.entity].append(event)
        accepted, duplicates = {}, {}
        for entity, events in good.items():
            accepted[entity] = self._events.add(events, "api", now)
            duplicates[entity] = len(events) - accepted[entity]
        return Receipt(accepted, duplicates, rejected)


def parse(raw: Any, now: datetime) -> Event:
    """Check one event against the contract and against the time `now`.

    Raises:
        ValueError: saying what is wrong; pydantic's ValidationError is one.
    """
    event = _EVENT.validate_python(raw)
    if reserved := RESERVED & raw.keys():
        raise ValueError(f"{min(reserved)}: this field is not a client's to set")
    if has_nul(raw):
        raise ValueError("text must not contain U+0000")
    payload = event.model_dump(exclude_none=True, exclude={"type"})
    if isinstance(event, Impression):
        if event.propensities and len(event.propensities) != len(event.article_ids):
            raise ValueError("propensities: must be as many as article_ids")
        payload["shown_at"] = _within(event.shown_at, now, "shown_at")
        return Event("impressions", event.impression_id, payload)
    payload["read_at"] = _within(event.read_at, now, "read_at")
    return Event("reads", event.event_id, payload)


def _within(moment: datetime, now: datetime, name: str) -> str:
    if moment > now + FUTURE_TOLERANCE:
        raise ValueError(f"{name}: lies in the future of the server's clock, {now.isoformat()}")
    if moment < now - MAX_AGE:
        raise ValueError(f"{name}: is more than {MAX_AGE.days} days ago")
    return moment.astimezone(UTC).isoformat()
