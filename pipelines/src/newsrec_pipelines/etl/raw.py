"""Records as they were read, column by column, before anybody has looked at their values."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import orjson
import polars as pl
import pyarrow as pa

from newsrec_pipelines.schemas import Entity

RECEIVED_AT: Final = "received_at"  # optional on every entity; becomes `available_at`
TIME: Final = pl.Datetime("us", "UTC")
CONSENTS: Final = "consents"  # the only field that is an object

_DATE_TIME: Final = r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?"
_OFFSET: Final = r"([Zz]|[+-]\d\d:\d\d)"


@dataclass(frozen=True)
class Raw:
    """Some records of one file.

    Attributes:
        frame: the entity's fields and ``received_at`` in their types (null where the record has
            none or an ill-typed one), ``extra`` (unknown fields as a JSON object, or null),
            ``line`` (from 1) and ``reason`` (why this record is a dead letter, or null).
        record: renders the record of a row of `frame` for people.
    """

    frame: pl.DataFrame
    record: Callable[[int], str]


def dtypes(entity: Entity) -> dict[str, pl.DataType]:
    """The polars types of the fields that a record of this entity may have."""
    types = {f.name: _dtype(f.type) for f in entity.schema}
    return {**types, RECEIVED_AT: TIME}


def parse_times(column: pl.Series) -> tuple[pl.Series, pl.Series]:
    """RFC 3339 text as times in UTC, and for each value what is wrong with it (null: nothing)."""
    times = column.str.to_datetime("%+", time_unit="us", strict=False).dt.convert_time_zone("UTC")
    frame = pl.DataFrame({"text": column, "time": times})
    text = pl.col("text")
    # The parser accepts a little more than the contract: a space, or an offset without colon.
    good = pl.col("time").is_not_null() & text.str.contains(f"^{_DATE_TIME}{_OFFSET}$")
    wrong = (
        pl.when(text.is_null() | good)
        .then(None)
        .when(text.str.contains(f"^{_DATE_TIME}$"))
        .then(pl.lit("time without offset"))
        .otherwise(pl.lit("not an RFC 3339 time"))
    )
    checked = frame.select(pl.when(good).then("time").alias("time"), wrong.alias("wrong"))
    return checked["time"], checked["wrong"]


def parse_consents(values: list[Any]) -> tuple[pl.Series, pl.Series]:
    """Booleans by purpose, or their JSON text, as canonical JSON text; and complaints.

    Readers are few: values are looked at one by one.
    """
    texts: list[str | None] = []
    wrong: list[str | None] = []
    for value in values:
        try:
            texts.append(None if value is None else _consents(value))
            wrong.append(None)
        except (ValueError, TypeError):
            texts.append(None)
            wrong.append("not an object of booleans")
    return pl.Series(texts, dtype=pl.String), pl.Series(wrong, dtype=pl.String)


def json_text(value: Any) -> str:
    """An object as JSON that PostgreSQL can store: it knows no NUL. Equal objects, equal text."""
    text = orjson.dumps(value, default=str, option=orjson.OPT_SORT_KEYS).decode()
    if r"\u0000" not in text:
        return text
    # Escapes are taken in pairs, since \\u0000 is a backslash and five characters.
    return re.sub(r"\\(u0000|.)", lambda m: r"\ufffd" if m[1] == "u0000" else m[0], text)


def _consents(value: Any) -> str:
    parsed = orjson.loads(value) if isinstance(value, str) else value
    if not isinstance(parsed, dict) or not {bool}.issuperset(map(type, parsed.values())):
        raise TypeError
    return json_text(parsed)


def _dtype(kind: pa.DataType) -> pl.DataType:
    if pa.types.is_timestamp(kind):
        return TIME
    if pa.types.is_list(kind):
        return pl.List(_dtype(kind.value_type))
    if pa.types.is_boolean(kind):
        return pl.Boolean()
    return pl.Float32() if pa.types.is_float32(kind) else pl.String()
