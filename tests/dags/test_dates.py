"""Which day a run is about, and what it may know: by schedule, by hand, by asset, by alert."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newsrec_dags import dates

NOON = datetime(2026, 3, 6, 12, 30, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(2016, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


class Asset(NamedTuple):
    """What an asset is known by."""

    name: str


COUNTERS, CHAMPION = Asset("counters"), Asset("champion")


def context(
    run_after: datetime = NOON,
    logical: datetime | None = None,
    kind: str = "manual",
    day: str | None = None,
    events: Mapping[Any, list[Any]] | None = None,
    last_success: datetime | None = None,
) -> dict[str, Any]:
    """What Airflow tells a task."""
    return {
        "params": {"day": day},
        "dag_run": SimpleNamespace(logical_date=logical, run_after=run_after, run_type=kind),
        "triggering_asset_events": events or {},
        "prev_data_interval_end_success": last_success,
    }


def event(at: datetime, **extra: str) -> Any:
    return SimpleNamespace(timestamp=at, extra=extra)


def hour(begin: datetime, **more: Any) -> dict[str, Any]:
    """A scheduled run of the hour that begins then."""
    return context(begin + timedelta(hours=1), begin, "scheduled", **more)


def test_a_run_with_a_date_is_about_it() -> None:
    assert dates.day_of(hour(datetime(2026, 3, 5, 23, tzinfo=UTC))) == date(2026, 3, 5)
    assert dates.day_of(context(logical=datetime(2020, 1, 1, tzinfo=UTC))) == date(2020, 1, 1)


def test_the_parameter_is_stronger_than_the_date() -> None:
    logical = datetime(2026, 3, 5, tzinfo=UTC)
    assert dates.day_of(context(logical=logical, day="2026-02-28")) == date(2026, 2, 28)


def test_a_parameter_that_is_no_date_is_refused() -> None:
    with pytest.raises(ValueError, match="tomorrow"):
        dates.day_of(context(day="tomorrow"))


def test_a_run_of_an_asset_is_about_the_day_of_its_newest_event() -> None:
    events = {
        COUNTERS: [
            event(NOON, day="2026-03-04"),
            event(NOON - timedelta(hours=1), day="1999-01-01"),
        ],
        CHAMPION: [event(NOON - timedelta(hours=2), day="1999-01-02")],
    }
    assert dates.day_of(context(events=events)) == date(2026, 3, 4)


def test_a_run_that_nobody_dated_is_about_yesterday_or_today() -> None:
    # As an alert, or `dags trigger` without a date, starts it; an event from outside says nothing.
    for events in ({}, {COUNTERS: [SimpleNamespace(timestamp=NOON, extra=None)]}):
        undated = context(events=events)
        assert dates.day(undated) == "2026-03-05"
        assert dates.today(undated) == "2026-03-06"


@pytest.mark.parametrize(
    ("begin", "last_success", "first"),
    [
        # The hour before was good.
        ("2026-03-06T12", "2026-03-06T12", "2026-03-06"),
        # The first hour of a day closes the day before.
        ("2026-03-06T00", "2026-03-06T00", "2026-03-05"),
        ("2026-03-06T01", "2026-03-06T01", "2026-03-06"),
        # After an outage over midnight, and over two days.
        ("2026-03-06T02", "2026-03-05T21", "2026-03-05"),
        ("2026-03-06T02", "2026-03-04T03", "2026-03-04"),
        # After weeks: back-fill is a person's decision.
        ("2026-03-30T02", "2026-03-04T03", "2026-03-23"),
        # The first run of all, and one that is tried again after later ones.
        ("2026-03-06T12", None, "2026-03-06"),
        ("2026-03-06T12", "2026-03-09T12", "2026-03-06"),
    ],
)
def test_an_ingest_begins_where_the_last_good_one_ended(
    begin: str, last_success: str | None, first: str
) -> None:
    done = datetime.fromisoformat(f"{last_success}:00:00+00:00") if last_success else None
    run = hour(datetime.fromisoformat(f"{begin}:00:00+00:00"), last_success=done)
    assert dates.first_day(run) == first


@pytest.mark.parametrize("kind", ["manual", "backfill"])
def test_an_ingest_that_was_asked_for_is_about_its_day_alone(kind: str) -> None:
    logical = datetime(2026, 3, 6, tzinfo=UTC)
    assert dates.first_day(context(NOON, logical, kind, last_success=None)) == "2026-03-06"
    last = datetime(2026, 3, 2, tzinfo=UTC)
    assert dates.first_day(context(NOON, logical, kind, last_success=last)) == "2026-03-06"


def test_an_hour_knows_what_arrived_until_its_end() -> None:
    assert dates.as_of(hour(datetime(2026, 3, 6, 11, tzinfo=UTC))) == "2026-03-06T12:00:00+00:00"
    assert dates.as_of(hour(datetime(2026, 3, 5, 23, tzinfo=UTC))) == "2026-03-06T00:00:00+00:00"


def test_a_past_day_is_known_whole() -> None:
    run = context(logical=datetime(2026, 3, 1, tzinfo=UTC))
    assert dates.as_of(run) == "2026-03-02T00:00:00+00:00"


def test_slates_are_for_the_day_after() -> None:
    nightly = context(
        datetime(2026, 3, 6, 0, 20, tzinfo=UTC),
        datetime(2026, 3, 5, 0, 20, tzinfo=UTC),
        "scheduled",
    )
    assert dates.serving_day(nightly) == "2026-03-06"
    assert dates.serving_as_of(nightly) == "2026-03-06T00:20:00+00:00"


def test_a_champion_at_noon_knows_the_morning_and_one_of_the_past_does_not_know_today() -> None:
    promoted = {CHAMPION: [event(NOON, day="2026-03-05")]}
    assert dates.serving_as_of(context(events=promoted)) == "2026-03-06T12:30:00+00:00"
    replayed = {CHAMPION: [event(NOON, day="2026-03-01")]}
    assert dates.serving_as_of(context(events=replayed)) == "2026-03-02T00:00:00+00:00"


def test_a_refresh_is_for_the_moment_until_which_the_counters_go() -> None:
    midnight = {COUNTERS: [event(NOON, day="2026-03-05", as_of="2026-03-06T00:00:00+00:00")]}
    run = context(events=midnight)
    assert dates.event_day(run) == "2026-03-06"
    assert dates.event_as_of(run) == "2026-03-06T00:00:00+00:00"


@pytest.mark.parametrize(
    ("assets", "only"),
    [([], False), ([COUNTERS], True), ([CHAMPION], False), ([COUNTERS, CHAMPION], False)],
)
def test_counters_alone_re_rank_and_a_champion_with_them_starts_anew(
    assets: list[Asset], only: bool
) -> None:
    events = {asset: [event(NOON)] for asset in assets}
    assert dates.started_only_by(context(events=events), "counters") is only


@pytest.mark.parametrize("kind", ["backfill", SimpleNamespace(value="backfill")])
def test_a_backfill_is_recognised_whatever_form_its_name_has(kind: Any) -> None:
    assert dates.in_backfill(context(kind=kind))
    assert not dates.in_backfill(context())


@given(MOMENTS, MOMENTS, st.sampled_from(["scheduled", "manual", "backfill"]), st.none() | MOMENTS)
def test_nobody_knows_more_than_the_day_or_than_the_run_could(
    logical: datetime, run_after: datetime, kind: str, last_success: datetime | None
) -> None:
    run = context(run_after, logical, kind, last_success=last_success)
    day = dates.day_of(run)
    known = dates.known_until(run)
    assert known <= run_after
    assert known <= datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC)
    assert day - timedelta(days=7) <= date.fromisoformat(dates.first_day(run)) <= day
    served = datetime.fromisoformat(dates.serving_as_of(run))
    assert str(served.date()) == dates.serving_day(run)


@given(st.lists(MOMENTS, min_size=1, max_size=30, unique=True))
def test_whatever_hours_fail_no_day_is_left_out(begins: list[datetime]) -> None:
    # Each run brings in [first_day, day]; a gap longer than a week is a person's.
    runs = sorted({b.replace(minute=0, second=0, microsecond=0) for b in begins})
    last = None
    for begin in runs:
        run = hour(begin, last_success=last)
        if last is not None and begin - last < timedelta(days=dates.MAX_DAYS_TO_CATCH_UP):
            assert date.fromisoformat(dates.first_day(run)) <= last.date()
        last = begin + timedelta(hours=1)
