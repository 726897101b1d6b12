"""Which model is the champion."""

from typing import Protocol

from newsrec_pipelines.errors import DataError, ModelError
from newsrec_pipelines.models.artifacts import FOLDER, read_manifest
from newsrec_pipelines.store import Store

_CHAMPION = f"{FOLDER}/champion.json"


class Registry(Protocol):
    """Names the versions of a model and the one that serves readers."""

    def champion(self) -> str:
        """The version that serves. ModelError when there is none yet."""

    def promote(self, version: str) -> None:
        """Make `version` the champion. ModelError when there is no such version."""

    def versions(self) -> list[str]:
        """All versions, oldest first."""


class FileRegistry:
    """A registry in the store: ``models/champion.json``, replaced in one moment."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def champion(self) -> str:
        """The version that serves.

        Raises:
            ModelError: when no version was promoted yet, or the file is damaged.
        """
        if not self._store.fs.exists(self._store.path(_CHAMPION)):
            raise ModelError(f"no model was trained yet in {self._store.url}: run newsrec train")
        try:
            content = self._store.read_json(_CHAMPION)
        except DataError as e:
            raise ModelError(str(e)) from e
        if not isinstance(content, dict) or not isinstance(content.get("version"), str):
            raise ModelError(f"{_CHAMPION} in {self._store.url} names no version")
        return content["version"]

    def promote(self, version: str) -> None:
        """Make `version` the champion.

        Raises:
            ModelError: when there is no such version.
        """
        read_manifest(self._store, version)
        self._store.write_json(_CHAMPION, {"version": version})

    def versions(self) -> list[str]:
        """Versions with a manifest, oldest first: they begin with their date."""
        keys = self._store.keys(FOLDER)
        return sorted(k.split("/")[1] for k in keys if k.endswith("/manifest.json"))
