"""What the checks and the monitor found, as Prometheus metrics; docs/reference/monitoring.md."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from newsrec_pipelines.monitoring.checks import Check
from newsrec_pipelines.monitoring.drift import Finding
from newsrec_pipelines.monitoring.expectation import Expectation
from newsrec_pipelines.monitoring.quality import Quality
from newsrec_pipelines.monitoring.rules import RULES, Alarm
from newsrec_pipelines.monitoring.serving import Serving
from newsrec_pipelines.rollout.variants import CHAMPION
from newsrec_pipelines.stage_metrics import Labels

Sample = tuple[str, Labels, float]


def of_checks(found: Sequence[Check], counts: Mapping[str, Any] | None) -> list[Sample]:
    """Of `newsrec check`."""
    samples: list[Sample] = [
        ("newsrec_data_check_passed", {"name": c.name, "severity": c.severity}, float(c.passed))
        for c in found
    ]
    volumes = {c.name: c.value for c in found if c.name.endswith("_volume")}
    samples += [
        (f"newsrec_{name.removesuffix('_volume')}", {}, float(value))
        for name, value in volumes.items()
        if value is not None
    ]
    dead = sum(
        sum(c["dead_letters"].values()) for c in (counts or {}).values() if "dead_letters" in c
    )
    return [*samples, ("newsrec_dead_letters", {}, float(dead))]


def of_monitor(
    drift: Sequence[Finding],
    qualities: Sequence[Quality],
    expectations: Sequence[Expectation],
    serving: Serving,
    alarms: Sequence[Alarm],
) -> list[Sample]:
    """Of `newsrec monitor`.

    Each name has a sample in every run, since a name without any keeps those of the last run:
    measures that are unknown are not a number, and no alert compares with that.
    """
    return [
        *_of_drift(drift),
        *_of_dwell(qualities, expectations),
        ("newsrec_slate_age_seconds", {}, _known(serving.age_seconds)),
        ("newsrec_slate_coverage", {}, _known(serving.coverage)),
        ("newsrec_slate_shorter", {}, _known(serving.shorter)),
        *(
            ("newsrec_alarms", {"name": name}, float(sum(a.name == name for a in alarms)))
            for name in RULES
        ),
    ]


def _of_drift(drift: Sequence[Finding]) -> Iterator[Sample]:
    for f in drift:
        labels = {"subject": f.subject, "name": f.name}
        yield "newsrec_drifted", labels, float(f.drifted)
        yield "newsrec_drift_value", labels, _known(f.value)
        yield "newsrec_drift_threshold", labels, _known(f.threshold)
    for subject in ("readers", "articles", "model"):
        mine = [f.drifted for f in drift if f.subject == subject]
        yield "newsrec_drifted", {"subject": subject, "name": "any"}, float(any(mine))
        yield (
            "newsrec_drift_share",
            {"subject": subject},
            sum(mine) / len(mine) if mine else math.nan,
        )


def _of_dwell(
    qualities: Sequence[Quality], expectations: Sequence[Expectation]
) -> Iterator[Sample]:
    for q in qualities:
        labels = {"variant": q.variant, "model_version": q.model_version}
        yield "newsrec_realised_dwell_seconds", labels, _known(q.dwell)
        yield "newsrec_realised_readers", labels, float(q.readers)
    if not qualities:
        labels = {"variant": CHAMPION, "model_version": ""}
        yield "newsrec_realised_dwell_seconds", labels, math.nan
        yield "newsrec_realised_readers", labels, 0.0
    expected = {CHAMPION: math.nan} | {e.realised.variant: e.expected for e in expectations}
    for variant, seconds in expected.items():
        yield "newsrec_expected_dwell_seconds", {"variant": variant}, seconds


def _known(value: float | None) -> float:
    return math.nan if value is None else value
