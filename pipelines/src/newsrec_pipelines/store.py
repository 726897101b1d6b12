"""One place for files, STORE_URL: a folder on a laptop, an object store on a cluster."""

import io
import json
import os
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import IO, Any, Final, TypeVar

import fsspec
from fsspec.core import url_to_fs

from newsrec_pipelines.errors import ConfigError, DataError

# Questions that are put to an object store together; each of them waits for some 20 ms.
_AT_ONCE: Final = 16
# What is read ahead of a reader on an object store; s3fs would take 50 MB for every column.
_READ_AHEAD_BYTES: Final = 4 << 20
_BUFFER_BYTES: Final = 256 << 10

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Store:
    """Files below one URL, addressed by keys such as ``landing/reads/dt=2026-03-01/a.jsonl``.

    Layout: ``landing/<entity>/dt=D/`` (day of arrival), ``clean/<entity>/day=D/``,
    ``counters/<view>/day=D/``, ``models/``, ``runs/<date>/<run>/``, ``reports/``, and ``truth/``
    (the simulated world's).

    Credentials and the endpoint of an object store come from the standard ``AWS_*`` variables.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.remote = not self.url.startswith("file://")
        self._connect()

    def _connect(self) -> None:
        # Other processes write, too: no listing is ever kept.
        options = {"use_listings_cache": False, "default_block_size": _READ_AHEAD_BYTES}
        try:
            fs, root = url_to_fs(self.url, **(options if self.remote else {}))
        except ImportError as e:
            raise ConfigError(f"STORE_URL {self.url} cannot be used here: {e}") from e
        self._fs: fsspec.AbstractFileSystem = fs
        self._root = root.rstrip("/")
        self._pid = os.getpid()

    @property
    def fs(self) -> fsspec.AbstractFileSystem:
        """The file system below. Threads share it; a forked process gets one of its own."""
        if self._pid != os.getpid():
            self._connect()
        return self._fs

    def path(self, key: str) -> str:
        """Absolute path (on s3:// with the bucket in front), as `self.fs` wants it."""
        return f"{self._root}/{key}"

    def key(self, path: str) -> str:
        """The relative key of an absolute path of `self.fs`."""
        return path.removeprefix(f"{self._root}/")

    def where(self, key: str) -> str:
        """How people and other programs find a file: its path, or its URL on an object store."""
        return f"{self.url}/{key}" if self.remote else self.path(key)

    def exists(self, key: str) -> bool:
        """Whether there is such a file."""
        found: bool = self.fs.exists(self.path(key))
        return found

    def keys(self, prefix: str) -> list[str]:
        """Keys of all files below `prefix`, sorted; empty when there is no such folder."""
        try:
            paths = self.fs.find(self.path(prefix))
        except FileNotFoundError:
            return []
        # Consoles of object stores mark folders by files of such names.
        return sorted(self.key(p) for p in paths if not p.endswith("/"))

    def days(self, prefix: str) -> list[date]:
        """The days for which ``<prefix>/<name>=YYYY-MM-DD/`` holds any file, sorted."""
        return sorted(set(_days(self.keys(prefix), prefix)))

    def open(self, key: str) -> IO[bytes]:
        """A file to read from, anywhere in it; OSError when it is not there.

        Lines are cheap: fsspec's own files of an object store copy a block for each of them.
        """
        file: IO[bytes] = self.fs.open(self.path(key), "rb")
        return io.BufferedReader(file, _BUFFER_BYTES) if self.remote else file  # type: ignore[type-var]

    def read_bytes(self, key: str) -> bytes:
        """The content of one file.

        Raises:
            DataError: when it is not there.
        """
        content = self._content(key)
        if content is None:
            raise DataError(f"no file {key} in {self.url}")
        return content

    def _content(self, key: str) -> bytes | None:
        try:
            content: bytes = self.fs.cat_file(self.path(key))
        except FileNotFoundError:
            return None
        return content

    def write_bytes(self, key: str, data: bytes) -> None:
        """Write a file whole or not at all: readers never see half of it."""
        self._write(key, lambda path: self.fs.pipe_file(path, data))

    def upload(self, key: str, file: Path) -> None:
        """Write what is in a local file, as `write_bytes`, without holding it in memory."""
        self._write(key, lambda path: self.fs.put_file(str(file), path))

    def download(self, key: str, file: Path) -> None:
        """Bring a file to a local place, without holding it in memory; DataError when missing."""
        try:
            self.fs.get_file(self.path(key), str(file))
        except FileNotFoundError as e:
            raise DataError(f"no file {key} in {self.url}") from e

    def copy(self, key: str, to: str) -> None:
        """Keep the content of a file under another key, too; DataError when it is not there.

        On one disk both are the same file, which costs nothing: files are replaced, never changed.
        """
        try:
            self._write(to, lambda path: self._copy(self.path(key), path))
        except FileNotFoundError as e:
            raise DataError(f"no file {key} in {self.url}") from e

    def _copy(self, source: str, target: str) -> None:
        if not self.remote:
            with suppress(OSError):  # no such links here
                os.link(source, target)
                return
        self.fs.cp_file(source, target)

    def _write(self, key: str, write: Callable[[str], None]) -> None:
        path = self.path(key)
        if self.remote:  # an upload becomes visible when it is complete
            write(path)
            return
        self.fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
        partial = f"{path}.{uuid.uuid4().hex}.part"
        try:
            write(partial)
            self.fs.mv(partial, path)
        finally:
            if self.fs.exists(partial):
                self.fs.rm_file(partial)

    def read_json(self, key: str) -> Any:
        """Parse one JSON file; DataError when missing or not JSON."""
        return self._parsed(key, self.read_bytes(key))

    def find_json(self, key: str) -> Any | None:
        """One JSON file, None when it is not there; it is asked for once only."""
        content = self._content(key)
        return None if content is None else self._parsed(key, content)

    def _parsed(self, key: str, content: bytes) -> Any:
        try:
            return json.loads(content)
        except ValueError as e:
            raise DataError(f"{key} in {self.url} is not JSON: {e}") from e

    def write_json(self, key: str, value: Any) -> None:
        """Write JSON with sorted keys, so that the same value gives the same bytes."""
        self.write_bytes(key, as_json(value))

    def remove(self, prefix: str) -> None:
        """Remove a file or everything below a folder; nothing happens when it is not there."""
        path = self.path(prefix)
        if self.fs.exists(path):
            self.fs.rm(path, recursive=True)

    def each(
        self, ask: Callable[[Question], Answer], questions: Iterable[Question]
    ) -> list[Answer]:
        """Answers about many files, in order; an object store is asked several at once."""
        if not self.remote:
            return [ask(question) for question in questions]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(ask, questions))


def as_json(value: Any) -> bytes:
    """The bytes that `Store.write_json` writes."""
    return json.dumps(value, indent=2, sort_keys=True, default=str).encode()


def is_unreachable(error: Exception) -> bool:
    """Whether it says that an object store cannot be used: no answer, no credentials.

    What a store answers (no such file, no permission, no such bucket) is an OSError already.
    """
    botocore = sys.modules.get("botocore.exceptions")
    return botocore is not None and isinstance(error, botocore.BotoCoreError)


def _days(keys: list[str], prefix: str) -> Iterator[date]:
    for key in keys:
        folder = key.removeprefix(prefix).strip("/").split("/", 1)[0]
        try:
            yield date.fromisoformat(folder.partition("=")[2])
        except ValueError:
            continue
