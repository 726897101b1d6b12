"""Counters against a recount of the events, whatever the stream and the moment asked."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import polars.selectors as cs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from newsrec_pipelines import partitions
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.features import snapshots
from newsrec_pipelines.features.article_counters import (
    article_activity,
    article_counters,
    article_day_counters,
)
from newsrec_pipelines.features.counters import merge, update_counters
from newsrec_pipelines.features.raw import KEYS, MEASURES
from newsrec_pipelines.features.user_counters import user_counters
from newsrec_pipelines.features.views import views
from newsrec_pipelines.features.windows import SPANS, WINDOWS, article_windows
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.store import Store
from support.feature_events import DAY, MIDNIGHT, at, frame, write_clean
from support.postgres import REPOSITORY

PARAMS = Params.load(REPOSITORY / "params.yaml")
DAYS = [DAY + timedelta(days=n) for n in range(3)]

seconds = st.integers(0, 3 * 86_400 - 1)
events = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        seconds,
        st.sampled_from(["shown", "click", "view"]),
        st.one_of(st.none(), st.integers(0, 7_200_000).map(lambda ms: ms / 1000)),
    ),
    max_size=40,
)


def moment(second: float) -> datetime:
    return MIDNIGHT + timedelta(seconds=second)


def stream(drawn: list[tuple[str, int, str, float | None]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Reads and impressions; of a view, the click is known at once and the dwell at its end."""
    reads: list[dict[str, Any]] = []
    shown: list[dict[str, Any]] = []
    for n, (article, second, kind, dwell) in enumerate(drawn):
        if kind == "shown":
            shown.append(
                {"impression_id": f"{n}", "shown_at": moment(second), "article_ids": [article, "c"]}
            )
            continue
        read = {"article_id": article, "read_at": moment(second), "view_id": f"v{n}"}
        reads.append(read | {"event_id": f"{n}-click"})
        if kind == "view":
            reads.append(read | {"event_id": f"{n}-read", "kind": "read", "dwell_seconds": dwell})
    return frame("reads", reads), frame("impressions", shown)


def daily(reads: pl.DataFrame, shown: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """All rows of the views of articles, made day by day as the ETL makes them."""
    state: dict[str, pl.DataFrame] = {}
    rows: dict[str, list[pl.DataFrame]] = {}
    for day in DAYS:
        end = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
        known = views(reads.filter(pl.col("available_at") < end))
        activity = article_activity(known, shown, day, PARAMS.features)
        counted = {
            "article": pl.concat(article_counters(activity, state.get("article"), day, PARAMS)),
            "article_day": article_day_counters(activity, state.get("article_day"), day, PARAMS),
        }
        for view, of_view in counted.items():
            state[view] = merge(state.get(view), of_view, KEYS[view])
            rows.setdefault(view, []).append(of_view)
    return {view: pl.concat(parts) for view, parts in rows.items()}


def last_row(rows: pl.DataFrame, article: str, before: datetime) -> pl.DataFrame:
    """The last row of an article before a moment; nulls when there is none."""
    last = rows.filter(
        (pl.col("article_id") == article) & (pl.col("event_timestamp") <= before)
    ).tail(1)
    return last if last.height else pl.DataFrame([dict.fromkeys(rows.columns)], schema=rows.schema)


def recount(
    reads: pl.DataFrame, shown: pl.DataFrame, article: str, since: datetime, until: datetime
) -> dict[str, float]:
    within = pl.col("available_at").is_between(since, until, closed="left")
    mine = reads.filter(pl.col("article_id") == article)
    dwelt = mine.filter(within & pl.col("dwell_seconds").is_not_null())
    return {
        # Every view of the stream begins with its click.
        "clicks": mine.filter(within & (pl.col("kind") == "click")).height,
        "exposures": shown.filter(within & pl.col("article_ids").list.contains(article)).height,
        "dwell": dwelt["dwell_seconds"].cast(pl.Float64).sum(),
        "reads": dwelt.height,
    }


@settings(max_examples=40, deadline=None)
@given(events, st.lists(seconds, min_size=1, max_size=4))
def test_ring_windows_equal_a_recount_of_the_events_at_any_moment(
    drawn: list[tuple[str, int, str, float | None]], asked: list[int]
) -> None:
    reads, shown = stream(drawn)
    rows = daily(reads, shown)
    for second in asked:
        for article in ("a", "b", "c"):
            last, last_day = (
                last_row(rows[view], article, moment(second)) for view in ("article", "article_day")
            )
            row = last.with_columns(
                last_day.select(cs.ends_with("_days"), day_stamped_at="stamped_at"),
                asked=pl.lit(moment(second)),
            )
            got = article_windows(row, "asked", PARAMS.features)
            ended = moment(second // 600 * 600)
            for name, (measure, span) in WINDOWS.items():
                # "24 hours" ends with the hour, days end with the day.
                grain = {"24h": 3600, "7d": 86_400, "30d": 86_400}.get(span, 600)
                end = moment(-(-(second // 600 * 600) // grain) * grain)
                since = end - timedelta(minutes=SPANS[span])
                expected = recount(reads, shown, article, since, ended)[measure]
                assert got.item(0, name) == pytest.approx(expected, abs=0.01), name


@settings(max_examples=30, deadline=None)
@given(events)
def test_day_by_day_and_all_at_once_give_the_same_totals(
    drawn: list[tuple[str, int, str, float | None]],
) -> None:
    reads, shown = stream(drawn)
    rows = daily(reads, shown)["article"]
    for article in ("a", "b", "c"):
        last = rows.filter(pl.col("article_id") == article).tail(1)
        expected = recount(reads, shown, article, moment(0), moment(3 * 86_400))
        for name in MEASURES:
            total = last.item(0, f"{name}_total") if last.height else 0
            assert total == pytest.approx(expected[name], abs=0.01)


@settings(max_examples=30, deadline=None)
@given(events)
def test_decayed_sums_of_a_reader_are_those_of_all_events_at_once(
    drawn: list[tuple[str, int, str, float | None]],
) -> None:
    reads, _ = stream(drawn)
    known = views(reads)
    state = None
    for day in DAYS:
        state = merge(state, user_counters(known, state, day, PARAMS), KEYS["user"])
    if not state.height:
        return
    row = state.row(0, named=True)
    end, half_life = row["event_timestamp"], PARAMS.features.user_half_life_days
    counted = known.filter(pl.col("opened_at") < end)
    ages = [(end - opened) / timedelta(days=1) for opened in counted["opened_at"]]
    assert row["reads_total"] == counted.height
    assert row["reads_decayed"] == pytest.approx(sum(0.5 ** (age / half_life) for age in ages))
    assert row["last_read_at"] == counted["opened_at"].max()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store((tmp_path / "store").as_uri())


def rows_of(store: Store, view: str, day: int) -> pl.DataFrame:
    manifest = partitions.read_manifest(store, f"counters/{view}", DAYS[day])
    assert manifest is not None
    lazy = partitions.scan(store, [manifest])
    assert lazy is not None
    return lazy.collect()


def click(event_id: str, when: datetime, **more: Any) -> dict[str, Any]:
    return {"event_id": event_id, "article_id": "a", "read_at": when} | more


def test_a_late_event_counts_on_its_arrival_and_changes_no_earlier_day(store: Store) -> None:
    on_time = click("1", at(10))
    write_clean(store, "reads", frame("reads", [on_time]))
    update_counters(store, DAYS[0], PARAMS, "first")
    before = {view: rows_of(store, view, 0) for view in KEYS}
    late = click("2", at(11), available_at=at(47.9))
    write_clean(store, "reads", frame("reads", [on_time, late]), batch="second")
    update_counters(store, DAYS[0], PARAMS, "again")
    update_counters(store, DAYS[1], PARAMS, "second")
    for view, rows in before.items():
        assert_frame_equal(rows_of(store, view, 0), rows)
    added = rows_of(store, "article", 1)
    assert added["event_timestamp"].to_list() == [at(48)]
    assert added["clicks_total"].to_list() == [2]
    assert added["clicks_coarse"][0].to_list() == [0] * 23 + [1]


def test_the_same_day_twice_writes_the_same_bytes(store: Store) -> None:
    reads = [
        click(f"{n}", at(n % 20), user_id=f"u{n % 7}", dwell_seconds=0.1 * n) for n in range(90)
    ]
    write_clean(store, "reads", frame("reads", reads))
    hashes = []
    for batch in ("one", "two"):
        counts = update_counters(store, DAYS[0], PARAMS, batch)
        datasets = [f"counters/{v}{s}" for v in KEYS for s in ("", "_state")]
        parts = [m for d in datasets for m in partitions.manifests(store, d)]
        hashes.append((counts, partitions.data_hash(parts)))
        assert [k for k in store.keys("counters") if k.endswith(".parquet")] == sorted(
            f.key for m in parts for f in m.files
        )
    assert hashes[0] == hashes[1]


def test_a_lost_snapshot_changes_no_counter(store: Store) -> None:
    reads = [click("1", at(10)), click("2", at(30)), click("3", at(50))]
    write_clean(store, "reads", frame("reads", reads))
    for day in DAYS:
        update_counters(store, day, PARAMS, "b")
    expected = {view: rows_of(store, view, 2) for view in KEYS}
    for view in set(KEYS) - {"exposure_history"}:
        store.remove(f"counters/{view}_state/day={DAYS[1]}")
    update_counters(store, DAYS[2], PARAMS, "b")
    for view, rows in expected.items():
        assert_frame_equal(rows_of(store, view, 2), rows)


def test_a_click_and_its_read_after_midnight_are_one_view(store: Store) -> None:
    view = {"view_id": "v"}
    reads = [
        click("1", at(23.9), **view),
        click("2", at(23.9), kind="read", dwell_seconds=900.0, **view),
    ]
    write_clean(store, "reads", frame("reads", reads))
    for day in DAYS[:2]:
        update_counters(store, day, PARAMS, "b")
    last = rows_of(store, "article", 1)
    assert last.select("clicks_total", "reads_total", "dwell_total").rows() == [(1, 1, 900.0)]
    assert rows_of(store, "user", 1).select("reads_total", "dwell_total").rows() == [(1, 900.0)]


def test_likes_open_nothing_and_unknown_dwell_is_no_read(store: Store) -> None:
    reads = [click("1", at(1), kind="like"), click("2", at(2)), click("3", at(3), kind="read")]
    write_clean(store, "reads", frame("reads", reads))
    update_counters(store, DAYS[0], PARAMS, "b")
    last = rows_of(store, "article", 0).tail(1)
    assert last.select("clicks_total", "reads_total", "dwell_total").rows() == [(2, 0, 0.0)]


def test_categories_are_those_known_by_the_end_of_the_day(store: Store) -> None:
    write_clean(store, "reads", frame("reads", [click("1", at(10)), click("2", at(30))]))
    article = {"article_id": "a", "published_at": at(9)}
    versions = [article, article | {"category": "politics", "available_at": at(26)}]
    write_clean(store, "articles", frame("articles", versions[:1]))
    write_clean(store, "articles", frame("articles", versions[1:]))
    update_counters(store, DAYS[0], PARAMS, "b")
    update_counters(store, DAYS[1], PARAMS, "b")
    assert rows_of(store, "user_category", 0)["category"].to_list() == ["sport"]
    assert rows_of(store, "user_category", 1)["category"].to_list() == ["politics"]


def test_an_article_nobody_told_of_has_an_unknown_category(store: Store) -> None:
    write_clean(store, "reads", frame("reads", [click("1", at(10))]))
    update_counters(store, DAYS[0], PARAMS, "b")
    assert rows_of(store, "user_category", 0)["category"].to_list() == ["unknown"]


def test_a_day_without_events_has_empty_counters_and_keeps_the_state(store: Store) -> None:
    write_clean(store, "reads", frame("reads", [click("1", at(10))]))
    update_counters(store, DAYS[0], PARAMS, "b")
    assert update_counters(store, DAYS[1], PARAMS, "b") == dict.fromkeys(KEYS, 0)
    state = snapshots.last_rows(store, "article", at(48))
    assert state is not None
    assert state["clicks_total"].to_list() == [1]


def test_an_article_silent_for_a_week_leaves_the_state(store: Store) -> None:
    write_clean(store, "reads", frame("reads", [click("1", at(10))]))
    update_counters(store, DAYS[0], PARAMS, "b")
    for n in range(1, 8):
        update_counters(store, DAY + timedelta(days=n), PARAMS, "b")
    state = snapshots.last_rows(store, "article", at(8 * 24))
    assert state is not None
    assert state.is_empty()
    readers = snapshots.last_rows(store, "user", at(8 * 24))
    assert readers is not None
    assert readers.height == 1


def test_counters_of_another_resolution_are_refused_in_one_line(store: Store) -> None:
    write_clean(store, "reads", frame("reads", [click("1", at(10)), click("2", at(30))]))
    update_counters(store, DAYS[0], PARAMS, "b")
    longer = PARAMS.features.model_copy(update={"fine_buckets": 24})
    with pytest.raises(DataError, match="other features parameters"):
        update_counters(store, DAYS[1], PARAMS.model_copy(update={"features": longer}), "b")


def test_many_articles_are_counted_in_parts_of_one_partition(store: Store) -> None:
    shown = {
        "impression_id": "i",
        "shown_at": at(10),
        "article_ids": [f"a{n}" for n in range(4500)],
    }
    write_clean(store, "impressions", frame("impressions", [shown]))
    assert update_counters(store, DAYS[0], PARAMS, "b")["article"] == 4500
    manifest = partitions.read_manifest(store, "counters/article", DAYS[0])
    assert manifest is not None
    assert [file.rows for file in manifest.files] == [2000, 2000, 500]
    counted = rows_of(store, "article", 0)
    assert counted["exposures_total"].to_list() == [1] * 4500
    assert counted["article_id"].is_sorted()
    state = snapshots.last_rows(store, "article", at(24))
    assert state is not None
    assert_frame_equal(state, counted)
