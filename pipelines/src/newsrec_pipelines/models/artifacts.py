"""Artefacts: a folder of arrays and JSON with a manifest; loading it executes no code."""

import hashlib
import io
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from newsrec_pipelines.errors import DataError, ModelError
from newsrec_pipelines.features.types import TrainingData
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.store import Store

FOLDER: Final = "models"
_FORMAT: Final = 2
_TEXT: Final = "text"


class ModelManifest(BaseModel):
    """What a version is: code, data and parameters, and the files with what was learnt.

    Attributes:
        format: of the artefact; another one is refused.
        name: of the model's class.
        version: ``YYYYMMDD-xxxxxxxx``: the day of `as_of`, and a hash of `as_of`, code, data and
            parameters.
        git_commit: of the code.
        data_hash: of the partitions that were read.
        previous: the version whose factors the training started from.
        as_of: nothing that became available at or after this moment was seen.
        created_from: numbers of rows of the training data.
        params: all of params.yaml.
        metrics: of the training itself; evaluation has its own reports.
        files: SHA-256 of each file, by its name in the folder.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = _FORMAT
    name: str
    version: str
    git_commit: str
    data_hash: str
    as_of: datetime
    created_from: dict[str, int | bool]
    previous: str | None = None
    params: dict[str, Any]
    metrics: dict[str, float | None]
    files: dict[str, str]

    @classmethod
    def parse(cls, content: object, where: str) -> Self:
        """A manifest out of JSON; ModelError when it is none."""
        try:
            return cls.model_validate(content)
        except ValidationError as e:
            first = e.errors()[0]
            field = ".".join(str(p) for p in first["loc"])
            raise ModelError(f"{where} is no model manifest: {field}: {first['msg']}") from e


def version_of(
    as_of: datetime, data_hash: str, params: Params, git_commit: str, previous: str | None = None
) -> str:
    """The version's name: the same moment, code, data, parameters and start have the same one."""
    # The hash is that of whole partitions: two moments of one day share it, and see other rows.
    parts = [as_of.isoformat(), data_hash, params.model_dump(mode="json"), git_commit, previous]
    content = json.dumps(parts, sort_keys=True)
    return f"{as_of:%Y%m%d}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"


def manifest_of(
    name: str,
    data: TrainingData,
    params: Params,
    git_commit: str,
    previous: str | None,
    metrics: dict[str, float | None],
) -> ModelManifest:
    """What a model that was trained on `data` says of itself; `save` adds its files.

    Args:
        name: of its kind.
        data: what was known.
        params: that it was trained with.
        git_commit: of the code.
        previous: the version that the training started from.
        metrics: of the training.
    """
    return ModelManifest(
        name=name,
        version=version_of(data.as_of, data.data_hash, params, git_commit, previous),
        git_commit=git_commit,
        data_hash=data.data_hash,
        as_of=data.as_of,
        created_from={
            "articles": data.articles.height,
            "users": data.users.height,
            "reads": data.reads.height,
            "examples": data.examples.height,
            "sampled_negatives": data.sampled_negatives,
        },
        previous=previous,
        params=params.model_dump(mode="json"),
        metrics=metrics,
        files={},
    )


def save(
    store: Store, manifest: ModelManifest, states: Mapping[str, Mapping[str, Any]]
) -> ModelManifest:
    """Write the files of each part, and the manifest last: without it there is no version.

    Arrays become ``<part>.<key>.npy``, a ``text`` ``<part>.txt``, everything else of a part
    ``<part>.json``.

    What has a manifest is never changed: a version that is there already stays as it is, and only
    files that it has lost are written again.

    Returns:
        The manifest that is in the store. Where the same inputs gave other last bits on another
        machine, it is the one of whoever came first.

    Raises:
        ModelError: when an array holds NaN or infinity, or the version is there and damaged.
    """
    files = {}
    for part, state in states.items():
        arrays = {k: v for k, v in state.items() if isinstance(v, np.ndarray)}
        for key, array in arrays.items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise ModelError(f"{part}.{key} holds values that are not finite numbers")
            files[f"{part}.{key}.npy"] = _npy(array)
        if _TEXT in state:
            files[f"{part}.txt"] = state[_TEXT].encode()
        rest = {k: v for k, v in state.items() if k not in arrays and k != _TEXT}
        files[f"{part}.json"] = _json(rest)
    hashes = {name: _sha256(content) for name, content in sorted(files.items())}
    manifest = manifest.model_copy(update={"files": hashes})
    there = store.keys(f"{FOLDER}/{manifest.version}")
    if _key(manifest.version, "manifest.json") in there:
        kept = read_manifest(store, manifest.version)
        lost = [n for n, sha256 in kept.files.items() if not _is_whole(store, kept, n, sha256)]
        if lost and kept.files != hashes:
            raise ModelError(
                f"model {kept.version} is there, damaged, and made anew it is another one: "
                f"newsrec models remove {kept.version}, then train again"
            )
        for name in lost:
            store.write_bytes(_key(kept.version, name), files[name])
        return kept
    for name, content in files.items():
        store.write_bytes(_key(manifest.version, name), content)
    store.write_json(_key(manifest.version, "manifest.json"), manifest.model_dump(mode="json"))
    return manifest


def read_manifest(store: Store, version: str) -> ModelManifest:
    """The manifest of a version.

    Raises:
        ModelError: when there is no such version, or its manifest is damaged or foreign.
    """
    if not version or "/" in version or not store.exists(_key(version, "manifest.json")):
        raise ModelError(f"there is no model {version} in {store.url}")
    try:
        content = store.read_json(_key(version, "manifest.json"))
    except DataError as e:
        raise ModelError(f"the manifest of model {version} is damaged: {e}") from e
    manifest = ModelManifest.parse(content, f"the manifest of model {version}")
    if manifest.format != _FORMAT or manifest.version != version:
        raise ModelError(
            f"the manifest of model {version} says version {manifest.version}, "
            f"format {manifest.format}; this code reads format {_FORMAT}"
        )
    return manifest


def digest(store: Store, version: str) -> str:
    """SHA-256 of a manifest, which holds those of all files: one number for the whole version."""
    return _sha256(store.read_bytes(_key(version, "manifest.json")))


def load(store: Store, version: str) -> tuple[ModelManifest, dict[str, dict[str, Any]]]:
    """The manifest of a version and the state of each of its parts, as they were saved.

    Raises:
        ModelError: when a file is missing, or is not the one that was saved.
    """
    manifest = read_manifest(store, version)
    states: dict[str, dict[str, Any]] = {}
    for name, sha256 in manifest.files.items():
        try:
            content = store.read_bytes(_key(version, name))
        except DataError as e:
            raise ModelError(f"model {version} lacks its file {name}") from e
        if _sha256(content) != sha256:
            raise ModelError(f"file {name} of model {version} is not the one that was saved")
        part, _, rest = name.partition(".")
        state = states.setdefault(part, {})
        if rest == "json":
            state.update(json.loads(content))
        elif rest == "txt":
            state[_TEXT] = content.decode()
        else:
            try:
                array = np.load(io.BytesIO(content), allow_pickle=False)
            except ValueError as e:
                raise ModelError(f"file {name} of model {version} is no plain array: {e}") from e
            state[rest.removesuffix(".npy")] = array
    return manifest, states


def size(store: Store, version: str) -> int:
    """Bytes of the files of a version; 0 when there is none."""
    keys = store.keys(f"{FOLDER}/{version}")
    return sum(int(store.fs.size(store.path(key))) for key in keys)


def _is_whole(store: Store, manifest: ModelManifest, name: str, sha256: str) -> bool:
    try:
        return _sha256(store.read_bytes(_key(manifest.version, name))) == sha256
    except DataError:
        return False


def _key(version: str, name: str) -> str:
    return f"{FOLDER}/{version}/{name}"


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False).encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
