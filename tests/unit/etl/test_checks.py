"""The rules that make a row: what is known when, what is normalised, what is refused."""

import json
from datetime import datetime, timedelta

import pytest

from newsrec_pipelines.etl.checks import Rules, check
from newsrec_pipelines.etl.jsonl import parse_lines
from newsrec_pipelines.schemas import ENTITIES
from support.etl import DAY, Record, article, at, impression, params, read, user

RULES = Rules(DAY, params().etl)


def row(entity: str, record: Record) -> Record:
    good, _ = check(ENTITIES[entity], parse_lines(ENTITIES[entity], [_line(record)], 0), RULES)
    return good.row(0, named=True)


def reason(entity: str, record: Record) -> str:
    _, dead = check(ENTITIES[entity], parse_lines(ENTITIES[entity], [_line(record)], 0), RULES)
    return str(dead["reason"].item())


def _line(record: Record) -> bytes:
    return json.dumps(record).encode()


LAST = "2026-03-01T23:59:59.999999+00:00"


@pytest.mark.parametrize(
    ("changes", "known"),
    [
        ({"dwell_seconds": None}, at(12)),
        ({"dwell_seconds": 1.5}, "2026-03-01T12:00:01.500000+00:00"),
        ({"dwell_seconds": 7201}, at(12)),  # too long to be true: unknown
        ({"received_at": at(13)}, at(13)),
        ({"received_at": at(11)}, "2026-03-01T12:01:00+00:00"),  # never before its own end
        ({"read_at": at(-1)}, LAST),
        ({"read_at": at(-1), "received_at": at(7)}, at(7)),
        ({"read_at": at(-1), "received_at": at(-0.5)}, at(0)),  # it arrived on this day
        ({"read_at": at(23.99), "dwell_seconds": 600}, "2026-03-02T00:09:24+00:00"),
    ],
)
def test_a_read_is_available_when_it_could_be_known(changes: Record, known: str) -> None:
    assert row("reads", read("r1", **changes))["available_at"] == datetime.fromisoformat(known)


def test_versions_are_available_from_their_own_time_or_the_end_of_their_day() -> None:
    first = row("articles", article("a1"))
    corrected = row("articles", article("a1", published_at=at(-900)))

    assert first["available_at"] == first["published_at"]
    assert corrected["available_at"] == datetime.fromisoformat(LAST)


def test_dwell_above_the_limit_is_unknown_and_at_the_limit_known() -> None:
    limit = params().etl.max_dwell_seconds

    assert row("reads", read("r1", dwell_seconds=limit))["dwell_seconds"] == limit
    assert row("reads", read("r1", dwell_seconds=limit + 1))["dwell_seconds"] is None


def test_names_are_trimmed_and_in_lower_case_and_blank_ones_unknown() -> None:
    made = row("users", user("u1", region=" Africa\n", language="  ", preferred_categories=["A "]))

    assert made["region"] == "africa"
    assert made["language"] == "unknown"
    assert made["preferred_categories"] == ["a"]
    assert row("articles", article("a1", category="SPORT"))["category"] == "sport"


def test_ids_are_left_as_they_are() -> None:
    assert row("users", user(" Ü1 "))["user_id"] == " Ü1 "


@pytest.mark.parametrize(
    ("entity", "record", "expected"),
    [
        ("reads", read("r1", dwell_seconds=-1), "dwell_seconds: not a number of 0 or more"),
        ("reads", read("r1", dwell_seconds=True), "dwell_seconds: not a number"),
        ("reads", read("r1", kind="teleport"), "kind: none of click"),
        ("reads", read("r1", scroll=1.1), "scroll: not between 0 and 1"),
        ("reads", read(7), "event_id: not a string"),
        ("reads", read("r1", read_at=at(-73)), "read_at: more than 3 days before its arrival"),
        ("reads", read("r1", received_at="now"), "received_at: not an RFC 3339 time"),
        ("impressions", impression("i1", propensities=[1]), "propensities: not as many"),
        ("impressions", impression("i1", article_ids=["a", ""]), "article_ids: empty id"),
        ("articles", article("a1", published_at=at(25)), "published_at: in the future"),
        ("articles", article("a1", published_at="1066-10-14T09:00:00Z"), "published_at: before"),
        ("articles", article("a" * 1001), "article_id: longer than 1000 bytes"),
        ("users", user("u1", consents={"email_digest": 1}), "consents: not an object"),
    ],
)
def test_each_fault_has_its_reason(entity: str, record: Record, expected: str) -> None:
    assert reason(entity, record).startswith(expected)


def test_not_a_number_is_no_dwell() -> None:
    line = _line(read("r1")).replace(b"60.0", b"NaN")
    _, dead = check(ENTITIES["reads"], parse_lines(ENTITIES["reads"], [line], 0), RULES)

    assert dead["reason"][0].startswith("not JSON")


def test_unknown_fields_are_kept_in_canonical_form() -> None:
    assert row("reads", read("r1", z=1, a={"d": None, "c": "\0"}))["extra"] == (
        '{"a":{"c":"\\ufffd","d":null},"z":1}'
    )


def test_records_of_dead_letters_are_cut() -> None:
    raw = parse_lines(ENTITIES["reads"], [b"x" * 5000], 41)
    _, dead = check(ENTITIES["reads"], raw, RULES)

    assert len(dead["record"][0]) == 1000
    assert dead["line"][0] == 42
    assert RULES.end - RULES.start == timedelta(days=1)
