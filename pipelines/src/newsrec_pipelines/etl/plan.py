"""What arrived on a day: its files, cut into pieces that can be read alone, and the batch's id."""

import hashlib
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq

from newsrec_pipelines.errors import DataError
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.schemas import ENTITIES
from newsrec_pipelines.store import Store

PIECE_BYTES = 8 << 20
PIECE_ROWS = 128 * 1024
# Part of the batch id: a change of the rules below this folder makes every day a new batch.
RULES_VERSION = 2

# What reading a broken file raises.
BROKEN = (OSError, EOFError, ValueError, zlib.error, pa.ArrowException)

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Piece:
    """A part of one landing file that is read alone.

    Attributes:
        entity: name of the entity.
        key: the file, relative to the store.
        form: ``jsonl``, ``gz`` or ``parquet``.
        start: first byte (jsonl) or first row group (parquet).
        stop: end, exclusive, in the same unit; lines that begin before it belong to the piece.
        before: lines or rows of the file before this piece.
    """

    entity: str
    key: str
    form: str
    start: int
    stop: int
    before: int


@dataclass(frozen=True)
class Plan:
    """Everything that arrived on `day`. The same files give the same `batch_id`."""

    day: date
    batch_id: str
    pieces: tuple[Piece, ...]
    bytes: int


def make_plan(store: Store, day: date, params: Params) -> Plan:
    """Look at every file in ``landing/<entity>/dt=day/``.

    Raises:
        DataError: when a file has another form than JSON lines or Parquet, or is broken. Reading
            on without it would train a model from half a day, and nobody would notice: the file is
            repaired or moved away, and the day is run again.
    """
    pieces: list[Piece] = []
    digest = hashlib.sha256(_rules(params))
    total = 0
    for entity in ENTITIES:
        folder = f"landing/{entity}/dt={day}"
        for key in store.keys(folder):
            form = _form(key, folder)
            if form is None:
                continue
            try:
                found, size, content = _look(store, entity, key, form)
            except BROKEN as e:
                raise DataError(broken(key, e)) from e
            pieces += found
            total += size
            digest.update(f"{key} {content}\n".encode())
    return Plan(day, f"{day}-{digest.hexdigest()[:12]}", tuple(pieces), total)


def landing_days(store: Store) -> list[date]:
    """The days on which anything arrived, sorted."""
    return sorted({day for entity in ENTITIES for day in store.days(f"landing/{entity}")})


def broken(key: str, error: Exception) -> str:
    """One line about a file that cannot be read to its end."""
    return f"{key} is broken ({' '.join(str(error).split()) or type(error).__name__})"


def _rules(params: Params) -> bytes:
    rules = [RULES_VERSION, params.etl.model_dump(), params.features.model_dump()]
    return json.dumps(rules, sort_keys=True).encode()


def _form(key: str, folder: str) -> str | None:
    name = key.removeprefix(folder).strip("/")
    # Somebody else's files that are still being written, and markers such as _SUCCESS.
    hidden = any(part.startswith((".", "_")) for part in name.split("/"))
    if hidden or name.endswith((".part", ".tmp")):
        return None
    for suffix, form in ((".jsonl", "jsonl"), (".jsonl.gz", "gz"), (".parquet", "parquet")):
        if name.endswith(suffix):
            return form
    raise DataError(f"{key} is neither .jsonl, .jsonl.gz nor .parquet")


def _look(store: Store, entity: str, key: str, form: str) -> tuple[list[Piece], int, str]:
    """Pieces, size in bytes and content hash of one file."""
    digest, size = hashlib.sha256(), 0
    pieces: list[Piece] = []
    start = before = lines = 0
    with store.open(key) as file:
        for block in iter(lambda: file.read(_BLOCK), b""):
            digest.update(block)
            size += len(block)
            lines += block.count(b"\n") if form == "jsonl" else 0
            if form == "jsonl" and size - start >= PIECE_BYTES:
                pieces.append(Piece(entity, key, form, start, size, before))
                start, before = size, lines
        if form == "jsonl" and size > start:
            pieces.append(Piece(entity, key, form, start, size, before))
        elif form == "gz":
            pieces.append(Piece(entity, key, form, 0, size, 0))
        elif form == "parquet":
            file.seek(0)
            pieces += _row_groups(pq.ParquetFile(file), entity, key)
    return pieces, size, digest.hexdigest()


def _row_groups(file: pq.ParquetFile, entity: str, key: str) -> Iterator[Piece]:
    names = file.schema_arrow.names
    if len(set(names)) < len(names):
        raise ValueError("a column occurs twice")
    start = before = rows = 0
    for i in range(file.metadata.num_row_groups):
        rows += file.metadata.row_group(i).num_rows
        if rows - before >= PIECE_ROWS:
            yield Piece(entity, key, "parquet", start, i + 1, before)
            start, before = i + 1, rows
    if rows > before:
        yield Piece(entity, key, "parquet", start, file.metadata.num_row_groups, before)
