"""One place for files, STORE_URL: a folder on a laptop, an object store on a cluster."""

import json
import uuid
from collections.abc import Iterator
from datetime import date
from typing import Any

import fsspec
from fsspec.core import url_to_fs

from newsrec_pipelines.errors import ConfigError, DataError


class Store:
    """Files below one URL, addressed by keys such as ``landing/reads/dt=2026-03-01/a.jsonl``.

    Layout: ``landing/<entity>/dt=D/`` (day of arrival), ``clean/<entity>/day=D/``,
    ``counters/<view>/day=D/``, ``models/``, ``runs/<date>/<run>/``, ``reports/``, and ``truth/``
    (the simulated world's).
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        try:
            fs, root = url_to_fs(self.url)
        except ImportError as e:
            raise ConfigError(f"STORE_URL {self.url} cannot be used here: {e}") from e
        self.fs: fsspec.AbstractFileSystem = fs
        self._root = root.rstrip("/")

    def path(self, key: str) -> str:
        """Absolute path (on s3:// with the bucket in front), as `self.fs` wants it."""
        return f"{self._root}/{key}"

    def key(self, path: str) -> str:
        """The relative key of an absolute path of `self.fs`."""
        return path.removeprefix(f"{self._root}/")

    def keys(self, prefix: str) -> list[str]:
        """Keys of all files below `prefix`, sorted; empty when there is no such folder."""
        path = self.path(prefix)
        if not self.fs.exists(path):
            return []
        self.fs.invalidate_cache()
        return sorted(self.key(p) for p in self.fs.find(path))

    def days(self, prefix: str) -> list[date]:
        """The days for which ``<prefix>/<name>=YYYY-MM-DD/`` holds any file, sorted."""
        return sorted(set(_days(self.keys(prefix), prefix)))

    def read_bytes(self, key: str) -> bytes:
        """The content of one file.

        Raises:
            DataError: when it is not there.
        """
        try:
            return self.fs.cat_file(self.path(key))
        except FileNotFoundError as e:
            raise DataError(f"no file {key} in {self.url}") from e

    def write_bytes(self, key: str, data: bytes) -> None:
        """Write a file whole or not at all: readers never see half of it."""
        path = self.path(key)
        self.fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
        partial = f"{path}.{uuid.uuid4().hex}.part"
        try:
            self.fs.pipe_file(partial, data)
            self.fs.mv(partial, path)
        finally:
            if self.fs.exists(partial):
                self.fs.rm_file(partial)

    def read_json(self, key: str) -> Any:
        """Parse one JSON file; DataError when missing or not JSON."""
        try:
            return json.loads(self.read_bytes(key))
        except ValueError as e:
            raise DataError(f"{key} in {self.url} is not JSON: {e}") from e

    def write_json(self, key: str, value: Any) -> None:
        """Write JSON with sorted keys, so that the same value gives the same bytes."""
        self.write_bytes(key, json.dumps(value, indent=2, sort_keys=True, default=str).encode())

    def remove(self, prefix: str) -> None:
        """Remove a file or everything below a folder; nothing happens when it is not there."""
        path = self.path(prefix)
        if self.fs.exists(path):
            self.fs.rm(path, recursive=True)


def _days(keys: list[str], prefix: str) -> Iterator[date]:
    for key in keys:
        folder = key.removeprefix(prefix).strip("/").split("/", 1)[0]
        try:
            yield date.fromisoformat(folder.partition("=")[2])
        except ValueError:
            continue
