"""What the checks and the monitor found, as Prometheus metrics; docs/reference/monitoring.md."""

from collections.abc import Mapping, Sequence
from typing import Any

from newsrec_pipelines.config import Settings
from newsrec_pipelines.monitoring.checks import Check
from newsrec_pipelines.monitoring.drift import Finding
from newsrec_pipelines.monitoring.expectation import Expectation
from newsrec_pipelines.monitoring.quality import Quality
from newsrec_pipelines.monitoring.rules import Alarm
from newsrec_pipelines.monitoring.serving import Serving

Labels = Mapping[str, str]
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
    """Of `newsrec monitor`; what is unknown has no sample."""
    samples: list[Sample] = []
    for f in drift:
        labels = {"subject": f.subject, "name": f.name}
        samples.append(("newsrec_drifted", labels, float(f.drifted)))
        if f.value is not None:
            samples.append(("newsrec_drift_value", labels, f.value))
        if f.threshold is not None:
            samples.append(("newsrec_drift_threshold", labels, f.threshold))
    for subject in sorted({f.subject for f in drift}):
        mine = [f.drifted for f in drift if f.subject == subject]
        samples.append(("newsrec_drift_share", {"subject": subject}, sum(mine) / len(mine)))
    for q in qualities:
        labels = {"variant": q.variant, "model_version": q.model_version}
        samples.append(("newsrec_realised_readers", labels, float(q.readers)))
        if q.dwell is not None:
            samples.append(("newsrec_realised_dwell_seconds", labels, q.dwell))
    for e in expectations:
        labels = {"variant": e.realised.variant}
        samples.append(("newsrec_expected_dwell_seconds", labels, e.expected))
    for name, value in (
        ("newsrec_slate_age_seconds", serving.age_seconds),
        ("newsrec_slate_coverage", serving.coverage),
        ("newsrec_slate_shorter", serving.shorter),
    ):
        if value is not None:
            samples.append((name, {}, value))
    return [*samples, *_by_name(alarms)]


def _by_name(alarms: Sequence[Alarm]) -> list[Sample]:
    counted: dict[tuple[str, str, str], float] = {}
    for a in alarms:
        key = (a.name, a.severity, a.action)
        counted[key] = counted.get(key, 0.0) + 1
    return [
        ("newsrec_alarms", {"name": n, "severity": s, "action": a}, count)
        for (n, s, a), count in counted.items()
    ]


def publish(settings: Settings, stage: str, samples: Sequence[Sample]) -> None:
    """Hand them over as gauges of one stage, in place of those of its last run."""
    from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

    registry = CollectorRegistry()
    gauges: dict[str, Gauge] = {}
    for name, labels, value in samples:
        if name not in gauges:
            gauges[name] = Gauge(name, name, sorted(labels), registry=registry)
        gauge = gauges[name].labels(**labels) if labels else gauges[name]
        gauge.set(value)
    folder = settings.var / "metrics"
    folder.mkdir(parents=True, exist_ok=True)
    write_to_textfile(str(folder / f"{stage}.prom"), registry)
