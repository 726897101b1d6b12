"""What was done to models, as events; and what they add up to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from newsrec_pipelines.errors import ModelError

Action = Literal["promote", "challenge", "rollback", "freeze", "remove", "restore"]


class Event(BaseModel):
    """One thing that was done to one version; written once, never changed.

    Attributes:
        action: ``restore`` is a training that made a removed version again.
        version: that it was done to; of a rollback, the one that serves from now on.
        by: who: a person, or the program that did it.
        why: in words.
        at: when; never before an event that its writer had seen.
        cause: what asked for it, where the same must happen once only, such as the gate of a day.
            Later events of the same cause count for nothing.
        digest: of a freeze: of the version as it was approved.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: Action
    version: str = Field(min_length=1)
    by: str = Field(min_length=1)
    why: str
    at: AwareDatetime
    cause: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, content: object, where: str) -> Self:
        """An event out of JSON; ModelError when it is none."""
        try:
            return cls.model_validate(content)
        except ValidationError as e:
            first = e.errors()[0]
            name = ".".join(str(p) for p in first["loc"]) or "it"
            raise ModelError(f"{where} is no event of a model: {name}: {first['msg']}") from e


@dataclass(frozen=True)
class State:
    """What the events so far add up to.

    Attributes:
        champions: those that served, oldest first; the last one serves. A rollback takes away those
            after the one it goes back to, so that two rollbacks go back two steps.
        challenger: what is tried beside the champion.
        frozen: versions that must not be removed.
        removed: versions whose files are gone, or about to go.
        served: all versions that ever were champion.
        events: those that count, oldest first.
    """

    champions: tuple[str, ...] = ()
    challenger: str | None = None
    frozen: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()
    served: frozenset[str] = frozenset()
    events: tuple[Event, ...] = field(default=(), repr=False)

    @property
    def champion(self) -> str | None:
        """The version that serves."""
        return self.champions[-1] if self.champions else None

    @classmethod
    def of(cls, events: Iterable[Event]) -> Self:
        """Add up events, which come in their order."""
        state = cls()
        for event in events:
            if state.allows(event):
                state = state._after(event)
        return state

    def allows(self, event: Event) -> bool:
        """Whether an event counts now. One that does not is kept, and changes nothing."""
        if event.cause is not None and event.cause in {e.cause for e in self.events}:
            return False
        version = event.version
        if event.action == "remove":
            return self.holds(version) is None and version not in self.removed
        if event.action == "restore":
            return version in self.removed
        is_now = {
            "promote": version == self.champion,
            "rollback": version == self.champion,
            "challenge": version in (self.champion, self.challenger),
            "freeze": version in self.frozen,
        }
        return not is_now[event.action]

    def holds(self, version: str) -> str | None:
        """Why a version cannot be removed, in words; None when it can."""
        if version == self.champion:
            return "it is the champion"
        if version == self.challenger:
            return "it is the challenger"
        return "it is frozen" if version in self.frozen else None

    def approved(self, version: str) -> str | None:
        """The digest of a version as it was frozen; None when it was not."""
        freezes = (e for e in self.events if (e.action, e.version) == ("freeze", version))
        return next((e.digest for e in freezes), None)

    def earlier(self, there: Sequence[str]) -> str | None:
        """The last champion before this one, of those whose files are there."""
        before = [v for v in self.champions[:-1] if v in there and v != self.champion]
        return before[-1] if before else None

    def _after(self, event: Event) -> Self:
        version, events = event.version, (*self.events, event)
        if event.action == "remove":
            return replace(self, removed=self.removed | {version}, events=events)
        # Whoever wrote it has seen to it that the files are there, or has taken it back.
        state = replace(self, removed=self.removed - {version}, events=events)
        if event.action in ("promote", "rollback"):
            champions = self.champions
            if event.action == "rollback" and version in champions:
                last = len(champions) - 1 - champions[::-1].index(version)
                champions = champions[:last]
            return replace(
                state,
                champions=(*champions, version),
                challenger=None if self.challenger == version else self.challenger,
                served=self.served | {version},
            )
        if event.action == "challenge":
            return replace(state, challenger=version)
        if event.action == "freeze":
            return replace(state, frozen=self.frozen | {version})
        return state
