"""What is kept of a run, so that each of its places can be explained: Parquet and a manifest."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date as Day  # noqa: N812 - a field of the manifest is called date
from datetime import datetime
from io import BytesIO
from typing import Final, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError

from newsrec_pipelines.errors import DataError
from newsrec_pipelines.rollout.variants import CHAMPION
from newsrec_pipelines.scoring.publish import Run
from newsrec_pipelines.store import Store

FOLDER: Final = "runs"
MANIFEST: Final = "manifest.json"
TREES: Final = "trees.txt"
_FORMAT: Final = 2
# Small files waste requests to an object store, large ones the memory of their writer.
_ROWS_PER_FILE: Final = 200_000
# An explanation reads one group of rows: that of its reader.
_ROWS_PER_GROUP: Final = 20_000
# The columns of a place before those of the ranker.
PLACE_SCHEMA: Final = pl.Schema(
    {
        "user_id": pl.String(),
        "article_id": pl.String(),
        "publisher": pl.String(),
        "place": pl.Int16(),
        "step": pl.String(),
        "propensity": pl.Float32(),
        "score": pl.Float64(),
        "sources": pl.List(pl.String),
    }
)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PlacedFile(_Part):
    """One Parquet file of the run: places of the readers from `first_user` to `last_user`."""

    name: str
    rows: int
    first_user: str
    last_user: str


class RankerNotes(_Part):
    """Which ranker made the scores.

    Attributes:
        columns: what it is given, in order: columns of the Parquet files.
        used: what its trees look at, in the order of their features.
        trees: SHA-256 of ``trees.txt``, LightGBM's text; None when there was nothing to learn from.
        summed: the columns whose sum is the score, where there are no trees.
    """

    columns: tuple[str, ...]
    used: tuple[str, ...]
    trees: str | None
    summed: tuple[str, ...]


class ReliabilityNotes(_Part):
    """How far publishers were trusted, 0 to 1, by name; `unrated` holds for all others."""

    publishers: dict[str, float]
    unrated: float


class RunManifest(_Part):
    """All that explanations of one variant's slates need beside the places.

    See contracts/runs/manifest.schema.json.
    """

    format: int = _FORMAT
    run_id: str
    variant: str
    date: Day
    as_of: datetime
    model_version: str
    data_hash: str
    ranker: RankerNotes
    reliability: ReliabilityNotes
    files: tuple[PlacedFile, ...]

    @classmethod
    def read(cls, store: Store, day: Day, run_id: str, variant: str = CHAMPION) -> Self:
        """The manifest of a variant in a run.

        Raises:
            DataError: when it is not there, or is none.
        """
        key = f"{folder(day, run_id)}/{variant}/{MANIFEST}"
        try:
            manifest = cls.model_validate(store.read_json(key))
        except ValidationError as e:
            first = e.errors()[0]
            at = ".".join(str(part) for part in first["loc"])
            raise DataError(f"{key} is no manifest of a run: {at}: {first['msg']}") from e
        if manifest.format != _FORMAT or (manifest.run_id, manifest.variant) != (run_id, variant):
            raise DataError(
                f"{key} says run {manifest.run_id}, variant {manifest.variant}, "
                f"format {manifest.format}; this code reads format {_FORMAT}"
            )
        return manifest


@dataclass(frozen=True)
class Origin:
    """Where the scores of a model version come from.

    Attributes:
        model_version: its name.
        data_hash: of what the model has seen.
        columns: what the ranker is given; none when the kind of model has no ranker.
        used: what its trees look at.
        trees: LightGBM's text, empty when there was nothing to learn from.
        summed: the columns that are summed up then.
        reliability: of publishers, by name.
        unrated: of all others.
    """

    model_version: str
    data_hash: str
    columns: tuple[str, ...]
    used: tuple[str, ...]
    trees: str
    summed: tuple[str, ...]
    reliability: dict[str, float] = field(default_factory=dict)
    unrated: float = 1.0


def folder(day: Day, run_id: str) -> str:
    """Where a run's files lie, each variant's in a folder of its name."""
    return f"{FOLDER}/{day}/{run_id}"


@dataclass
class Evidence:
    """Keeps the evidence of runs in the store."""

    store: Store
    rows_per_file: int = _ROWS_PER_FILE

    @contextmanager
    def keeping(
        self, run: Run, variant: str, origin: Origin, publishers: pl.DataFrame
    ) -> Iterator["PlaceWriter"]:
        """Write a variant's places inside the block; its end writes the manifest.

        An error removes what was written of the variant.

        Args:
            run: whose places.
            variant: the name of it.
            origin: of the scores.
            publishers: ``article_id`` and ``publisher`` of the candidates.
        """
        writer = PlaceWriter(self, run, variant, origin, publishers)
        try:
            yield writer
            writer.finish()
        except BaseException:
            self.store.remove(f"{folder(run.date, run.run_id)}/{variant}")
            raise

    @contextmanager
    def whole(self, run: Run) -> Iterator[None]:
        """An error inside the block removes what was written of all variants of the run."""
        try:
            yield
        except BaseException:
            self.store.remove(folder(run.date, run.run_id))
            raise

    def runs(self) -> dict[str, Day]:
        """Ids and dates of all runs of which anything is in the store."""
        found = {}
        for key in self.store.keys(FOLDER):
            with suppress(ValueError):  # a folder of somebody else
                day, run_id, *_ = key.removeprefix(f"{FOLDER}/").split("/")
                found[run_id] = Day.fromisoformat(day)
        return found

    def remove(self, run_ids: set[str]) -> None:
        """Remove what is kept of some runs."""
        for run_id, day in self.runs().items():
            if run_id in run_ids:
                self.store.remove(folder(day, run_id))


class PlaceWriter:
    """Writes the places of one variant, block by block."""

    def __init__(
        self, evidence: Evidence, run: Run, variant: str, origin: Origin, publishers: pl.DataFrame
    ) -> None:
        self._store, self._origin = evidence.store, origin
        self._rows_per_file = evidence.rows_per_file
        self._run, self._variant = run, variant
        self._publishers = publishers.select("article_id", "publisher")
        self._schema = pl.Schema(
            {**PLACE_SCHEMA, **dict.fromkeys(self._origin.columns, pl.Float32())}
        )
        self._waiting: list[pl.DataFrame] = []
        self._files: list[PlacedFile] = []

    def write(self, placed: pl.DataFrame) -> None:
        """Keep the places of some readers, one row each, as `models.news.Block.placed`."""
        if not placed.height:
            return
        self._waiting.append(placed)
        if sum(part.height for part in self._waiting) >= self._rows_per_file:
            self._flush()

    def finish(self) -> None:
        """Write what is left, and the manifest last: without it nothing counts."""
        if self._waiting:
            self._flush()
        origin, trees = self._origin, None
        if origin.trees:
            content = origin.trees.encode()
            trees = hashlib.sha256(content).hexdigest()
            self._store.write_bytes(self._key(TREES), content)
        manifest = RunManifest(
            run_id=self._run.run_id,
            variant=self._variant,
            date=self._run.date,
            as_of=self._run.as_of,
            model_version=origin.model_version,
            data_hash=origin.data_hash,
            ranker=RankerNotes(
                columns=origin.columns, used=origin.used, trees=trees, summed=origin.summed
            ),
            reliability=ReliabilityNotes(publishers=origin.reliability, unrated=origin.unrated),
            files=tuple(self._files),
        )
        self._store.write_json(self._key(MANIFEST), manifest.model_dump(mode="json"))

    def _flush(self) -> None:
        rows = pl.concat(self._waiting).join(
            self._publishers, on="article_id", how="left", maintain_order="left"
        )
        self._waiting = []
        content = BytesIO()
        rows.select(*self._schema).cast(self._schema).write_parquet(
            content, compression="zstd", compression_level=1, row_group_size=_ROWS_PER_GROUP
        )
        name = f"placed-{len(self._files)}.parquet"
        self._store.write_bytes(self._key(name), content.getvalue())
        users = rows["user_id"]
        self._files.append(
            PlacedFile(
                name=name,
                rows=rows.height,
                first_user=str(users.min()),
                last_user=str(users.max()),
            )
        )

    def _key(self, name: str) -> str:
        return f"{folder(self._run.date, self._run.run_id)}/{self._variant}/{name}"
