"""Deduplication leaves the same rows in whatever order, and however often, records come."""

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from newsrec_pipelines.etl.dedupe import dedupe
from newsrec_pipelines.schemas import ARTICLES, READS

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RECORDS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 2), st.sampled_from(["x", "y", None])),
    min_size=1,
    max_size=12,
)


def events(records: list[tuple[str, int, str | None]]) -> pl.DataFrame:
    rows = [(k, v, NOON + timedelta(hours=h)) for k, h, v in records]
    return pl.DataFrame(rows, ["event_id", "view_id", "available_at"], orient="row")


def versions(records: list[tuple[str, int, str | None]]) -> pl.DataFrame:
    rows = [(k, v, NOON + timedelta(hours=h), "f", n) for n, (k, h, v) in enumerate(records)]
    columns = ["article_id", "title", "available_at", "file", "line"]
    return pl.DataFrame(rows, columns, orient="row")


@given(RECORDS, st.randoms(use_true_random=False))
def test_events_are_the_same_in_any_order(records: list, random: object) -> None:
    shuffled = sorted(records * 2, key=lambda _: random.random())  # type: ignore[attr-defined]

    once, again = dedupe(READS, events(records)), dedupe(READS, events(shuffled))

    assert once.equals(again)
    assert once.equals(dedupe(READS, once))
    assert once["event_id"].to_list() == sorted({k for k, *_ in records})


@given(RECORDS)
def test_events_are_placed_by_what_was_known_first(records: list) -> None:
    kept = dedupe(READS, events(records))

    first = {k: min(h for k2, h, _ in records if k2 == k) for k, *_ in records}
    for key, _, available_at in kept.iter_rows():
        assert available_at == NOON + timedelta(hours=first[key])


@given(RECORDS, st.randoms(use_true_random=False))
def test_the_last_version_of_a_moment_wins(records: list, random: object) -> None:
    frame = versions(records)
    order = sorted(range(len(records)), key=lambda _: random.random())  # type: ignore[attr-defined]

    kept = dedupe(ARTICLES, frame[order])

    last = {(k, h): v for k, h, v in records}
    assert kept.height == len(last)
    for key, title, available_at, *_ in kept.iter_rows():
        assert title == last[key, (available_at - NOON) // timedelta(hours=1)]
