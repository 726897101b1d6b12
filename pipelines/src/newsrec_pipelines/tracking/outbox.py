"""What a tracker has not got yet: records without a mark, and a registry that has changed."""

import hashlib
import json
from typing import Any

from newsrec_pipelines.settings import Settings
from newsrec_pipelines.store import Store
from newsrec_pipelines.tracking.record import FOLDER, ids
from newsrec_pipelines.tracking.tracker import Models, target


class Outbox:
    """Of one tracker at one place: ``tracking/sent/<tracker>-<place>/<record>``, an empty file.

    Records stay in the store for ever and marks are only added, so a kill at any moment costs a
    record that is sent again, never one that is lost.
    """

    def __init__(self, store: Store, tracker: str, settings: Settings) -> None:
        place = hashlib.sha256(target(tracker, settings).encode()).hexdigest()[:8]
        self._store = store
        self._folder = f"{FOLDER}/sent/{tracker}-{place}"

    def unsent(self) -> list[str]:
        """Records that it has not got, oldest first."""
        sent = {key.rsplit("/", 1)[-1] for key in self._store.keys(f"{self._folder}/runs")}
        return [i for i in ids(self._store) if i not in sent]

    def sent(self, record_id: str) -> None:
        """It has got this one."""
        self._store.write_bytes(f"{self._folder}/runs/{record_id}", b"")

    def mirrored(self, models: Models) -> bool:
        """Whether its registry was made like `models`, and nothing has changed since."""
        key = f"{self._folder}/registry.json"
        return self._store.exists(key) and self._store.read_bytes(key) == _state(models)

    def mirror_is(self, models: Models) -> None:
        """Its registry is like `models` now."""
        self._store.write_bytes(f"{self._folder}/registry.json", _state(models))


def _state(models: Models) -> bytes:
    content: dict[str, Any] = {"versions": models.versions, "aliases": dict(models.aliases)}
    return json.dumps(content, indent=2, sort_keys=True).encode()
