"""A record: one run as it is kept in the store, whatever happens to the trackers."""

import uuid
from datetime import UTC, datetime
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from newsrec_pipelines.errors import DataError
from newsrec_pipelines.resources import Resources
from newsrec_pipelines.store import Store

FOLDER: Final = "tracking"
RECORDS: Final = f"{FOLDER}/records"
_FORMAT: Final = 1


class Record(BaseModel):
    """One run of one stage.

    Attributes:
        id: ``<UTC time>-<stage>-<8 hex digits>``: sorted by id is sorted by time.
        stage: such as ``train``.
        name: of the run, for people.
        status: how it ended.
        error: what a failed run said, in one line.
        began, ended: moments of UTC.
        git_commit: of the code.
        data_hash: of what was read; None where the stage does not know it.
        tags: texts to search by.
        params: dotted names of everything that changes a result, as texts.
        metrics: finite numbers by name.
        resources: that the run used.
        files: keys in the store of pictures and reports, by their names.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    format: Literal[1] = _FORMAT
    id: str
    stage: str
    name: str
    status: Literal["finished", "failed"]
    error: str | None = None
    began: datetime
    ended: datetime
    git_commit: str
    data_hash: str | None = None
    tags: dict[str, str] = {}
    params: dict[str, str] = {}
    metrics: dict[str, float] = {}
    resources: Resources
    files: dict[str, str] = {}

    @classmethod
    def load(cls, store: Store, record_id: str) -> Self:
        """The record of an id.

        Raises:
            DataError: when it is missing or damaged.
        """
        key = record_key(record_id)
        try:
            return cls.model_validate(store.read_json(key))
        except ValidationError as e:
            first = e.errors()[0]
            where = ".".join(str(p) for p in first["loc"])
            raise DataError(f"{key} is no record of a run: {where}: {first['msg']}") from e

    def save(self, store: Store) -> None:
        """Write it, whole or not at all."""
        store.write_json(record_key(self.id), self.model_dump(mode="json"))

    def resource_metrics(self) -> dict[str, float]:
        """The resources by the names that trackers show; what is unknown is missing."""
        used = {
            "resources/seconds": self.resources.seconds,
            "resources/cpu_seconds": self.resources.cpu_seconds,
            "resources/read_bytes": self.resources.read_bytes,
            "resources/written_bytes": self.resources.written_bytes,
            "resources/peak_memory_bytes": self.resources.peak_memory_bytes,
        }
        return {name: float(value) for name, value in used.items() if value is not None}


def new_id(stage: str, began: datetime) -> str:
    """A name that no other run has."""
    return f"{began.astimezone(UTC):%Y%m%dT%H%M%S.%f}Z-{stage}-{uuid.uuid4().hex[:8]}"


def record_key(record_id: str) -> str:
    """Where a record lies."""
    return f"{RECORDS}/{record_id}.json"


def file_key(record_id: str, name: str) -> str:
    """Where a picture of a run lies."""
    return f"{FOLDER}/files/{record_id}/{name}"


def ids(store: Store) -> list[str]:
    """All records, oldest first."""
    keys = (k.removeprefix(f"{RECORDS}/") for k in store.keys(RECORDS))
    return [k.removesuffix(".json") for k in keys if k.endswith(".json")]


def flattened(values: Any, prefix: str = "") -> dict[str, str]:
    """Nested sections as dotted names: ``{"als": {"reg": 0.05}}`` is ``{"als.reg": "0.05"}``."""
    if not isinstance(values, dict):
        return {prefix: str(values)}
    found: dict[str, str] = {}
    for name, value in values.items():
        found |= flattened(value, f"{prefix}.{name}" if prefix else str(name))
    return found
