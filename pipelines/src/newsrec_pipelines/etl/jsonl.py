"""JSON lines into columns: types are asked of whole columns, of single values only on trouble."""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any

import orjson
import polars as pl

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

_NULL = type(None)
_NUMBERS = {int, float, _NULL}


def parse_lines(entity: Entity, lines: Sequence[bytes], before: int) -> Raw:
    """Parse lines of a file, `before` of which come before the first; blank ones are no records."""
    numbers = [i for i, line in enumerate(lines) if not line.isspace() and line]
    kept = lines if len(numbers) == len(lines) else [lines[i] for i in numbers]
    objects, malformed = _objects(kept)
    columns: dict[str, pl.Series] = {}
    complaints: list[tuple[str, pl.Series]] = [("", malformed)] if malformed is not None else []
    for name, dtype in dtypes(entity).items():
        values = [o.get(name) for o in objects]
        columns[name], wrong = _column(name, dtype, values)
        if wrong is not None:
            complaints.append((f"{name}: ", wrong))
    known = {*entity.schema.names, RECEIVED_AT}
    extra = [None if known.issuperset(o) else _extra(o, known) for o in objects]
    columns["extra"] = pl.Series(extra, dtype=pl.String)
    columns["line"] = pl.Series(numbers, dtype=pl.Int64) + (before + 1)
    reasons = pl.DataFrame({str(i): s for i, (_, s) in enumerate(complaints)})
    reason = pl.coalesce(
        pl.lit(None, pl.String),
        *(pl.lit(prefix) + pl.col(str(i)) for i, (prefix, _) in enumerate(complaints)),
    )
    frame = pl.DataFrame(columns).with_columns(
        reasons.select(reason.alias("reason")).to_series() if complaints else reason.alias("reason")
    )
    return Raw(frame, lambda row: kept[row].rstrip(b"\r\n").decode(errors="replace"))


def _objects(lines: Iterable[bytes]) -> tuple[list[dict[str, Any]], pl.Series | None]:
    objects: list[dict[str, Any]] = []
    wrong: list[str | None] = []
    loads = orjson.loads
    for line in lines:
        complaint = None
        try:
            value = loads(line)
        except orjson.JSONDecodeError as e:
            value, complaint = {}, f"not JSON: {e.msg}"
        if type(value) is not dict:
            value, complaint = {}, "not a JSON object"
        objects.append(value)
        wrong.append(complaint)
    return objects, pl.Series(wrong, dtype=pl.String) if any(wrong) else None


def _column(name: str, dtype: pl.DataType, values: list[Any]) -> tuple[pl.Series, pl.Series | None]:
    """A typed column (null where ill-typed), and complaints when there are any."""
    if name == CONSENTS:
        values, _ = _repair(values, _are({dict, str, _NULL}), "")
        return parse_consents(values)
    if isinstance(dtype, pl.List):
        text = dtype.inner == pl.String
        values, wrong = _repair(
            values,
            _are_lists_of({str} if text else _NUMBERS - {_NULL}),
            f"not a list of {'strings' if text else 'numbers'}",
        )
        if not text:
            values = [None if v is None else [float(x) for x in v] for v in values]
        return pl.Series(values, dtype=dtype), wrong
    if dtype == pl.Float32:
        values, wrong = _repair(values, _are(_NUMBERS), "not a number")
        floats = [None if v is None else float(v) for v in values]
        return pl.Series(floats, dtype=pl.Float64).cast(dtype), wrong
    if dtype == pl.Boolean:
        values, wrong = _repair(values, _are({bool, _NULL}), "not true or false")
        return pl.Series(values, dtype=dtype), wrong
    values, wrong = _repair(values, _are({str, _NULL}), "not a string")
    texts = pl.Series(values, dtype=pl.String)
    if dtype != TIME:
        return texts, wrong
    times, ill = parse_times(texts)
    if ill.null_count() < len(ill):
        wrong = ill if wrong is None else wrong.zip_with(wrong.is_not_null(), ill)
    return times, wrong


def _repair(
    values: list[Any], good: Callable[[list[Any]], bool], complaint: str
) -> tuple[list[Any], pl.Series | None]:
    if good(values):
        return values, None
    wrong = [not good([v]) for v in values]
    repaired = [None if bad else v for v, bad in zip(values, wrong, strict=True)]
    return repaired, pl.Series([complaint if bad else None for bad in wrong], dtype=pl.String)


def _are(kinds: set[type]) -> Callable[[list[Any]], bool]:
    return lambda values: kinds.issuperset(map(type, values))


def _are_lists_of(kinds: set[type]) -> Callable[[list[Any]], bool]:
    def good(values: list[Any]) -> bool:
        return {list, _NULL}.issuperset(map(type, values)) and kinds.issuperset(
            map(type, chain.from_iterable(v for v in values if v))
        )

    return good


def _extra(record: dict[str, Any], known: set[str]) -> str:
    return json_text({k: v for k, v in record.items() if k not in known})
