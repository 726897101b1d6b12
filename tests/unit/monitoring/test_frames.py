"""The contract of clean partitions: what breaks it is named, what keeps it is not."""

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from newsrec_pipelines.monitoring import frames
from newsrec_pipelines.monitoring.checks import shares
from newsrec_pipelines.parameters import CheckParams, EtlParams
from newsrec_pipelines.schemas import ARTICLES, READS, USERS

DAY = date(2026, 3, 10)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
ETL = EtlParams(late_days=3, future_tolerance_minutes=10, max_dwell_seconds=7200)


def reads(**changes: list[Any]) -> pl.DataFrame:
    """Two good reads, with other values in some columns."""
    columns: dict[str, list[Any]] = {
        "event_id": ["e1", "e2"],
        "user_id": ["u1", "u2"],
        "article_id": ["a1", "a1"],
        "read_at": [NOON, NOON],
        "kind": ["click", "read"],
        "dwell_seconds": [None, 30.0],
        "scroll": [None, 0.5],
        "view_id": ["v1", "v2"],
        "impression_id": [None, None],
        "extra": [None, None],
        "available_at": [NOON, NOON],
        "batch_id": ["b", "b"],
    }
    schema = pl.DataFrame(READS.clean_schema.empty_table()).schema
    return pl.DataFrame(columns | changes, schema=schema)


def test_a_good_partition_has_no_faults() -> None:
    assert frames.faults(reads(), READS, DAY, ETL) == []
    assert frames.faults(reads().clear(), READS, DAY, ETL) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"user_id": ["u1", None]}, "user_id is null in 1 rows"),
        ({"event_id": ["e1", "e1"]}, "event_id of 1 rows is known already"),
        ({"kind": ["click", "stare"]}, "kind of 1 rows is not"),
        ({"dwell_seconds": [-1.0, 8000.0]}, "dwell_seconds of 2 rows is not"),
        ({"scroll": [None, 1.5]}, "scroll of 1 rows is not"),
        ({"read_at": [NOON, NOON.replace(day=11)]}, "read_at of 1 rows is not"),
        ({"read_at": [NOON, NOON.replace(day=9)]}, "read_at of 1 rows is not"),
    ],
)
def test_each_fault_is_named(changes: dict[str, list[Any]], words: str) -> None:
    (fault,) = frames.faults(reads(**changes), READS, DAY, ETL)

    assert fault.startswith(words)


def test_a_column_that_is_missing_or_of_another_type_is_named() -> None:
    frame = reads().drop("kind").with_columns(pl.col("dwell_seconds").cast(pl.String))

    assert frames.faults(frame, READS, DAY, ETL) == [
        "no kind",
        "dwell_seconds is String, not Float32",
    ]


def test_names_that_nobody_knows_are_counted_once_a_row() -> None:
    users = pl.DataFrame(
        {
            "language": ["en", "pt-br", "unknown", "klingon"],
            "region": ["africa", "atlantis", "unknown", "africa"],
        }
    )
    articles = pl.DataFrame({"language": ["en", "en"], "category": ["sport", "unknown"]})

    assert frames.without_name(users, USERS) == 0.75
    assert frames.without_name(articles, ARTICLES) == 0.5
    assert frames.without_name(articles.clear(), ARTICLES) == 0


def test_dead_letters_stop_and_duplicates_warn() -> None:
    counts = {
        "reads": {
            "records": 100,
            "duplicates": 20,
            "known": 5,
            "dead_letters": {"not JSON": 4, "kind: missing": 2},
        }
    }

    dead, copies = shares(counts, CheckParams())

    assert (dead.value, dead.stops, dead.name) == (0.06, True, "dead_letters")
    assert (copies.value, copies.passed, copies.stops) == (0.25, False, False)
    assert all(c.passed for c in shares({}, CheckParams()))
