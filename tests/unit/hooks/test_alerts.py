"""The name of a run: one a firing, whoever delivers it, and one that Airflow accepts."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from newsrec_hooks.alerts import Alert
from support.fakes_hooks import alert

FINGERPRINTS = st.integers(0, 2**64 - 1)
SECONDS = st.floats(0, 7e9, allow_nan=False)
MOMENTS = SECONDS.map(lambda s: datetime.fromtimestamp(s, UTC) + timedelta(days=2))
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))
# Airflow 3.3: [scheduler] allowed_run_id_pattern, and the words of DagRunType.from_run_id.
PATTERN = re.compile(r"^[A-Za-z0-9_.~:+-]+$")
KEPT = ("backfill__", "scheduled__", "operator_triggered__", "asset_")


def made(number: int = 1, **changes: Any) -> Alert:
    return Alert.model_validate(alert(number, **changes))


@given(FINGERPRINTS, MOMENTS, OFFSETS)
def test_one_moment_has_one_run_id_wherever_it_is_told(
    number: int, moment: datetime, offset: timezone
) -> None:
    told = made(number, startsAt=moment.isoformat())
    elsewhere = made(number, startsAt=moment.astimezone(offset).isoformat())
    assert told.run_id == elsewhere.run_id
    assert PATTERN.fullmatch(told.run_id)
    assert ".." not in told.run_id
    assert not told.run_id.startswith(KEPT)
    assert len(told.run_id) <= 250


@given(st.tuples(FINGERPRINTS, MOMENTS), st.tuples(FINGERPRINTS, MOMENTS))
def test_two_firings_have_two_run_ids(a: tuple[int, datetime], b: tuple[int, datetime]) -> None:
    one, two = (made(n, startsAt=m.isoformat()).run_id for n, m in (a, b))
    assert (one == two) == (a == b)


def test_nanoseconds_are_read_and_the_zero_time_is_refused() -> None:
    assert made().run_id == "alert__0000000000000001__20260308T061230.123456Z"
    for wrong in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", "2026-03-08T06:12:30"):
        with pytest.raises(ValidationError):
            made(startsAt=wrong)


@pytest.mark.parametrize(
    ("change", "day"),
    [
        ({}, date(2026, 3, 7)),
        ({"startsAt": "2026-03-08T01:00:00+02:00"}, date(2026, 3, 6)),
        ({"labels": {"day": "2026-03-01"}}, date(2026, 3, 1)),
        ({"annotations": {"day": "2026-03-02"}}, date(2026, 3, 2)),
        ({"annotations": {"day": "<no value>"}}, date(2026, 3, 7)),
    ],
)
def test_the_day_is_what_the_alert_says_or_the_last_whole_day(
    change: dict[str, Any], day: date
) -> None:
    assert made(**change).day == day


@pytest.mark.parametrize(
    ("labels", "annotations", "action"),
    [
        ({"action": "retrain"}, {}, "retrain"),
        ({}, {"action": "retrain"}, "retrain"),
        ({"action": "retrain"}, {"action": "abort-canary"}, "retrain"),
        ({"action": ""}, {}, None),
        ({}, {}, None),
    ],
)
def test_the_label_names_the_action_before_the_annotation(
    labels: dict[str, str], annotations: dict[str, str], action: str | None
) -> None:
    assert made(labels=labels, annotations=annotations).action == action
