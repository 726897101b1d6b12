"""What a version was trained on, kept by content as a DVC remote, so that it can be made again.

``snapshots/files/md5/`` is laid out as DVC lays out a remote: a file by the MD5 of its content, and
for each version a list of them, which ``models/<version>/data.dvc`` names. So DVC's own tools bring
it back as well as `restore` does. Partitions are rewritten by late events and then removed, so
their content is kept when a training begins, before it reads them.
"""

import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from newsrec_pipelines import partitions
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.features import examples
from newsrec_pipelines.models import artifacts, registry
from newsrec_pipelines.models.artifacts import ModelManifest
from newsrec_pipelines.models.history import Event
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.partitions import Manifest
from newsrec_pipelines.store import Store, as_json

FOLDER: Final = "snapshots"
_BLOBS: Final = f"{FOLDER}/files/md5"
_PENDING: Final = f"{FOLDER}/pending"
# A training that takes longer than this was killed.
_LONGEST_TRAINING: Final = timedelta(days=2)
# Days share most of their files with the days before.
_VERSIONS_LOOKED_AT: Final = 3
_BLOCK: Final = 1 << 20
_STAMP: Final = "%Y%m%dT%H%M%SZ"


class SnapshotFile(BaseModel):
    """One file; `key` is where it lay in the store."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    size: int = Field(ge=0)
    md5: str = Field(pattern="^[0-9a-f]{32}$")
    sha256: str = Field(pattern="^[0-9a-f]{64}$")

    @property
    def blob(self) -> str:
        """Where the content is kept."""
        return _blob(self.md5)


class TrainingSnapshot(BaseModel):
    """``models/<version>/data.json``: all files that make the version again.

    Attributes:
        data_hash: as in the version's manifest.
        md5: of DVC's list of the files, with its ending ``.dir``.
        files: sorted by key.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_hash: str
    md5: str
    files: tuple[SnapshotFile, ...]

    @classmethod
    def of(cls, store: Store, version: str) -> Self | None:
        """What was kept of a version; None when nothing was.

        Raises:
            DataError: when its list is damaged.
        """
        found = store.find_json(_key(version, "data.json"))
        if found is None:
            return None
        try:
            return cls.model_validate(found)
        except ValidationError as e:
            raise DataError(f"{_key(version, 'data.json')} in {store.url} is damaged") from e


@dataclass(frozen=True)
class Taken:
    """Content that is kept, but belongs to no version yet."""

    store: Store
    as_of: datetime
    params: Params
    parts: tuple[Manifest, ...]
    files: tuple[SnapshotFile, ...]

    def check(self, data_hash: str) -> None:
        """Refuse data of which something changed after it was taken.

        Raises:
            DataError: when the ETL rewrote partitions while a training read them.
        """
        first = (self.as_of - timedelta(days=self.params.training.window_days)).date()
        if examples.hash_of(self.parts, first, self.as_of) != data_hash:
            raise DataError("the ETL changed partitions while they were read: train again")

    def keep(self, manifest: ModelManifest) -> TrainingSnapshot:
        """Make it the data of a version; that of a version which has some stays as it is.

        Beside the partitions, the parameters are kept, the version whose factors the training
        started from, and that this was the champion.

        Raises:
            DataError: when content got lost meanwhile.
        """
        store, version = self.store, manifest.version
        if kept := TrainingSnapshot.of(store, version):
            return kept
        contents = {"params.yaml": yaml.safe_dump(manifest.params, sort_keys=True).encode()}
        contents |= {
            partitions.manifest_key(part.dataset, part.day): as_json(asdict(part))
            for part in self.parts
        }
        files = [*self.files]
        if manifest.previous:
            start = artifacts.read_manifest(store, manifest.previous)
            contents |= _as_champion(start, manifest)
            files += _keep_files(
                store, {_key(start.version, name): sha for name, sha in start.files.items()}
            )
        files += [_keep_bytes(store, key, content) for key, content in contents.items()]
        files.sort(key=lambda file: file.key)
        listing = _listing(files)
        md5 = f"{_md5(listing)}.dir"
        store.write_bytes(_blob(md5), listing)
        if not all(store.each(store.exists, sorted({file.blob for file in files}))):
            raise DataError(f"data of model {version} got lost while it was trained: train again")
        kept = TrainingSnapshot(data_hash=manifest.data_hash, md5=md5, files=tuple(files))
        store.write_bytes(_key(version, "data.dvc"), _dvc(kept))
        # The last one: without it, nothing was kept.
        store.write_json(_key(version, "data.json"), kept.model_dump(mode="json"))
        return kept


@contextmanager
def taking(store: Store, as_of: datetime, params: Params) -> Iterator[Taken]:
    """Keep the content of all partitions that a training at `as_of` may read inside the block.

    Files that the newest versions kept are not read again. At the end, content that no version
    needs any more is removed.

    Raises:
        DataError: when a file is missing, or not the one of its manifest.
    """
    marker = f"{_PENDING}/{datetime.now(UTC):{_STAMP}}-{uuid.uuid4().hex}.json"
    store.write_json(marker, {"as_of": as_of})
    try:
        parts = examples.partitions_read(store, as_of, params)
        files = _keep_files(store, {f.key: f.sha256 for part in parts for f in part.files})
        yield Taken(store, as_of, params, tuple(parts), tuple(files))
    finally:
        store.remove(marker)
    with suppress(DataError):  # a damaged list needs we know not what; no reason to stop
        sweep(store)


def sweep(store: Store) -> int:
    """Remove content that no version needs any more; returns how many files.

    While a training is under way nothing is removed: it has taken what no version has yet.
    """
    now = datetime.now(UTC)
    for key in store.keys(_PENDING):
        if now - _since(key) < _LONGEST_TRAINING:
            return 0
        store.remove(key)
    there = store.keys(_BLOBS)
    versions = [k.split("/")[1] for k in store.keys(artifacts.FOLDER) if k.endswith("/data.json")]
    needed = set()
    for kept in store.each(lambda version: TrainingSnapshot.of(store, version), versions):
        if kept:
            needed |= {_blob(kept.md5), *(file.blob for file in kept.files)}
    gone = [key for key in there if key not in needed]
    store.each(store.remove, gone)
    return len(gone)


def restore(store: Store, version: str, folder: Path) -> TrainingSnapshot:
    """Lay out the files of a version in a folder, which is a store of its own then.

    A restore that was killed goes on where it was. Files are compared with their hashes.

    Raises:
        DataError: when nothing was kept, content is missing or damaged, or the folder holds
            anything else.
    """
    manifest = artifacts.read_manifest(store, version)
    kept = TrainingSnapshot.of(store, version)
    if kept is None:
        raise DataError(f"no data was kept of model {manifest.version} in {store.url}")
    ours = {folder / file.key for file in kept.files}
    for path in folder.rglob("*"):
        if path.is_file() and path not in ours and path.suffix != ".part":
            raise DataError(f"{folder} holds {path.relative_to(folder)}: name an empty folder")
    store.each(lambda file: _bring(store, file, folder / file.key), kept.files)
    return kept


def _bring(store: Store, file: SnapshotFile, path: Path) -> None:
    if path.is_file() and _sha256(path) == file.sha256:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.part")
    try:
        store.download(file.blob, partial)
        if _sha256(partial) != file.sha256:
            raise DataError(f"{file.blob} in {store.url} is not what was kept of {file.key}")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _known(store: Store) -> dict[str, SnapshotFile]:
    """What the newest versions kept, by SHA-256."""
    versions = sorted(
        k.split("/")[1] for k in store.keys(artifacts.FOLDER) if k.endswith("/data.json")
    )
    known: dict[str, SnapshotFile] = {}
    for version in versions[-_VERSIONS_LOOKED_AT:]:
        with suppress(DataError):  # then they are read again
            kept = TrainingSnapshot.of(store, version)
            known |= {file.sha256: file for file in kept.files} if kept else {}
    return known


def _keep_files(store: Store, files: Mapping[str, str]) -> list[SnapshotFile]:
    """Keep files by their keys and SHA-256."""
    known = _known(store)
    return store.each(lambda file: _keep_file(store, *file, known), files.items())


def _keep_file(
    store: Store, key: str, sha256: str, known: Mapping[str, SnapshotFile]
) -> SnapshotFile:
    before = known.get(sha256)
    if before and store.exists(before.blob):
        return before.model_copy(update={"key": key})
    try:
        with store.open(key) as content:
            size, sha, md5 = 0, hashlib.sha256(), _new_md5()
            for block in iter(lambda: content.read(_BLOCK), b""):
                size += len(block)
                sha.update(block)
                md5.update(block)
    except FileNotFoundError as e:
        raise DataError(f"{key} in {store.url} is gone, but its manifest names it") from e
    if sha.hexdigest() != sha256:
        raise DataError(f"{key} in {store.url} is not the file that its manifest names")
    kept = SnapshotFile(key=key, size=size, md5=md5.hexdigest(), sha256=sha256)
    store.copy(key, kept.blob)
    return kept


def _keep_bytes(store: Store, key: str, content: bytes) -> SnapshotFile:
    sha256 = hashlib.sha256(content).hexdigest()
    kept = SnapshotFile(key=key, size=len(content), md5=_md5(content), sha256=sha256)
    store.write_bytes(kept.blob, content)
    return kept


def _as_champion(start: ModelManifest, manifest: ModelManifest) -> dict[str, bytes]:
    """What lets a training start from a version: its manifest, and that it is the champion."""
    event = Event(
        action="promote",
        version=start.version,
        by="snapshot",
        why=f"the training of {manifest.version} started from it",
        at=manifest.as_of,
    )
    return {
        _key(start.version, "manifest.json"): as_json(start.model_dump(mode="json")),
        f"{registry.LOG}/{manifest.as_of:{_STAMP}}.json": as_json(event.model_dump(mode="json")),
    }


def _listing(files: Iterable[SnapshotFile]) -> bytes:
    """DVC's list of the files of a folder, as it writes it."""
    entries = [{"md5": file.md5, "relpath": file.key} for file in files]
    return json.dumps(entries, sort_keys=True).encode()


def _dvc(kept: TrainingSnapshot) -> bytes:
    out = {
        "md5": kept.md5,
        "size": sum(file.size for file in kept.files),
        "nfiles": len(kept.files),
        "hash": "md5",
        "path": "data",
    }
    return yaml.safe_dump({"outs": [out]}, sort_keys=False).encode()


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _since(marker: str) -> datetime:
    try:
        text = marker.rpartition("/")[2].partition("-")[0]
        return datetime.strptime(text, _STAMP).replace(tzinfo=UTC)
    except ValueError:  # somebody else's file
        return datetime.min.replace(tzinfo=UTC)


def _blob(md5: str) -> str:
    return f"{_BLOBS}/{md5[:2]}/{md5[2:]}"


def _key(version: str, name: str) -> str:
    return f"{artifacts.FOLDER}/{version}/{name}"


def _md5(content: bytes) -> str:
    digest = _new_md5()
    digest.update(content)
    return digest.hexdigest()


def _new_md5() -> "hashlib._Hash":
    # DVC's names of files; what is brought back is compared by SHA-256.
    return hashlib.md5(usedforsecurity=False)
