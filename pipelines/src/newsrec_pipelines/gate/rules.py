"""Who may serve: what the gate's numbers mean. Pure, so that each rule can be read and tested."""

from newsrec_pipelines.gate.guards import guards
from newsrec_pipelines.gate.steps import (
    CHALLENGER,
    POPULARITY,
    REFIT,
    SERVING,
    DayEvaluation,
    Estimate,
    Guard,
    Trained,
    Verdict,
)
from newsrec_pipelines.parameters import PromotionParams


def verdicts(trained: Trained, evaluated: DayEvaluation, limits: PromotionParams) -> list[Verdict]:
    """What the rules say of each configuration, in order: the first that passed wins.

    - A configuration of today that differs must be *better* than the champion's, trained alike: the
      interval of the difference lies above 0.
    - The champion's configuration, trained again, must be *not worse* than what serves by more than
      `promotion.margin`: the difference itself, since to prove that of few readers is beyond a day,
      and who demands it stops the continuous training.
    - The first model must not be certainly worse than popularity by more than the margin: without
      it nobody gets a slate, so a day must prove that it is bad, not that it is good. When nothing
      can be evaluated it may serve.
    - Otherwise a day with nothing to evaluate by changes nothing.
    - Whoever passes must break no guard.
    """
    if SERVING not in trained.versions:
        return [_first(trained, evaluated, limits)]
    found = []
    if CHALLENGER in trained.versions or CHALLENGER in trained.failed:
        found.append(_new(trained, evaluated, limits))
    return [*found, _same(trained, evaluated, limits)]


def _first(trained: Trained, evaluated: DayEvaluation, limits: PromotionParams) -> Verdict:
    if evaluated.metric is None:
        why = trained.failed.get(CHALLENGER) or evaluated.missing
        return Verdict(
            system=CHALLENGER,
            passed=True,
            why=f"the first model, and nothing to evaluate it by: {why}",
            guards=[],
        )
    found = evaluated.difference(CHALLENGER, POPULARITY)
    if found is None:
        return _missing(CHALLENGER, trained, evaluated)
    least = -limits.margin * found.means["all"]
    most = found.all.value if found.all.high is None else found.all.high
    return _verdict(
        CHALLENGER,
        most >= least,
        f"{_text(found.all)} beside popularity; the first model may lose {-least:.4f}",
        guards(CHALLENGER, None, evaluated, limits),
    )


def _new(trained: Trained, evaluated: DayEvaluation, limits: PromotionParams) -> Verdict:
    found = evaluated.difference(CHALLENGER, REFIT) or evaluated.difference(CHALLENGER, SERVING)
    if found is None:
        return _missing(CHALLENGER, trained, evaluated)
    better = found.all.low is not None and found.all.low > 0
    return _verdict(
        CHALLENGER,
        better,
        f"{_text(found.all)} beside the champion's configuration; "
        "a new configuration must be certainly better",
        guards(CHALLENGER, found.above, evaluated, limits),
    )


def _same(trained: Trained, evaluated: DayEvaluation, limits: PromotionParams) -> Verdict:
    if evaluated.metric is None or REFIT not in evaluated.measured:
        return _missing(REFIT, trained, evaluated)
    found = evaluated.difference(REFIT, SERVING)
    if found is None:
        why = "the champion cannot be evaluated: it knows the day already, or cannot be loaded"
        return _verdict(REFIT, True, why, guards(REFIT, None, evaluated, limits))
    least = -limits.margin * found.means["all"]
    return _verdict(
        REFIT,
        found.all.value >= least,
        f"{_text(found.all)} beside the champion; the same configuration may lose {-least:.4f}",
        guards(REFIT, SERVING, evaluated, limits),
    )


def _missing(system: str, trained: Trained, evaluated: DayEvaluation) -> Verdict:
    why = trained.failed.get(system) or evaluated.missing or "it was not evaluated"
    return Verdict(system=system, passed=False, why=why, guards=[])


def _verdict(system: str, passed: bool, why: str, found: list[Guard]) -> Verdict:
    broken = [g for g in found if not g.passed]
    if broken:
        told = "; ".join(f"{g.name}: {g.text}" for g in broken)
        why = f"{why}; it breaks {told}"
    return Verdict(system=system, passed=passed and not broken, why=why, guards=found)


def _text(found: Estimate) -> str:
    if found.low is None or found.high is None:
        return f"{found.value:+.4f}"
    return f"{found.value:+.4f} ({found.low:+.4f} to {found.high:+.4f})"
