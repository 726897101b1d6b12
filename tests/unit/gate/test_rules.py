"""The gate's rules and guards, each with a model that breaks just it."""

from collections.abc import Callable

import pytest

from newsrec_pipelines.gate.evaluation import System, evaluate_systems
from newsrec_pipelines.gate.rules import verdicts
from newsrec_pipelines.gate.steps import DayEvaluation, Trained, Verdict
from newsrec_pipelines.parameters import PromotionParams
from support.factories_models import load_params
from support.gates import READERS, Written, is_cold, make_day, region, system, trained

LIMITS = PromotionParams()
SECOND = lambda n: 2  # noqa: E731 - a place, as all others here
FIRST = lambda n: 1  # noqa: E731


def of(place: Callable[[int], int], **more: object) -> System:
    return system(Written(place, **more))


def evaluate(readers: int = READERS, **systems: System) -> tuple[Trained, DayEvaluation]:
    clock = [0.0]
    for one in systems.values():
        one.model.clock = clock
    evaluated = evaluate_systems(
        make_day(readers=readers), systems, load_params(), "", lambda: clock[0]
    )
    known = [name for name in systems if name != "popularity"]
    return trained(*known), evaluated


def only(limits: PromotionParams = LIMITS, **systems: System) -> Verdict:
    """The verdict on the only training configuration, or on the new one."""
    return verdicts(*evaluate(**systems), limits)[0]


def broken(verdict: Verdict) -> list[str]:
    return [guard.name for guard in verdict.guards if not guard.passed]


def test_a_new_configuration_that_is_certainly_better_may_serve() -> None:
    verdict = only(challenger=of(FIRST), refit=of(SECOND), champion=of(SECOND))
    assert (verdict.system, verdict.passed, broken(verdict)) == ("challenger", True, [])
    assert [g.name for g in verdict.guards] == [
        *("numbers", "size", "time", "coverage"),
        *("cold readers", "region: africa", "region: latin_america"),
    ]


def test_a_new_configuration_that_is_only_as_good_may_not() -> None:
    verdict = only(challenger=of(SECOND), refit=of(SECOND), champion=of(SECOND))
    assert not verdict.passed
    assert "certainly better" in verdict.why
    assert broken(verdict) == []


def test_a_new_configuration_that_is_better_by_chance_may_not() -> None:
    # One reader of forty: the interval holds 0.
    verdict = only(challenger=of(lambda n: 1 + (n != 7)), refit=of(SECOND), champion=of(SECOND))
    assert not verdict.passed


def test_a_new_configuration_that_loses_leaves_the_champions_to_be_trained_again() -> None:
    both = verdicts(
        *evaluate(challenger=of(lambda n: 9), refit=of(SECOND), champion=of(SECOND)), LIMITS
    )
    assert [(v.system, v.passed) for v in both] == [("challenger", False), ("refit", True)]


def test_the_same_configuration_may_lose_up_to_the_margin() -> None:
    # Two readers of forty fall from the second place to the third.
    system = {"refit": of(lambda n: 2 + (n < 2)), "champion": of(SECOND)}
    assert only(PromotionParams(margin=0.02), **system).passed
    refused = only(PromotionParams(margin=0.005), **system)
    assert not refused.passed
    assert "may lose" in refused.why
    assert broken(refused) == []


def test_the_same_version_is_never_worse_than_itself() -> None:
    same = of(lambda n: n % 11)
    assert only(PromotionParams(margin=0), refit=same, champion=same).passed


def test_a_refit_beside_a_champion_that_knows_the_day_only_keeps_its_own_guards() -> None:
    found, evaluated = evaluate(refit=of(SECOND))
    found = found.model_copy(update={"versions": found.versions | {"champion": "v-champion"}})
    (verdict,) = verdicts(found, evaluated, LIMITS)
    assert verdict.passed
    assert [g.name for g in verdict.guards] == ["numbers", "size", "time"]


@pytest.mark.parametrize(
    ("name", "challenger"),
    [
        ("numbers", of(FIRST, score=float("inf"))),
        ("size", system(Written(FIRST), megabytes=5000)),
        ("time", of(FIRST, seconds=21)),
        ("coverage", of(FIRST, narrow=True)),
        ("cold readers", of(lambda n: 9 if is_cold(n) else 1)),
        ("region: africa", of(lambda n: 3 if region(n) == "africa" else 1)),
    ],
)
def test_a_guard_stops_a_better_model_that_breaks_just_it(name: str, challenger: System) -> None:
    verdict = only(challenger=challenger, refit=of(SECOND), champion=of(SECOND))
    assert broken(verdict) == [name]
    assert not verdict.passed
    assert f"it breaks {name}: " in verdict.why
    # It is the guard that stops it, not the comparison.
    open_limits = PromotionParams(
        coverage_loss=1,
        cold_loss=1,
        region_loss=1,
        max_megabytes=1e6,
        max_seconds=1e6,
        not_finite=10**6,
    )
    assert only(open_limits, challenger=challenger, refit=of(SECOND), champion=of(SECOND)).passed


def test_the_same_configuration_keeps_the_same_guards() -> None:
    verdict = only(refit=of(FIRST, narrow=True), champion=of(SECOND))
    assert not verdict.passed
    assert broken(verdict) == ["coverage"]


def test_a_loss_that_may_be_chance_breaks_no_guard() -> None:
    # One cold reader of ten falls far; the interval of the slice holds 0.
    verdict = only(
        PromotionParams(cold_loss=0.01),
        challenger=of(lambda n: 0 if n == 0 else 2 if is_cold(n) else 1),
        refit=of(SECOND),
        champion=of(SECOND),
    )
    guard = next(g for g in verdict.guards if g.name == "cold readers")
    assert guard.value > guard.limit
    assert guard.passed
    assert "may be chance" in guard.text


def test_the_first_model_is_held_against_popularity() -> None:
    assert only(challenger=of(SECOND), popularity=of(SECOND)).passed
    # Worse, by four readers of forty, and not certainly by more than the margin.
    assert only(challenger=of(lambda n: 2 + (n < 4)), popularity=of(SECOND)).passed
    worse = only(challenger=of(lambda n: 3), popularity=of(SECOND))
    assert (worse.passed, worse.system) == (False, "challenger")
    assert "beside popularity" in worse.why
    slow = only(challenger=of(FIRST, seconds=21, narrow=True), popularity=of(SECOND))
    assert broken(slow) == ["time"]


def test_the_first_model_may_serve_when_nothing_can_be_judged() -> None:
    verdict = only(readers=0, challenger=of(FIRST), popularity=of(SECOND))
    assert verdict.passed
    assert "nothing to evaluate it by: no reader known before" in verdict.why


def test_a_day_with_nothing_to_judge_by_changes_no_champion() -> None:
    found = verdicts(
        *evaluate(readers=0, challenger=of(FIRST), refit=of(FIRST), champion=of(SECOND)), LIMITS
    )
    assert [(v.system, v.passed) for v in found] == [("challenger", False), ("refit", False)]
    assert "no reader known before read anything new" in found[1].why


def test_what_could_not_be_trained_is_told_and_stops_nothing_else() -> None:
    made, evaluated = evaluate(refit=of(SECOND), champion=of(SECOND))
    made = made.model_copy(update={"failed": {"challenger": "als.factors holds NaN"}})
    new, same = verdicts(made, evaluated, LIMITS)
    assert (new.passed, new.why) == (False, "als.factors holds NaN")
    assert same.passed
