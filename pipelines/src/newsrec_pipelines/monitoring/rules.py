"""What follows from what was found: alarms, each with at most one action."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from newsrec_pipelines.monitoring.champions import Champion
from newsrec_pipelines.monitoring.drift import Finding
from newsrec_pipelines.monitoring.expectation import Expectation
from newsrec_pipelines.monitoring.serving import Serving
from newsrec_pipelines.parameters import MonitoringParams
from newsrec_pipelines.rollout.variants import CHAMPION

RULES: Final = (
    "readers_drift",
    "articles_drift",
    "dwell_below_expectation",
    "variant_guard",
    "no_slates",
    "stale_slates",
    "slate_coverage",
    "shorter_slates",
    "new_reads",
)
Severity = Literal["info", "warning", "critical"]
Action = Literal["retrain", "rollback", "end-variant", "none"]


@dataclass(frozen=True)
class Alarm:
    """Something that somebody should know.

    Attributes:
        name: of the rule.
        severity: of what happened.
        detail: in words.
        action: what the rule asks for. The monitor goes back and ends variants itself; whoever
            started it starts a training.
        subject: the version or variant that the action is done to; empty for a training.
        done: what was done, in words.
    """

    name: str
    severity: Severity
    detail: str
    action: Action = "none"
    subject: str = ""
    done: str | None = None


def alarms(
    drift: Sequence[Finding],
    expectations: Sequence[Expectation],
    champion: Champion | None,
    breaches: Mapping[str, str],
    serving: Serving,
    params: MonitoringParams,
) -> list[Alarm]:
    """All alarms of a day; the same findings give the same alarms in the same order.

    Args:
        drift: of readers and articles.
        expectations: of the variants that could be evaluated.
        champion: the one that serves now; None when nothing was trained yet.
        breaches: variants that breach their guard, with why.
        serving: the slates at the end of the day.
        params: what is wrong.
    """
    return [
        *_of_drift(drift),
        *_of_dwell(expectations, champion),
        *_of_variants(breaches),
        *(_of_serving(serving, params) if champion else ()),
        *_of_new_reads(champion, params),
    ]


def carried_over(before: Sequence[Alarm], now: Sequence[Alarm]) -> list[Alarm]:
    """The alarms of another look at a day: what was done after the first one stays said.

    Once a champion or a variant is gone, nothing asks to remove it any more.
    """
    done = [a for a in before if a.done is not None]
    said = {(a.name, a.subject) for a in done}
    return [*done, *(a for a in now if (a.name, a.subject) not in said)]


def _of_drift(drift: Sequence[Finding]) -> Iterator[Alarm]:
    for subject in ("readers", "articles"):
        moved = [f for f in drift if f.subject == subject and f.drifted]
        if moved:
            detail = "; ".join(f.detail for f in moved)
            yield Alarm(f"{subject}_drift", "warning", detail, "retrain")


def _of_dwell(expectations: Sequence[Expectation], champion: Champion | None) -> Iterator[Alarm]:
    for e in expectations:
        if e.degraded:
            severity, action, why = _degraded(e, champion)
            q = e.realised
            detail = (
                f"{q.variant} {q.model_version}: {q.dwell:.1f} s a reader ({q.low:.1f} to "
                f"{q.high:.1f}), {e.expected:.1f} s were expected (mean of {e.days} {e.of}, "
                f"at least {e.least:.1f}); {why}"
            )
            yield Alarm("dwell_below_expectation", severity, detail, action, q.model_version)


def _degraded(e: Expectation, champion: Champion | None) -> tuple[Severity, Action, str]:
    """How bad it is, what to do, and why that."""
    q = e.realised
    if q.variant != CHAMPION:
        # Beside the champion of the same days it is evaluated more fairly: by its guard.
        return "warning", "none", "the guard of the variant decides"
    if champion is None or champion.version != q.model_version:
        return "warning", "none", "another model serves now"
    if champion.undone:
        return "critical", "none", "it was undone once, and is wanted again: left to people"
    if champion.by_hand is not None:
        return "critical", "rollback", f"it was promoted by {champion.by_hand}"
    if champion.new_configuration:
        return "critical", "rollback", "it is of a new training configuration"
    return "warning", "retrain", "it is of the same training configuration"


def _of_variants(breaches: Mapping[str, str]) -> Iterator[Alarm]:
    for name, why in sorted(breaches.items()):
        detail = f"variant {name}: {why}"
        yield Alarm("variant_guard", "critical", detail, "end-variant", name)


def _of_serving(serving: Serving, params: MonitoringParams) -> Iterator[Alarm]:
    if serving.run_id is None:
        yield Alarm("no_slates", "critical", "no slates were ever published")
        return
    hours = (serving.age_seconds or 0.0) / 3600
    if hours > params.max_slate_age_hours:
        detail = f"the slates were {hours:.0f} hours old at the end of the day"
        yield Alarm("stale_slates", "critical", detail)
    if serving.coverage is not None and serving.coverage < params.least_coverage:
        detail = f"{serving.coverage:.1%} of the known readers had a slate"
        yield Alarm("slate_coverage", "warning", detail)
    if serving.shorter is not None and serving.shorter > params.shorter:
        detail = f"{serving.shorter:.1%} of the slates had fewer articles than they should"
        yield Alarm("shorter_slates", "warning", detail)


def _of_new_reads(champion: Champion | None, params: MonitoringParams) -> Iterator[Alarm]:
    if champion and champion.new_reads is not None and champion.new_reads > params.new_reads:
        detail = (
            f"{champion.new_reads:.0%} of the reads that {champion.version} knew came "
            "since its training"
        )
        yield Alarm("new_reads", "info", detail, "retrain")
