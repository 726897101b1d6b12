"""What the schemas of contracts/landing accept becomes a row; what they refuse, a dead letter."""

import json
from functools import cache
from typing import Any

import jsonschema
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsrec_pipelines.etl.checks import Rules, check
from newsrec_pipelines.etl.jsonl import parse_lines
from newsrec_pipelines.schemas import ENTITIES
from support.etl import DAY, Record, article, at, impression, params, read, user
from support.postgres import REPOSITORY

EXAMPLES = {
    "articles": article(
        "a1", body="text", subcategory="tennis", image_url="i", tags=["x"], regions=["africa"]
    ),
    "users": user("u1", email="u1@example.org"),
    "impressions": impression("i1", slate_id="s", propensities=[0.5, 1]),
    "reads": read("r1", scroll=0.5, view_id="v", impression_id="i1"),
}
FIELDS = [(name, field) for name, record in EXAMPLES.items() for field in [*record, "received_at"]]
VALUES: list[Any] = [
    *(None, "", "text", "nul\0", " ", 0, 1, -1, 0.5, 1e9, True, False),
    *([], ["x"], ["a", "b"], ["a", ""], ["a", None], ["a", 1], [0, 1], [0.2, 1.5], [[]], "[]"),
    *({}, {"email_digest": True}, {"email_digest": None}, {"email_digest": "yes"}, '{"a": true}'),
    *(at(12), at(12).replace("+00:00", "Z"), "2026-03-01T13:00:00.123456+01:00"),
    *("2026-03-01T12:00:00", "2026-03-01", "2026-02-30T12:00:00Z", "2026-03-01T12:00:00+0100"),
    *("2026-03-01t12:00:00z", "2026-03-01T12:00Z", "2026-03-01 12:00:00Z", "1772366400"),
    *("site", "App", "hide", "click", "africa", "UTC"),
]


@cache
def _validator(entity: str) -> jsonschema.Draft202012Validator:
    schema = json.loads((REPOSITORY / f"contracts/landing/{entity}.schema.json").read_text())
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    assert "date-time" in checker.checkers
    return jsonschema.Draft202012Validator(schema, format_checker=checker)


def by_schema(entity: str, records: list[Record]) -> list[bool]:
    return [bool(_validator(entity).is_valid(r)) for r in records]


def by_etl(entity: str, records: list[Record]) -> list[bool]:
    raw = parse_lines(ENTITIES[entity], [json.dumps(r).encode() for r in records], 0)
    good, dead = check(ENTITIES[entity], raw, Rules(DAY, params().etl))
    assert sorted([*good["line"], *dead["line"]]) == list(range(1, len(records) + 1))
    return [n in good["line"] for n in range(1, len(records) + 1)]


@pytest.mark.parametrize("entity", ENTITIES)
def test_the_examples_are_accepted_by_both(entity: str) -> None:
    assert by_schema(entity, [EXAMPLES[entity]]) == by_etl(entity, [EXAMPLES[entity]]) == [True]


@pytest.mark.parametrize("entity", ENTITIES)
def test_both_agree_on_a_missing_field(entity: str) -> None:
    example = EXAMPLES[entity]
    records = [{k: v for k, v in example.items() if k != field} for field in example]

    assert by_etl(entity, records) == by_schema(entity, records)


@pytest.mark.parametrize(("entity", "field"), FIELDS)
def test_both_agree_on_any_value_of_a_field(entity: str, field: str) -> None:
    records = [{**EXAMPLES[entity], field: value} for value in VALUES]
    if entity == "impressions":  # no schema can compare the lengths of two lists
        records = [r for r in records if _fitting(r)]

    verdicts = zip(records, by_etl(entity, records), by_schema(entity, records), strict=True)

    assert [r[field] for r, ours, theirs in verdicts if ours != theirs] == []


def _fitting(record: Record) -> bool:
    shown, chances = record["article_ids"], record["propensities"]
    both = isinstance(shown, list) and isinstance(chances, list)
    return not both or len(shown) == len(chances)


@given(st.binary(max_size=60))
def test_no_line_stops_the_others(line: bytes) -> None:
    lines = [json.dumps(EXAMPLES["reads"]).encode(), line.replace(b"\n", b""), b'{"kind": 1}']

    raw = parse_lines(ENTITIES["reads"], lines, 0)
    good, dead = check(ENTITIES["reads"], raw, Rules(DAY, params().etl))

    assert good["line"].to_list() == [1]
    assert dead["line"].to_list() in ([2, 3], [3])
    assert not dead.select(pl.col("record").str.contains("\0", literal=True).any()).item()
