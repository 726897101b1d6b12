"""Whatever types a writer of Parquet chose, the columns become ours or their rows dead letters."""

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from newsrec_pipelines.etl.parquet import parse_table
from newsrec_pipelines.schemas import ENTITIES
from support.etl import impression, read, user

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAIVE = NOON.replace(tzinfo=None)


def parsed(entity: str, record: dict[str, Any], **columns: pa.Array) -> pl.DataFrame:
    table = pa.Table.from_pylist([record])
    for name, column in columns.items():
        if name in table.column_names:
            table = table.drop_columns([name])
        table = table.append_column(name, column)
    return parse_table(ENTITIES[entity], table, 0).frame


@pytest.mark.parametrize(
    "column",
    [
        pa.array([NOON], pa.timestamp("us", "UTC")),
        pa.array([NOON], pa.timestamp("ns", "America/Lima")),
        pa.array([NOON], pa.timestamp("s", "UTC")),
        pa.array(["2026-03-01T13:00:00+01:00"]),
        pa.array(["2026-03-01T12:00:00Z"], pa.large_string()).dictionary_encode(),
    ],
    ids=lambda a: str(a.type),
)
def test_times_with_an_offset_are_times(column: pa.Array) -> None:
    frame = parsed("reads", read("r1"), read_at=column)

    assert frame["read_at"].to_list() == [NOON]
    assert frame["reason"].to_list() == [None]


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (pa.array([NAIVE], pa.timestamp("us")), "read_at: time without offset"),
        (pa.array([1772366400]), "read_at: not a time"),
        (pa.array([2**60], pa.timestamp("s", "UTC")), "read_at: not a time between"),
        (pa.array(["noon"]), "read_at: not an RFC 3339 time"),
    ],
    ids=lambda value: str(getattr(value, "type", "")),
)
def test_other_times_are_dead_letters(column: pa.Array, reason: str) -> None:
    frame = parsed("reads", read("r1"), read_at=column)

    assert frame["read_at"].to_list() == [None]
    assert frame["reason"][0].startswith(reason)


@pytest.mark.parametrize(
    ("field", "column", "value", "reason"),
    [
        ("user_id", pa.array([7]), None, "user_id: not a string"),
        ("user_id", pa.array(["u"], pa.large_string()), "u", None),
        ("user_id", pa.array(["u"], pa.string_view()), "u", None),
        ("dwell_seconds", pa.array([7]), 7.0, None),
        ("dwell_seconds", pa.array([7.5], pa.float64()), 7.5, None),
        ("dwell_seconds", pa.array([None]), None, None),
        ("dwell_seconds", pa.array(["7"]), None, "dwell_seconds: not a number"),
    ],
)
def test_values_are_cast_as_columns(
    field: str, column: pa.Array, value: object, reason: str | None
) -> None:
    frame = parsed("reads", read("r1"), **{field: column})

    assert (frame[field].to_list(), frame["reason"].to_list()) == ([value], [reason])


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        (pa.array([["a"]], pa.large_list(pa.string())), ["a"], None),
        (pa.array([["a", "b"]], pa.list_(pa.string(), 2)), ["a", "b"], None),
        (pa.array([["a", None]]), None, "article_ids: not a list of strings"),
        (pa.array([[1]]), None, "article_ids: not a list of strings"),
        (pa.array(["a"]), None, "article_ids: not a list of strings"),
        (pa.array([[]], pa.list_(pa.null())), [], None),
    ],
    ids=lambda value: str(getattr(value, "type", "")),
)
def test_lists_are_cast_whole(
    column: pa.Array, value: list[str] | None, reason: str | None
) -> None:
    frame = parsed("impressions", impression("i1"), article_ids=column)

    assert (frame["article_ids"].to_list(), frame["reason"].to_list()) == ([value], [reason])


@pytest.mark.parametrize(
    "column",
    [
        pa.array(['{"b": false, "a": true}']),
        pa.array([{"a": True, "b": False, "c": None}]),
        pa.array([[("b", False), ("a", True)]], pa.map_(pa.string(), pa.bool_())),
    ],
    ids=lambda a: str(a.type),
)
def test_consents_may_be_text_struct_or_map(column: pa.Array) -> None:
    frame = parsed("users", user("u1"), consents=column)

    assert frame["consents"].to_list() == ['{"a":true,"b":false}']


def test_unknown_columns_are_kept_without_their_nulls() -> None:
    frame = parsed("reads", read("r1", device="phone", age=None))

    assert frame["extra"].to_list() == ['{"device":"phone"}']


def test_text_that_is_not_utf8_is_a_dead_letter_and_its_neighbour_is_not() -> None:
    bad = pa.array([b"\xff\xfe", b"u2"]).view(pa.binary())
    text = pa.Array.from_buffers(pa.string(), 2, bad.buffers())
    table = pa.Table.from_pylist([read("r1"), read("r2")]).drop_columns(["user_id"])

    raw = parse_table(ENTITIES["reads"], table.append_column("user_id", text), 0)

    assert raw.frame["reason"].to_list() == ["text that is not UTF-8", None]
    assert raw.frame["user_id"][1] == "u2"
    assert "\ufffd" in raw.record(0)
