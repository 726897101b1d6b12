"""Which model is the champion, which were, and which are kept: events in the store."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from newsrec_pipelines.errors import DataError, ModelError
from newsrec_pipelines.models.artifacts import FOLDER, digest, read_manifest
from newsrec_pipelines.models.history import Action, Event, State
from newsrec_pipelines.store import Store

LOG: Final = f"{FOLDER}/log"
_TICK: Final = timedelta(microseconds=1)


class Registry(Protocol):
    """Names the versions of a model and the one that serves readers."""

    def champion(self) -> str:
        """The version that serves. ModelError when there is none yet."""

    def challenger(self) -> str | None:
        """What is tried beside it."""

    def promote(self, version: str, *, by: str, why: str, cause: str | None = None) -> None:
        """Make `version` the champion. ModelError when there is no such version."""

    def versions(self) -> list[str]:
        """All versions, oldest first."""


class FileRegistry:
    """A registry in the store: ``models/log/<time>-<uuid>.json``, one file an event.

    Files are only added, so two writers lose nothing of each other, and a store needs no more than
    to write a file whole. The state is what all events add up to; nothing else says it.

    Who writes looks again afterwards: of two that contradict each other (one removes what the other
    promotes) at least one sees the other, and gives way.
    """

    def __init__(
        self, store: Store, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._now = now

    def champion(self) -> str:
        """The version that serves.

        Raises:
            ModelError: when no version was promoted yet, or an event is damaged.
        """
        champion = self.state().champion
        if champion is None:
            raise ModelError(f"no model was trained yet in {self._store.url}: run newsrec train")
        return champion

    def earlier(self) -> str:
        """The champion before this one.

        Raises:
            ModelError: when there is none, or none that is there any more.
        """
        version = self.state().earlier(self.versions())
        if version is None:
            raise ModelError(f"there is no earlier champion in {self._store.url} to go back to")
        return version

    def challenger(self) -> str | None:
        """What is tried beside the champion; None when nothing is."""
        return self.state().challenger

    def frozen(self) -> frozenset[str]:
        """Versions that must not be removed."""
        return self.state().frozen

    def history(self) -> tuple[Event, ...]:
        """What was done, oldest first."""
        return self.state().events

    def versions(self) -> list[str]:
        """Versions with a manifest, oldest first: they begin with their date."""
        keys = self._store.keys(FOLDER)
        return sorted(k.split("/")[1] for k in keys if k.endswith("/manifest.json"))

    def state(self) -> State:
        """What all events add up to.

        Raises:
            ModelError: naming the event that is damaged. Without it another model might serve.
        """
        return State.of(self._events())

    def promote(self, version: str, *, by: str, why: str, cause: str | None = None) -> None:
        """Make `version` the champion; nothing happens when it is, or when `cause` was done.

        Raises:
            ModelError: when there is no such version.
        """
        self._do("promote", version, by, why, cause)

    def challenge(self, version: str, *, by: str, why: str) -> None:
        """Make `version` the challenger.

        Raises:
            ModelError: when there is no such version, or it is the champion.
        """
        if version == self.state().champion:
            raise ModelError(f"model {version} is the champion: it cannot challenge itself")
        self._do("challenge", version, by, why)

    def freeze(self, version: str, *, by: str, why: str) -> None:
        """Approve `version` as it is: it cannot be removed, or changed unnoticed, any more.

        Raises:
            ModelError: when there is no such version.
        """
        self._do("freeze", version, by, why)

    def verify(self, version: str) -> None:
        """See that a frozen version is what was approved; of any other nothing is asked.

        Raises:
            ModelError: when it was changed since, even if its manifest was changed with it.
        """
        self._verify(self.state(), version)

    def rollback(
        self, to: str | None = None, *, by: str, why: str, cause: str | None = None
    ) -> str:
        """Let an earlier version serve again, without training; returns it.

        Args:
            to: any version.  [default: the champion before this one]
            by: who.
            why: in words.
            cause: what asked for it; the same cause goes back once only.

        Raises:
            ModelError: when there is no such version.
        """
        if cause is not None and cause in {e.cause for e in self.history()}:
            return self.champion()
        version = to or self.earlier()
        self._do("rollback", version, by, why, cause)
        return version

    def remove(self, version: str, *, by: str, why: str) -> None:
        """Remove the files of `version`; what was done to it is still told.

        Raises:
            ModelError: when there is no such version, or when it is the champion, the challenger or
                frozen.
        """
        events = self._events()
        state = State.of(events)
        if version not in state.removed:
            # A damaged one can be removed, too.
            if version not in self.versions():
                raise ModelError(f"there is no model {version} in {self._store.url}")
            _refuse_held(state, version)
            self._write(_event(self._now(), events, "remove", version, by, why))
            _refuse_held(self.state(), version)
        # The manifest first: without it there is no version, whatever stays after a kill.
        self._store.remove(f"{FOLDER}/{version}/manifest.json")
        self._store.remove(f"{FOLDER}/{version}")

    def restore(self, version: str, *, by: str, why: str) -> None:
        """Say that a removed version was trained again; nothing happens to any other one."""
        events = self._events()
        if version in State.of(events).removed:
            self._write(_event(self._now(), events, "restore", version, by, why))

    def _do(
        self, action: Action, version: str, by: str, why: str, cause: str | None = None
    ) -> None:
        events = self._events()
        state = State.of(events)
        read_manifest(self._store, version)
        if version in state.removed:
            raise ModelError(f"model {version} is being removed: train it again first")
        self._verify(state, version)
        event = _event(self._now(), events, action, version, by, why, cause)
        if action == "freeze":
            event = event.model_copy(update={"digest": digest(self._store, version)})
        if not state.allows(event):
            return
        self._write(event)
        since = self._events()
        if any(e.action == "remove" and e.version == version and e not in events for e in since):
            self._undo(state.champion, since, version)
            raise ModelError(f"model {version} is being removed by somebody else: not done")

    def _verify(self, state: State, version: str) -> None:
        approved = state.approved(version)
        if approved is not None and digest(self._store, version) != approved:
            raise ModelError(
                f"model {version} is frozen, and not what was approved: somebody changed it"
            )

    def _undo(self, champion: str | None, events: list[Event], version: str) -> None:
        """Go back to who served before, should `version` serve now."""
        if champion is not None and State.of(events).champion == version:
            why = f"{version} was removed at the moment of its promotion"
            self._write(_event(self._now(), events, "rollback", champion, "registry", why))

    def _write(self, event: Event) -> None:
        name = f"{event.at:%Y%m%dT%H%M%S.%f}Z-{uuid.uuid4().hex}"
        self._store.write_json(
            f"{LOG}/{name}.json", event.model_dump(mode="json", exclude_none=True)
        )

    def _events(self) -> list[Event]:
        """All of them, whether they count or not, in their order."""
        # A file that is being written has another ending.
        keys = [key for key in self._store.keys(LOG) if key.endswith(".json")]
        return self._store.each(self._read, keys)

    def _read(self, key: str) -> Event:
        try:
            content = self._store.read_json(key)
        except DataError as e:
            raise ModelError(f"what was done to models cannot be read: {e}") from e
        return Event.parse(content, f"{key} in {self._store.url}")


def _event(
    now: datetime,
    before: list[Event],
    action: Action,
    version: str,
    by: str,
    why: str,
    cause: str | None = None,
) -> Event:
    # Clocks differ, and what one has seen comes first.
    at = max([now, *(event.at + _TICK for event in before[-1:])])
    return Event(action=action, version=version, by=by, why=why, at=at, cause=cause)


def _refuse_held(state: State, version: str) -> None:
    if held := state.holds(version):
        raise ModelError(f"model {version} cannot be removed: {held}")
