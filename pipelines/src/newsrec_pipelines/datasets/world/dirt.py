"""What goes wrong on the way into the landing zone: broken, mistyped and doubled lines."""

from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from newsrec_pipelines.parameters import DirtParams
from newsrec_pipelines.schemas import Entity

Record = dict[str, Any]


def count(share: float, total: int) -> int:
    """How many of `total` records; at least one when the share is above 0 and there is a record."""
    return max(1, round(share * total)) if share > 0 and total > 0 else 0


def dirty_lines(
    rng: np.random.Generator,
    entity: Entity,
    sample: Callable[[int], list[Record]],
    total: int,
    dirt: DirtParams,
) -> list[bytes]:
    """Lines to be mixed into a day's clean lines of an entity.

    Args:
        rng: the only source of chance.
        entity: whose records these are.
        sample: gives so many records of the day, which are doubled or spoilt copies are made of.
        total: the day's number of records, that the shares of `dirt` refer to.
        dirt: the shares.
    """
    doubled = [line(r) for r in sample(count(dirt.duplicates, total))]
    malformed = [
        _malformed(rng, _other_key(entity, record, f"malformed-{i}"))
        for i, record in enumerate(sample(count(dirt.malformed, total)))
    ]
    ill_typed = [
        line(_ill_typed(rng, entity, _other_key(entity, record, f"ill-typed-{i}")))
        for i, record in enumerate(sample(count(dirt.ill_typed, total)))
    ]
    return doubled + malformed + ill_typed


def shuffled(rng: np.random.Generator, lines: list[bytes]) -> list[bytes]:
    """The lines in random order."""
    return [lines[i] for i in rng.permutation(len(lines))]


def line(record: Record) -> bytes:
    """One JSON line without its end."""
    return orjson.dumps(record)


def _other_key(entity: Entity, record: Record, suffix: str) -> Record:
    """A spoilt copy must not be mistaken for the record that it was copied from."""
    return {**record, entity.key: f"{record[entity.key]}-{suffix}"}


def _malformed(rng: np.random.Generator, record: Record) -> bytes:
    whole = line(record)
    if rng.random() < 0.3:
        return b"<html><body>502 Bad Gateway</body></html>"
    return whole[: rng.integers(10, len(whole) - 1)]


def _ill_typed(rng: np.random.Generator, entity: Entity, record: Record) -> Record:
    field = entity.required[rng.integers(len(entity.required))]
    if rng.random() < 0.4:
        return {k: v for k, v in record.items() if k != field}
    return {**record, field: _wrong(entity.schema.field(field).type)}


def _wrong(kind: pa.DataType) -> Any:
    if pa.types.is_timestamp(kind):
        return "yesterday at noon"
    if pa.types.is_list(kind):
        return "one,two"
    if pa.types.is_boolean(kind):
        return "perhaps"
    return 12345  # where text is wanted
