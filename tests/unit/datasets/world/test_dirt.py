"""Broken lines must be broken, whatever record they were made of."""

import json
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from newsrec_pipelines.datasets.world.dirt import count, dirty_lines, line
from newsrec_pipelines.parameters import DirtParams
from newsrec_pipelines.schemas import READS

RECORD = {
    "event_id": "e1",
    "user_id": "u1",
    "article_id": "a1",
    "read_at": "2026-03-01T10:00:00+00:00",
    "kind": "click",
}


def make(seed: int, **shares: float) -> list[bytes]:
    dirt = DirtParams(**{**dict.fromkeys(("malformed", "ill_typed", "duplicates"), 0.0), **shares})

    def sample(n: int) -> list[dict[str, Any]]:
        return [RECORD] * n

    return dirty_lines(np.random.default_rng(seed), READS, sample, 100, dirt)


@given(st.integers(0, 10_000))
def test_a_malformed_line_is_never_json(seed: int) -> None:
    for one in make(seed, malformed=0.05):
        try:
            json.loads(one)
        except ValueError:
            continue
        raise AssertionError(one)


@given(st.integers(0, 10_000))
def test_an_ill_typed_record_misses_or_mistypes_exactly_one_required_field(seed: int) -> None:
    for one in make(seed, ill_typed=0.05):
        record = json.loads(one)
        record_without_key = {**RECORD, "event_id": record.get("event_id")}
        wrong = [k for k in READS.required if record.get(k) != record_without_key[k]]
        if "event_id" not in record or record["event_id"] == 12345:
            wrong.append("event_id")
        assert len(wrong) == 1
        assert record.get(wrong[0]) in (None, 12345, "yesterday at noon")


def test_a_duplicate_is_the_very_same_record() -> None:
    assert make(1, duplicates=0.02) == [line(RECORD)] * 2


def test_a_share_above_zero_gives_at_least_one_record() -> None:
    assert [count(0.0, 50), count(0.001, 50), count(0.1, 50), count(0.1, 0)] == [0, 1, 5, 0]
