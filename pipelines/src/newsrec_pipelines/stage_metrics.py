"""What a stage did, as Prometheus metrics: pushed to a Pushgateway, or left in a text file."""

import sys
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest, pushadd_to_gateway
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families

from newsrec_pipelines.resources import Meter, Resources
from newsrec_pipelines.settings import Settings

JOB: Final = "newsrec"
FOLDER: Final = "metrics"  # below NEWSREC_VAR
_SECONDS: Final = 5.0  # a stage waits so long for a Pushgateway
_RUNS: Final = "newsrec_stage_runs"

Labels = Mapping[str, str]


class StageMetrics:
    """Gauges that a stage sets while it runs; nothing is written before its end."""

    def __init__(self) -> None:
        self._values: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}

    def gauge(self, name: str, value: float, labels: Labels | None = None) -> None:
        """Set a gauge. All values that its last run gave to `name` are forgotten."""
        self._values.setdefault(name, {})[tuple(sorted((labels or {}).items()))] = value

    def gauges(self, samples: Iterable[tuple[str, Labels, float]]) -> None:
        """Set several, each a name, its labels and its value."""
        for name, labels, value in samples:
            self.gauge(name, value, labels)

    def add(self, name: str, value: float, labels: Labels | None = None) -> None:
        """Add to a gauge of this run, which begins at 0."""
        key = tuple(sorted((labels or {}).items()))
        found = self._values.setdefault(name, {})
        found[key] = found.get(key, 0.0) + value

    def rows(self, what: str, count: int) -> None:
        """Add to the rows that this run made: ``newsrec_stage_rows{what=...}``."""
        self.add("newsrec_stage_rows", count, {"what": what})

    def dead_letters(self, entity: str, count: int) -> None:
        """Add to the records of this run that nobody could use."""
        self.add("newsrec_stage_dead_letters", count, {"entity": entity})

    def families(self, stage: str) -> Iterator[Metric]:
        """What was set, each with the label `stage`."""
        for name, values in self._values.items():
            family = Metric(name, name, "gauge")
            for labels, value in values.items():
                family.add_sample(name, {"stage": stage, **dict(labels)}, value)
            yield family


class Recorder:
    """Measures one run of one stage, and leaves what it did where Prometheus finds it."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._meter = Meter()

    def record(
        self, settings: Settings, stage: str, metrics: StageMetrics, *, succeeded: bool
    ) -> None:
        """Push, or write ``<var>/metrics/<stage>.prom``; never raises and soon returns.

        Runs are counted by reading what the last run left. A gauge that this run did not set keeps
        its value: a run that failed does not forget how many rows the last good one made.
        """
        try:
            new = [*metrics.families(stage), *self._own(stage, succeeded=succeeded)]
            if (url := settings.pushgateway_url) is not None:
                if (problem := _problem(_SECONDS, lambda: _push(url, stage, new))) is None:
                    return
                _warn(f"{url}: {problem}")
            _write(settings.var / FOLDER, stage, new)
        except Exception as e:  # whatever it is, the stage has done its work
            _warn(f"not recorded: {e}")

    def _own(self, stage: str, *, succeeded: bool) -> Iterator[Metric]:
        used = self._meter.read()
        yield _runs(stage, {"succeeded": int(succeeded), "failed": int(not succeeded)})
        gauges = {
            "newsrec_stage_success": ("Whether the last run succeeded.", float(succeeded)),
            "newsrec_stage_last_run_timestamp_seconds": ("End of the last run.", self._now()),
            **_of_resources(used),
        }
        if succeeded:
            gauges["newsrec_stage_last_success_timestamp_seconds"] = (
                "End of the last run that succeeded.",
                self._now(),
            )
        for name, (text, value) in gauges.items():
            family = GaugeMetricFamily(name, text, labels=["stage"])
            family.add_metric([stage], value)
            yield family


def _of_resources(used: Resources) -> dict[str, tuple[str, float]]:
    found = {
        "newsrec_stage_duration_seconds": ("Of the last run.", used.seconds),
        "newsrec_stage_cpu_seconds": ("Of the last run.", used.cpu_seconds),
        "newsrec_stage_peak_memory_bytes": ("Of its process.", float(used.peak_memory_bytes)),
    }
    if used.read_bytes is not None and used.written_bytes is not None:
        found["newsrec_stage_read_bytes"] = ("From storage.", float(used.read_bytes))
        found["newsrec_stage_written_bytes"] = ("To storage.", float(used.written_bytes))
    return found


def _runs(stage: str, counts: Mapping[str, float]) -> Metric:
    family = CounterMetricFamily(_RUNS, "Runs by outcome.", labels=["stage", "outcome"])
    for outcome, count in counts.items():
        family.add_metric([stage, outcome], count)
    return family


def _push(url: str, stage: str, new: list[Metric]) -> None:
    with urllib.request.urlopen(f"{url}/metrics", timeout=_SECONDS) as answer:  # noqa: S310
        before = _of_stage(answer.read().decode(), stage)
    # Metrics of other names stay on the gateway, so only the counter must be carried on.
    registry = _registry([_counted(m, before, stage) for m in new])
    pushadd_to_gateway(url, JOB, registry, {"stage": stage}, timeout=_SECONDS)


def _write(folder: Path, stage: str, new: list[Metric]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{stage}.prom"
    try:
        before = _of_stage(file.read_text(encoding="utf-8"), stage)
    except (FileNotFoundError, ValueError):  # ValueError: somebody's editor; counting starts anew
        before = {}
    kept = {m.name for m in new}
    found = [_counted(m, before, stage) for m in new]
    found += [m for name, m in before.items() if name not in kept]
    # The exporter reads *.prom at any moment: it must never meet half a file.
    partial = folder / f"{stage}.{uuid.uuid4().hex}.part"
    try:
        partial.write_bytes(generate_latest(_registry(found)))
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def _of_stage(text: str, stage: str) -> dict[str, Metric]:
    """What the last run of `stage` left, by name."""
    found = {}
    for metric in text_string_to_metric_families(text):
        mine = [s for s in metric.samples if s.labels.get("stage") == stage]
        if mine:
            found[metric.name] = Metric(metric.name, metric.documentation, metric.type)
            found[metric.name].samples = mine
    return found


def _counted(metric: Metric, before: Mapping[str, Metric], stage: str) -> Metric:
    """`metric`; of runs, the sum of now and before."""
    if metric.name != _RUNS or _RUNS not in before:
        return metric
    counts = {s.labels["outcome"]: s.value for s in metric.samples}
    for sample in before[_RUNS].samples:
        outcome = sample.labels.get("outcome", "")
        counts[outcome] = counts.get(outcome, 0.0) + sample.value
    return _runs(stage, counts)


def _registry(metrics: Iterable[Metric]) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(_Fixed(list(metrics)))
    return registry


class _Fixed:
    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Metric]:
        return self._metrics


def _problem(seconds: float, work: Callable[[], None]) -> str | None:
    """Why `work` was not done; it is left alone when it takes longer."""
    found = [f"no answer within {seconds:g} s"]

    def run() -> None:
        try:
            work()
        except Exception as e:
            found[0] = " ".join(str(e).split())
        else:
            found.clear()

    # A server that sends a byte now and then outlasts every timeout of a socket.
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    said = found[:1]  # it may still change
    return said[0] if said else None


def _warn(text: str) -> None:
    print(f"newsrec: metrics of this stage: {text}", file=sys.stderr)
