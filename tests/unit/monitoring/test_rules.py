"""Alarms and actions: who goes back, who trains again, and who is left to people."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsrec_pipelines.monitoring.champions import Champion
from newsrec_pipelines.monitoring.drift import Finding
from newsrec_pipelines.monitoring.expectation import Expectation
from newsrec_pipelines.monitoring.quality import Quality
from newsrec_pipelines.monitoring.rules import Alarm, alarms, carried_over
from newsrec_pipelines.monitoring.serving import Serving
from newsrec_pipelines.parameters import MonitoringParams

PARAMS = MonitoringParams()
BAD = Quality(date(2026, 3, 10), "v2", "champion", 99, 99, 99, 99, 20.0, 18.0, 22.0)
FINE = Serving("r1", 24 * 3600.0, 1.0, 0.0, 0.5)
CHAMPION = Champion("v2")
BY_HAND = Champion("v2", by_hand="ada")


def expectation(quality: Quality = BAD) -> Expectation:
    return Expectation(quality, 50.0, 40.0, 5, "days")


def drift(subject: str, *, drifted: bool = True) -> Finding:
    return Finding(subject, "category", "jensenshannon", 0.5, 0.2, drifted, f"{subject} moved")


def found(
    *findings: Finding,
    expected: tuple[Expectation, ...] = (),
    champion: Champion | None = CHAMPION,
    breaches: dict[str, str] | None = None,
    serving: Serving = FINE,
) -> list[Alarm]:
    return alarms(findings, expected, champion, breaches or {}, serving, PARAMS)


def test_a_usual_day_has_no_alarm() -> None:
    usual = expectation(replace(BAD, dwell=50.0, low=48.0, high=52.0))
    assert found(drift("readers", drifted=False), expected=(usual,)) == []


@pytest.mark.parametrize("subject", ["readers", "articles"])
def test_drift_asks_for_a_training(subject: str) -> None:
    (alarm,) = found(drift(subject), drift(subject, drifted=False), drift("model"))

    assert (alarm.name, alarm.action) == (f"{subject}_drift", "retrain")
    assert alarm.detail == f"{subject} moved"


@pytest.mark.parametrize(
    ("champion", "action", "severity"),
    [
        (CHAMPION, "retrain", "warning"),
        (BY_HAND, "rollback", "critical"),
        (Champion("v2", new_configuration=True), "rollback", "critical"),
        (Champion("v2", by_hand="ada", undone=True), "none", "critical"),
        (Champion("v3", by_hand="ada"), "none", "warning"),
    ],
    ids=[
        "same configuration",
        "by hand",
        "new training configuration",
        "wanted again",
        "serves no more",
    ],
)
def test_who_is_blamed_for_less_dwell(champion: Champion, action: str, severity: str) -> None:
    (alarm,) = found(expected=(expectation(),), champion=champion)

    assert (alarm.action, alarm.severity) == (action, severity)
    assert alarm.subject == "v2"
    assert "20.0 s a reader (18.0 to 22.0), 50.0 s were expected" in alarm.detail


def test_a_variant_is_ended_by_its_guard_and_not_by_its_past() -> None:
    slow = expectation(replace(BAD, variant="challenger"))
    below, guard = found(expected=(slow,), champion=BY_HAND, breaches={"challenger": "too slow"})

    assert (below.action, guard.action) == ("none", "end-variant")
    assert (guard.subject, guard.detail) == ("challenger", "variant challenger: too slow")


@pytest.mark.parametrize(
    ("serving", "name"),
    [
        (Serving(), "no_slates"),
        (replace(FINE, age_seconds=31 * 3600.0), "stale_slates"),
        (replace(FINE, coverage=0.9), "slate_coverage"),
        (replace(FINE, shorter=0.2), "shorter_slates"),
    ],
)
def test_slates_that_are_old_missing_or_short(serving: Serving, name: str) -> None:
    (alarm,) = found(serving=serving)

    assert (alarm.name, alarm.action) == (name, "none")


def test_before_the_first_model_nobody_misses_slates() -> None:
    assert found(champion=None, serving=Serving()) == []


def test_many_new_reads_ask_for_a_training() -> None:
    (alarm,) = found(champion=replace(CHAMPION, new_reads=0.6))

    assert (alarm.name, alarm.action, alarm.severity) == ("new_reads", "retrain", "info")
    assert found(champion=replace(CHAMPION, new_reads=0.5)) == []


def test_what_was_done_stays_said_when_the_day_is_looked_at_again() -> None:
    first = found(drift("readers"), expected=(expectation(),), champion=BY_HAND)
    done = [replace(a, done="v1 serves") if a.action == "rollback" else a for a in first]
    again = found(drift("readers"), expected=(expectation(),), champion=Champion("v1"))

    both = carried_over(done, again)

    assert sorted(a.name for a in both) == ["dwell_below_expectation", "readers_drift"]
    assert [a.done for a in both if a.action == "rollback"] == ["v1 serves"]
    assert carried_over([], again) == again


@given(
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["v1", "v2"]),
    st.floats(0, 100, allow_nan=False),
)
def test_only_a_suspect_that_serves_and_is_certainly_worse_is_gone_back_from(
    by_hand: bool, new_configuration: bool, undone: bool, version: str, high: float
) -> None:
    champion = Champion(version, "ada" if by_hand else None, new_configuration, undone)
    quality = replace(BAD, dwell=high / 2, low=0.0, high=high)
    rollbacks = [
        a
        for a in found(expected=(expectation(quality),), champion=champion)
        if a.action == "rollback"
    ]
    wanted = (by_hand or new_configuration) and not undone and version == "v2" and high < 40

    assert len(rollbacks) == wanted
