"""Writes the days of the world into the landing zone, each on its own and always the same."""

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from newsrec_pipelines.datasets.world import truth
from newsrec_pipelines.datasets.world.dirt import Record, dirty_lines, line, shuffled
from newsrec_pipelines.datasets.world.files import write_lines, write_parquet
from newsrec_pipelines.datasets.world.readers import readers_on
from newsrec_pipelines.datasets.world.records import (
    changed_readers,
    corrected_articles,
    new_articles,
    new_readers,
)
from newsrec_pipelines.datasets.world.seeds import stream
from newsrec_pipelines.datasets.world.tables import to_records
from newsrec_pipelines.datasets.world.traffic import Traffic
from newsrec_pipelines.datasets.world.visits import LATE, MAIN, REPEATED, TOO_LATE
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.parameters import WorldParams
from newsrec_pipelines.schemas import ENTITIES, Entity
from newsrec_pipelines.store import Store


def write_day(
    store: Store, params: WorldParams, day: date, front_page_share: float = 1.0
) -> dict[str, int]:
    """Write everything that arrives on one day, and the hidden truth of that day.

    The same parameters, day and share give the same bytes, whatever was written before. Visits
    whose share lies above `front_page_share` are left for `react`.

    Returns:
        The number of records by entity, and under ``dirty`` the lines in the JSON files of events.

    Raises:
        DataError: before the world's start, or when the store holds another world.
    """
    if day < params.start:
        raise DataError(f"the world begins on {params.start}: there is no {day}")
    truth.claim_world(store, params)
    truth.claim_day(store, day, front_page_share)
    counts = _write_records(store, params, day)
    main = Traffic.of(params, day, MAIN, front_page_share)
    repeated = Traffic.of(params, day, REPEATED)
    arriving = _arriving_late(params, day)
    dirty = 0
    for name in ("impressions", "reads"):
        bulk = pa.concat_tables([main.table(name), repeated.table(name)])
        write_parquet(store, f"landing/{name}/dt={day}/world.parquet", bulk)
        late = [r for t in arriving for r in to_records(t.table(name))]
        lines = _event_lines(params, ENTITIES[name], day, bulk, late)
        write_lines(store, f"landing/{name}/dt={day}/world-late.jsonl.gz", lines)
        counts[name] = bulk.num_rows
        dirty += len(lines)
    late_today = [Traffic.of(params, day, name) for name in (LATE, TOO_LATE)]
    truth.write_truth(store, params, day, [main, repeated, *late_today])
    return {**counts, "dirty": dirty}


def _arriving_late(params: WorldParams, day: date) -> list[Traffic]:
    """What happened earlier and arrives today: again, late, or too late."""
    expected = {REPEATED: (1,), LATE: (1, 2), TOO_LATE: (params.dirt.too_late_days,)}
    found = []
    for name, delays in expected.items():
        for delay in delays:
            earlier = day - timedelta(days=delay)
            if earlier >= params.start:
                traffic = Traffic.of(params, earlier, name)
                found.append(traffic if name == REPEATED else traffic.arriving(delay))
    return found


def _event_lines(
    params: WorldParams, entity: Entity, day: date, bulk: pa.Table, late: list[Record]
) -> list[bytes]:
    rng = stream(params.seed, f"dirt {entity.name}", day)

    def sample(n: int) -> list[Record]:
        if not bulk.num_rows:
            return []
        return to_records(bulk.take(pa.array(rng.integers(bulk.num_rows, size=n))))

    lines = dirty_lines(rng, entity, sample, bulk.num_rows, params.dirt)
    return shuffled(rng, [*(line(r) for r in late), *lines])


def _write_records(store: Store, params: WorldParams, day: date) -> dict[str, int]:
    readers = readers_on(params, day)
    records = {
        "articles": new_articles(params, day) + corrected_articles(params, day),
        "users": new_readers(readers, day, params.start) + changed_readers(params, readers, day),
    }
    for name, of_day in records.items():
        rng = stream(params.seed, f"dirt {name}", day)
        lines = dirty_lines(rng, ENTITIES[name], _sampler(rng, of_day), len(of_day), params.dirt)
        lines = shuffled(rng, [*(line(r) for r in of_day), *lines])
        write_lines(store, f"landing/{name}/dt={day}/world.jsonl.gz", lines)
    return {name: len(of_day) for name, of_day in records.items()}


def _sampler(rng: np.random.Generator, records: list[Record]) -> Callable[[int], list[Record]]:
    return lambda n: [records[i] for i in rng.integers(len(records), size=n)] if records else []
