"""Events are checked one by one against the contract and the clock."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsrec_api.use_cases.take_events import RESERVED, TakeEvents, parse
from support.fakes_api import Store
from support.seed import NOW


def read(**changes: Any) -> dict[str, Any]:
    event = {
        "type": "read",
        "event_id": "e-1",
        "user_id": "ana",
        "article_id": "a-1",
        "read_at": NOW.isoformat(),
        "kind": "read",
        "dwell_seconds": 12.5,
        "view_id": "v-1",
    }
    return {k: v for k, v in (event | changes).items() if v is not ...}


def impression(**changes: Any) -> dict[str, Any]:
    event = {
        "type": "impression",
        "impression_id": "i-1",
        "user_id": "ana",
        "shown_at": NOW.isoformat(),
        "surface": "site",
        "article_ids": ["a-1", "a-2"],
        "order_known": True,
    }
    return {k: v for k, v in (event | changes).items() if v is not ...}


def test_a_good_event_keeps_its_landing_fields_and_unknown_ones() -> None:
    event = parse(read(colour="green", scroll=None), NOW)
    assert (event.entity, event.event_id) == ("reads", "e-1")
    assert event.payload == {
        "event_id": "e-1",
        "user_id": "ana",
        "article_id": "a-1",
        "read_at": NOW.isoformat(),
        "kind": "read",
        "dwell_seconds": 12.5,
        "view_id": "v-1",
        "colour": "green",
    }


def test_times_are_kept_in_utc() -> None:
    local = NOW.astimezone(timezone(timedelta(hours=-5))).isoformat()
    assert parse(impression(shown_at=local), NOW).payload["shown_at"] == NOW.isoformat()


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (read(kind="stare"), "kind"),
        (read(event_id=...), "event_id"),
        (read(event_id=7), "event_id"),
        (read(event_id=""), "event_id"),
        (read(user_id="x" * 257), "user_id"),
        (read(article_id="a\nb"), "article_id"),
        (read(dwell_seconds=-1), "dwell_seconds"),
        (read(dwell_seconds=86401), "dwell_seconds"),
        (read(dwell_seconds=float("nan")), "dwell_seconds"),
        (read(dwell_seconds=float("inf")), "dwell_seconds"),
        (read(dwell_seconds="12"), "dwell_seconds"),
        (read(scroll=1.5), "scroll"),
        (read(read_at="2026-03-08T08:00:00"), "read_at"),
        (read(read_at=1772956800), "read_at"),
        (read(read_at="yesterday"), "read_at"),
        (read(read_at=(NOW + timedelta(minutes=11)).isoformat()), "future"),
        (read(read_at=(NOW - timedelta(days=7, seconds=1)).isoformat()), "days ago"),
        (read(note="a\x00b"), "U+0000"),
        (read(received_at=NOW.isoformat()), "received_at"),
        (impression(article_ids=[]), "article_ids"),
        (impression(article_ids=["a"] * 201), "article_ids"),
        (impression(surface="billboard"), "surface"),
        (impression(order_known="yes"), "order_known"),
        (impression(propensities=[0.5]), "propensities"),
        (impression(type="like"), "type"),
        ({}, "type"),
        ("text", ""),
        (None, ""),
        ([], ""),
    ],
)
def test_a_bad_event_is_rejected_with_the_reason(event: Any, why: str) -> None:
    receipt = TakeEvents(Store().repositories().events, lambda: NOW)([event, read()])
    assert [index for index, _ in receipt.rejected] == [0]
    assert why in receipt.rejected[0][1]
    assert sum(receipt.accepted.values()) == 1


def test_events_at_the_edges_of_the_time_window_are_taken() -> None:
    for moment in (NOW + timedelta(minutes=10), NOW - timedelta(days=7)):
        assert parse(read(read_at=moment.isoformat()), NOW).entity == "reads"


def test_the_same_ids_again_are_duplicates_also_within_one_batch() -> None:
    store = Store()
    take = TakeEvents(store.repositories().events, lambda: NOW)
    first = take([read(), read(), impression()])
    assert first.accepted == {"impressions": 1, "reads": 1}
    assert first.duplicates == {"impressions": 0, "reads": 1}
    again = take([read(), impression()])
    assert again.duplicates == {"impressions": 1, "reads": 1}
    assert len(store.events) == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(changes=st.dictionaries(st.sampled_from([*read(), *impression(), "extra_1"]), JSON))
def test_whatever_comes_an_event_is_kept_whole_or_rejected(changes: dict[str, Any]) -> None:
    for good in (read(), impression()):
        try:
            event = parse(good | changes, NOW)
        except ValueError:
            continue
        payload = json.loads(json.dumps(event.payload))
        assert not RESERVED & payload.keys()
        moment = payload["read_at" if event.entity == "reads" else "shown_at"]
        assert datetime.fromisoformat(moment).tzinfo == UTC
