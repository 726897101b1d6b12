"""Reads pieces of landing files in batches."""

import gzip
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import IO, Protocol

import pyarrow.parquet as pq

from newsrec_pipelines.etl.jsonl import parse_lines
from newsrec_pipelines.etl.parquet import parse_table
from newsrec_pipelines.etl.plan import Piece
from newsrec_pipelines.etl.raw import Raw
from newsrec_pipelines.schemas import ENTITIES
from newsrec_pipelines.store import Store

BATCH_LINES = 50_000
_BOM = b"\xef\xbb\xbf"


class Source(Protocol):
    """Where the pipeline reads from."""

    def read(self, piece: Piece) -> Iterator[Raw]:
        """The records of a piece, a batch at a time."""
        ...


class LandingSource:
    """The landing zone of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self, piece: Piece) -> Iterator[Raw]:
        """The records of a piece, a batch at a time.

        Raises:
            OSError, EOFError, ValueError: when the file is broken.
        """
        with self._store.open(piece.key) as file:
            if piece.form == "parquet":
                yield _rows(piece, file)
            elif piece.form == "gz":
                with gzip.open(file) as text:
                    yield from _lines(piece, text, 0)
            else:
                lines = _Range(file, piece.start, piece.stop)
                yield from _lines(piece, lines, piece.before + lines.skipped)


class _Range:
    """The lines of a file that begin within a range of bytes."""

    def __init__(self, file: IO[bytes], start: int, stop: int) -> None:
        self._file = file
        self._left = stop - start
        self.skipped = 0
        file.seek(max(start - 1, 0))
        if start and file.read(1) != b"\n":
            self._left -= len(file.readline())  # it began in the piece before
            self.skipped = 1

    def __iter__(self) -> Iterator[bytes]:
        while self._left > 0 and (line := self._file.readline()):
            self._left -= len(line)
            yield line


def _rows(piece: Piece, file: IO[bytes]) -> Raw:
    table = pq.ParquetFile(file).read_row_groups(list(range(piece.start, piece.stop)))
    return parse_table(ENTITIES[piece.entity], table, piece.before)


def _lines(piece: Piece, file: Iterable[bytes], before: int) -> Iterator[Raw]:
    entity, stream = ENTITIES[piece.entity], iter(file)
    while lines := list(islice(stream, BATCH_LINES)):
        count = len(lines)
        if before == 0:
            lines[0] = lines[0].removeprefix(_BOM)
        yield parse_lines(entity, lines, before)
        before += count
