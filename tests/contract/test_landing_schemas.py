"""The landing contract: what passes, what does not, and that it agrees with the code."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from newsrec_pipelines.schemas import ENTITIES, READ_KINDS, SURFACES, Entity
from support.landing import contract

AT = "2026-03-01T07:30:00.5+01:00"
EXAMPLES: dict[str, dict[str, Any]] = {
    "articles": {
        "article_id": "mind:N1",
        "publisher": "unknown",
        "title": "",
        "category": "sports",
        "language": "en",
        "url": "",
        "published_at": AT,
    },
    "users": {
        "user_id": "u:1",
        "region": "africa",
        "language": "fr",
        "timezone": "Africa/Dakar",
        "preferred_categories": [],
        "joined_at": AT,
        "consents": {"email_digest": True},
    },
    "impressions": {
        "impression_id": "i:1",
        "user_id": "u:1",
        "shown_at": AT,
        "surface": "site",
        "article_ids": ["mind:N1"],
        "order_known": False,
    },
    "reads": {
        "event_id": "e:1",
        "user_id": "u:1",
        "article_id": "mind:N1",
        "read_at": AT,
        "kind": "click",
    },
}
OPTIONAL: dict[str, dict[str, Any]] = {
    "articles": {
        "abstract": "a",
        "body": "b",
        "subcategory": "soccer",
        "image_url": "https://example.org/1.jpg",
        "tags": ["x"],
        "regions": ["africa"],
    },
    "users": {"email": "ada@example.org"},
    "impressions": {"slate_id": "run:champion:u:1", "propensities": [0.5]},
    "reads": {"dwell_seconds": 12.5, "scroll": 0.4, "view_id": "v:1", "impression_id": "i:1"},
}
REQUIRED = [(e.name, field) for e in ENTITIES.values() for field in e.required]
TIMES = [
    (e.name, f.name) for e in ENTITIES.values() for f in e.schema if pa.types.is_timestamp(f.type)
]


def passes(name: str, record: dict[str, Any]) -> bool:
    return contract(name).is_valid(record)


@pytest.mark.parametrize("name", ENTITIES)
def test_a_contract_is_a_valid_json_schema(name: str) -> None:
    Draft202012Validator.check_schema(contract(name).schema)


@pytest.mark.parametrize("name", ENTITIES)
def test_a_record_may_have_required_fields_only_or_all_or_unknown_ones(name: str) -> None:
    nulls = dict.fromkeys(OPTIONAL[name])
    for more in ({}, OPTIONAL[name], nulls, {"received_at": AT}, {"new_in_2027": [1]}):
        contract(name).validate(EXAMPLES[name] | more)


@pytest.mark.parametrize(("name", "field"), REQUIRED)
def test_a_missing_or_ill_typed_required_field_fails(name: str, field: str) -> None:
    record = EXAMPLES[name]
    assert not passes(name, {k: v for k, v in record.items() if k != field})
    for wrong in (None, 7, {"a": 1}):
        assert not passes(name, record | {field: wrong})


@pytest.mark.parametrize(
    ("name", "field"), [(name, field) for name in OPTIONAL for field in OPTIONAL[name]]
)
def test_an_ill_typed_optional_field_fails(name: str, field: str) -> None:
    assert not passes(name, EXAMPLES[name] | {field: {"a": 1}})


@pytest.mark.parametrize(("name", "field"), [*TIMES, ("reads", "received_at")])
@pytest.mark.parametrize("wrong", ["2026-03-01", "2026-03-01T07:30:00", "1.3.2026 7:30", ""])
def test_a_time_without_offset_fails(name: str, field: str, wrong: str) -> None:
    assert not passes(name, EXAMPLES[name] | {field: wrong})


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("impressions", {"article_ids": []}),
        ("impressions", {"article_ids": [1]}),
        ("impressions", {"article_ids": [""]}),
        ("impressions", {"article_ids": [None]}),
        ("impressions", {"surface": "fridge"}),
        ("impressions", {"propensities": [1.5]}),
        ("impressions", {"propensities": [None]}),
        ("reads", {"kind": "stare"}),
        ("reads", {"dwell_seconds": -1}),
        ("reads", {"scroll": 40}),
        ("reads", {"event_id": ""}),
        ("reads", {"article_id": "a\x00b"}),
        ("users", {"consents": {"email_digest": "yes"}}),
        ("users", {"consents": "yes"}),
        ("users", {"preferred_categories": "sports"}),
    ],
)
def test_a_value_outside_its_range_fails(name: str, wrong: dict[str, Any]) -> None:
    assert not passes(name, EXAMPLES[name] | wrong)


def test_parquet_carries_consents_as_json_text() -> None:
    assert passes("users", EXAMPLES["users"] | {"consents": '{"email_digest": true}'})


@pytest.mark.parametrize("entity", ENTITIES.values(), ids=ENTITIES)
def test_contract_and_code_name_the_same_fields(entity: Entity) -> None:
    schema = contract(entity.name).schema
    assert list(schema["properties"]) == [*entity.schema.names, "received_at"]
    assert schema["required"] == list(entity.required)
    assert schema["additionalProperties"] is True
    assert [f.name for f in entity.schema if not f.nullable] == schema["required"]


@pytest.mark.parametrize("entity", ENTITIES.values(), ids=ENTITIES)
def test_contract_and_code_give_the_fields_the_same_types(entity: Entity) -> None:
    good = EXAMPLES[entity.name] | OPTIONAL[entity.name]
    assert set(good) == set(entity.schema.names)
    for field in entity.schema:
        assert type(good[field.name]) in _PYTHON[_base(field.type)], field.name


def test_contract_and_code_enumerate_the_same_surfaces_and_kinds() -> None:
    assert tuple(contract("impressions").schema["properties"]["surface"]["enum"]) == SURFACES
    assert tuple(contract("reads").schema["properties"]["kind"]["enum"]) == READ_KINDS


@given(st.sampled_from(list(EXAMPLES)), st.text(min_size=1), st.none() | st.text() | st.floats())
def test_an_unknown_field_never_breaks_a_record(name: str, field: str, value: object) -> None:
    if field not in contract(name).schema["properties"]:
        assert passes(name, EXAMPLES[name] | {field: value})


def test_the_folder_holds_one_contract_per_entity() -> None:
    folder = Path(__file__).parents[2] / "contracts" / "landing"
    files = {f.name: json.loads(f.read_text()) for f in folder.glob("*.json")}
    assert set(files) == {f"{name}.schema.json" for name in ENTITIES}


_PYTHON: dict[str, set[type]] = {
    "string": {str, dict},  # consents: an object in JSON, its text in Parquet
    "timestamp": {str},
    "bool": {bool},
    "float": {float},
    "list": {list},
}


def _base(kind: pa.DataType) -> str:
    return str(kind).split("[")[0].split("<")[0]
