"""The metrics: every name in every run, so that none of an earlier run stays."""

import math
from datetime import date

from newsrec_pipelines.monitoring.checks import Check
from newsrec_pipelines.monitoring.drift import Finding
from newsrec_pipelines.monitoring.expectation import Expectation
from newsrec_pipelines.monitoring.metrics import of_checks, of_monitor
from newsrec_pipelines.monitoring.quality import Quality
from newsrec_pipelines.monitoring.rules import Alarm
from newsrec_pipelines.monitoring.serving import Serving

QUALITY = Quality(date(2026, 3, 10), "v2", "champion", 9, 8, 9, 9, 20.0, 18.0, 22.0)
FINDING = Finding("readers", "preference_drift", "conditional logit", 0.6, 0.4, True, "gone")
# What the alert rules of infra/prometheus ask for.
PROMISED = {
    "newsrec_drift_share",
    "newsrec_drifted",
    "newsrec_realised_dwell_seconds",
    "newsrec_expected_dwell_seconds",
    "newsrec_slate_age_seconds",
    "newsrec_slate_coverage",
}


def test_a_day_in_numbers() -> None:
    samples = of_monitor(
        [FINDING],
        [QUALITY],
        [Expectation(QUALITY, 50.0, 40.0, 5, "days")],
        Serving("r1", 3600.0, 0.99, 0.01, 0.5),
        [Alarm("readers_drift", "warning", "gone", "retrain")],
    )

    for sample in (
        ("newsrec_drifted", {"subject": "readers", "name": "preference_drift"}, 1.0),
        ("newsrec_drift_share", {"subject": "readers"}, 1.0),
        (
            "newsrec_realised_dwell_seconds",
            {"variant": "champion", "model_version": "v2"},
            20.0,
        ),
        ("newsrec_expected_dwell_seconds", {"variant": "champion"}, 50.0),
        ("newsrec_slate_age_seconds", {}, 3600.0),
        ("newsrec_slate_coverage", {}, 0.99),
        ("newsrec_alarms", {"name": "readers_drift"}, 1.0),
        ("newsrec_alarms", {"name": "no_slates"}, 0.0),
    ):
        assert sample in samples


def test_an_empty_day_forgets_every_number_of_the_last_one() -> None:
    full = of_monitor([FINDING], [QUALITY], [], Serving(), [])
    empty = of_monitor([], [], [], Serving(), [])

    names = {name for name, _, _ in empty}
    assert names >= PROMISED
    assert {n for n, _, _ in full} - names == {"newsrec_drift_value", "newsrec_drift_threshold"}
    assert not any(value > 0 for _, _, value in empty)
    assert any(math.isnan(value) for _, _, value in empty)


def test_each_name_has_the_same_labels_everywhere() -> None:
    for samples in (
        of_monitor([FINDING], [QUALITY], [], Serving(), []),
        of_monitor([], [], [], Serving(), []),
    ):
        labels: dict[str, set[tuple[str, ...]]] = {}
        for name, found, _ in samples:
            labels.setdefault(name, set()).add(tuple(sorted(found)))
        assert all(len(kinds) == 1 for kinds in labels.values())


def test_checks_in_numbers() -> None:
    found = [
        Check("articles_volume", "error", False, "fewer", 10.0, 50.0, 200.0),
        Check("sources", "warning", True, "all delivered"),
    ]
    counts = {"reads": {"dead_letters": {"not JSON": 3}}, "partitions": {}}

    samples = of_checks(found, counts)

    checked = {"name": "articles_volume", "severity": "error"}
    assert ("newsrec_data_check_passed", checked, 0.0) in samples
    assert ("newsrec_articles", {}, 10.0) in samples
    assert ("newsrec_dead_letters", {}, 3.0) in samples
