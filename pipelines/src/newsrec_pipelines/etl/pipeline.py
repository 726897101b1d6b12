"""The Beam pipeline: pieces of files to checked, deduplicated rows and dead letters."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO

import apache_beam as beam
import polars as pl
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineRunner

from newsrec_pipelines.errors import NewsrecError
from newsrec_pipelines.etl.checks import DEAD_LETTER, Rules, check
from newsrec_pipelines.etl.dedupe import POSITION, dedupe
from newsrec_pipelines.etl.plan import BROKEN, Piece, broken
from newsrec_pipelines.etl.source import Source
from newsrec_pipelines.etl.staging import Sink
from newsrec_pipelines.schemas import ENTITIES

# Elements are batches, never single records: a key that says what they are, and Arrow IPC bytes.
Key = tuple[str, str, int]  # "rows" or "dead", entity, hash partition
Batch = tuple[Key, bytes]


def run_pipeline(
    runner: PipelineRunner,
    options: PipelineOptions,
    pieces: Iterable[Piece],
    source: Source,
    sink: Sink,
    rules: Rules,
    partitions: int,
) -> None:
    """Run to the end; everything that it finds out is in `sink` then.

    A file that breaks off while it is read becomes a dead letter of line 0.

    Args:
        runner: always named by the caller; Beam's own choice downloads a program.
        options: of the runner.
        pieces: what to read.
        source: reads them.
        sink: keeps what they became, one file an entity and hash partition.
        rules: of the day of arrival.
        partitions: in how many parts the ids of an entity are deduplicated.

    Raises:
        NewsrecError: when a worker fails, e.g. since the sink has no space left.
    """
    pipeline = beam.Pipeline(runner=runner, options=options)
    _ = (
        pipeline
        | "Pieces" >> beam.Create(list(pieces))
        | "Spread" >> beam.Reshuffle()
        | "Read and check" >> beam.ParDo(ReadAndCheck(source, rules, partitions))
        | "By hash of the id" >> beam.GroupByKey()
        | "Dedupe and write" >> beam.ParDo(DedupeAndWrite(sink))
    )
    try:
        with _one_line_for_the_outside():
            pipeline.run().wait_until_finish()
    except RuntimeError as e:  # what every runner makes of an error in a worker; it logs the rest
        last_line = str(e).strip().rsplit("\n", 1)[-1]
        raise NewsrecError(f"the Beam pipeline failed: {last_line}") from e


@contextmanager
def _one_line_for_the_outside() -> Iterator[None]:
    """Beam logs the trace of every error in a worker; a full disk needs none, a bug does."""

    def is_bug(record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], OSError | NewsrecError))

    log = logging.getLogger("apache_beam.runners.common")
    log.addFilter(is_bug)
    try:
        yield
    finally:
        log.removeFilter(is_bug)


class ReadAndCheck(beam.DoFn):
    """A piece of a file to batches of good rows by hash partition, and of dead letters."""

    def __init__(self, source: Source, rules: Rules, partitions: int) -> None:
        self._source = source
        self._rules = rules
        self._partitions = partitions

    def process(self, piece: Piece) -> Iterator[Batch]:
        """Batches of one piece."""
        entity = ENTITIES[piece.entity]
        try:
            for raw in self._source.read(piece):
                good, dead = check(entity, raw, self._rules)
                for number, part in self._split(good, entity.key):
                    yield _batch("rows", number, part, piece)
                if not dead.is_empty():
                    yield _batch("dead", 0, dead, piece)
        except BROKEN as e:
            row = {"line": [0], "reason": [broken(piece.key, e)], "record": [""]}
            yield _batch("dead", 0, pl.DataFrame(row, schema=DEAD_LETTER), piece)

    def _split(self, rows: pl.DataFrame, key: str) -> Iterator[tuple[int, pl.DataFrame]]:
        if self._partitions == 1:
            yield 0, rows
            return
        number = (pl.col(key).hash() % self._partitions).cast(pl.Int32)
        parts = rows.with_columns(number.alias("number")).partition_by("number", as_dict=True)
        for (n,), part in parts.items():
            yield n, part.drop("number")


class DedupeAndWrite(beam.DoFn):
    """All batches of a hash partition to one staged file."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def process(self, group: tuple[Key, Iterable[bytes]]) -> None:
        """Write one group."""
        (kind, entity, number), batches = group
        rows = pl.concat([pl.read_ipc(BytesIO(b)) for b in batches])
        kept = dedupe(ENTITIES[entity], rows) if kind == "rows" else rows.sort(POSITION)
        self._sink.write(kind, entity, number, kept, rows.height)


def _batch(kind: str, number: int, rows: pl.DataFrame, piece: Piece) -> Batch:
    out = BytesIO()
    if kind == "rows" and ENTITIES[piece.entity].day_field:
        rows = rows.drop("line")  # the place decides between versions only
    else:
        rows = rows.with_columns(pl.lit(piece.key).alias("file"))
    rows.write_ipc(out, compression="lz4")
    return (kind, piece.entity, number), out.getvalue()
