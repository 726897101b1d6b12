"""Parquet rows into columns: each column is cast as a whole, whatever a writer made of its type."""

import json
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from newsrec_pipelines.etl.raw import (
    CONSENTS,
    RECEIVED_AT,
    TIME,
    Raw,
    dtypes,
    json_text,
    parse_consents,
    parse_times,
)
from newsrec_pipelines.schemas import Entity

_YEARS = (-62135596800, 253402300799)  # seconds of the years 1 to 9999
_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}

Typed = tuple[pl.Series, str | pl.Series | None]


def parse_table(entity: Entity, table: pa.Table, before: int) -> Raw:
    """Convert rows of a file of which `before` rows come before the first."""
    table, unreadable = _readable(table)
    columns: dict[str, pl.Series] = {}
    complaints: list[pl.Series] = [] if unreadable is None else [unreadable]
    for name, dtype in dtypes(entity).items():
        if name not in table.column_names:
            columns[name] = pl.repeat(None, table.num_rows, dtype=dtype, eager=True)
            continue
        column = table.column(name)
        columns[name], wrong = (
            parse_consents([_object(v) for v in column.to_pylist()])
            if name == CONSENTS
            else _column(column, dtype)
        )
        if isinstance(wrong, str):  # the whole column
            wrong = _where(pl.from_arrow(column.is_valid()), wrong)
        if wrong is not None and wrong.null_count() < len(wrong):
            complaints.append(f"{name}: " + wrong)
    columns["extra"] = _extra(table, {*entity.schema.names, RECEIVED_AT})
    columns["line"] = pl.int_range(before + 1, before + 1 + table.num_rows, eager=True)
    none = pl.repeat(None, table.num_rows, dtype=pl.String, eager=True)
    reasons = pl.DataFrame({"none": none, **{str(i): s for i, s in enumerate(complaints)}})
    columns["reason"] = reasons.select(pl.coalesce(pl.all())).to_series()
    return Raw(pl.DataFrame(columns), lambda row: _render(table, row))


def _column(column: pa.ChunkedArray, dtype: pl.DataType) -> Typed:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_null(kind):
        return pl.repeat(None, len(column), dtype=dtype, eager=True), None
    if dtype == TIME:
        return _times(column)
    if isinstance(dtype, pl.List):
        return _lists(column, dtype)
    if dtype == pl.String:
        return _plain(column, dtype, _is_text(kind), "not a string")
    if dtype == pl.Boolean:
        return _plain(column, dtype, pa.types.is_boolean(kind), "not true or false")
    return _plain(column, dtype, _is_number(kind), "not a number")


def _plain(column: pa.ChunkedArray, dtype: pl.DataType, fits: bool, complaint: str) -> Typed:
    if not fits:
        return pl.repeat(None, len(column), dtype=dtype, eager=True), complaint
    return pl.Series(pl.from_arrow(column)).cast(dtype, strict=False), None


def _lists(column: pa.ChunkedArray, dtype: pl.List) -> Typed:
    kind, text = column.type, dtype.inner == pl.String
    listed = (
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )
    fits = listed and (_is_text(kind.value_type) if text else _is_number(kind.value_type))
    complaint = f"not a list of {'strings' if text else 'numbers'}"
    if listed and pa.types.is_null(kind.value_type):  # every list is empty
        column, fits = column.cast(pa.list_(pa.string())), True
    values, wrong = _plain(column, dtype, fits, complaint)
    if not fits:
        return values, wrong
    holes = values.list.eval(pl.element().is_null()).list.any().fill_null(value=False)
    if not holes.any():
        return values, None
    return values.set(holes, None), _where(holes, complaint)


def _times(column: pa.ChunkedArray) -> Typed:
    kind = column.type
    if _is_text(kind):
        return parse_times(_plain(column, pl.String(), True, "")[0])
    none = pl.repeat(None, len(column), dtype=TIME, eager=True)
    if not pa.types.is_timestamp(kind):
        return none, "not a time"
    if kind.tz is None:
        return none, "time without offset"
    first, last = (s * _UNITS[kind.unit] for s in _YEARS)
    wrong = None
    if kind.unit in ("s", "ms", "us"):  # nanoseconds cannot leave these years
        number = column.cast(pa.int64())
        fits = pc.and_(pc.greater_equal(number, first), pc.less_equal(number, last))
        if not pc.all(fits).as_py():
            wrong = _where(
                ~pl.Series(pl.from_arrow(fits)), "not a time between the years 1 and 9999"
            )
            column = pc.if_else(fits, column, pa.scalar(None, kind))
    times = column.cast(pa.timestamp("us", "UTC"), safe=False)
    return pl.Series(pl.from_arrow(times)), wrong


def _extra(table: pa.Table, known: set[str]) -> pl.Series:
    unknown = [n for n in table.column_names if n not in known]
    if not unknown:
        return pl.repeat(None, table.num_rows, dtype=pl.String, eager=True)
    values = []
    for row in table.select(unknown).to_pylist():
        given = {k: v for k, v in row.items() if v is not None}
        values.append(json_text(given) if given else None)
    return pl.Series(values, dtype=pl.String)


def _object(value: Any) -> Any:
    """Consents as Parquet may carry them: JSON text, a struct (null: not said), a map's pairs."""
    try:
        value = dict(value) if isinstance(value, list) else value
    except (TypeError, ValueError):
        return value
    if isinstance(value, dict):
        return {k: v for k, v in value.items() if v is not None}
    return value


def _readable(table: pa.Table) -> tuple[pa.Table, pl.Series | None]:
    """Text that is not UTF-8 breaks every later step, and Parquet does not check it."""
    wrong = [False] * table.num_rows
    for i, field in enumerate(table.schema):
        try:
            table.column(i).validate(full=True)
        except pa.ArrowInvalid:
            if not _is_text(field.type) or pa.types.is_dictionary(field.type):
                raise
            values = table.column(i).cast(pa.large_binary()).to_pylist()
            wrong = [w or not _is_utf8(v) for w, v in zip(wrong, values, strict=True)]
            texts = [None if v is None else v.decode(errors="replace") for v in values]
            table = table.set_column(
                i, field.name, pa.chunked_array([pa.array(texts, pa.string())])
            )
    if not any(wrong):
        return table, None
    return table, _where(pl.Series(wrong), "text that is not UTF-8")


def _is_utf8(value: bytes | None) -> bool:
    try:
        (value or b"").decode()
    except UnicodeDecodeError:
        return False
    return True


def _where(mask: Any, complaint: str) -> pl.Series:
    frame = pl.DataFrame({"mask": mask})
    return frame.select(pl.when("mask").then(pl.lit(complaint)).alias("why")).to_series()


def _is_text(kind: pa.DataType) -> bool:
    return (
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind)


def _render(table: pa.Table, row: int) -> str:
    return json.dumps(table.slice(row, 1).to_pylist()[0], default=str, ensure_ascii=False)
