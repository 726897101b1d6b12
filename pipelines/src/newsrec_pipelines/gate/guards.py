"""What a model must not break, however good its nDCG is. Limits are in `promotion` of params."""

from collections.abc import Iterator

from newsrec_pipelines.gate.steps import DayEvaluation, Difference, Guard
from newsrec_pipelines.parameters import PromotionParams

_COLD = "cold readers"


def guards(
    system: str, other: str | None, evaluated: DayEvaluation, limits: PromotionParams
) -> list[Guard]:
    """All guards of a system.

    Args:
        system: that may serve.
        other: that it is held against; None when there is none, or none that was evaluated.
        evaluated: what both were on the day.
        limits: what may be lost.
    """
    return list(_guards(system, other, evaluated, limits))


def _guards(
    system: str, other: str | None, evaluated: DayEvaluation, limits: PromotionParams
) -> Iterator[Guard]:
    measured = evaluated.measured[system]
    yield Guard(
        name="numbers",
        value=measured.not_finite,
        limit=limits.not_finite,
        passed=measured.not_finite <= limits.not_finite,
        text=f"{measured.not_finite} scores or propensities are no finite numbers",
    )
    yield Guard(
        name="size",
        value=measured.megabytes,
        limit=limits.max_megabytes,
        passed=measured.megabytes <= limits.max_megabytes,
        text=f"the artefact has {measured.megabytes:.1f} MB",
    )
    yield Guard(
        name="time",
        value=measured.seconds,
        limit=limits.max_seconds,
        passed=measured.seconds <= limits.max_seconds,
        text=f"slates of 1,000 readers take {measured.seconds:.1f} s of one core",
    )
    if other is None:
        return
    yield _coverage(measured.coverage, evaluated.measured[other].coverage, other, limits)
    difference = evaluated.difference(system, other)
    if difference is None:
        return
    yield _slice(_COLD, difference, limits.cold_loss)
    for name in difference.slices:
        if name != _COLD:
            yield _slice(name, difference, limits.region_loss)


def _coverage(value: float, before: float, other: str, limits: PromotionParams) -> Guard:
    loss = 1 - value / before if before else 0.0
    return Guard(
        name="coverage",
        value=loss,
        limit=limits.coverage_loss,
        passed=loss <= limits.coverage_loss,
        text=f"{value:.1%} of the candidates are in any slate, {before:.1%} by the {other}",
    )


def _slice(name: str, difference: Difference, limit: float) -> Guard:
    found, mean = difference.slices.get(name), difference.means.get(name)
    if found is None or not mean:
        text = f"nothing to evaluate {name} by"
        return Guard(name=name, value=None, limit=limit, passed=True, text=text)
    loss = -found.value / mean
    # Few readers scatter: what may be chance refuses nobody.
    certain = found.high is not None and found.high < 0
    text = f"{found.value:+.4f} beside {mean:.4f} of the {difference.above}, {found.lists} readers"
    if loss > limit and not certain:
        text += "; more than the limit, and may be chance"
    return Guard(name=name, value=loss, limit=limit, passed=loss <= limit or not certain, text=text)
