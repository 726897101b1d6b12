"""The gate's evaluation: which numbers come of slates that a test has written."""

from math import log2

import pytest

from newsrec_pipelines.gate.evaluation import System, evaluate_systems
from newsrec_pipelines.gate.steps import DayEvaluation
from support.factories_models import load_params
from support.gates import READERS, Written, make_day, system

PARAMS = load_params()


def evaluated(
    dwell: float | None = 60.0, readers: int = READERS, **systems: System
) -> DayEvaluation:
    return evaluate_systems(make_day(dwell, readers), systems, PARAMS, "digest")


def test_ndcg_of_dwell_decides_and_differences_are_paired() -> None:
    found = evaluated(
        challenger=system(Written(lambda n: 1)), refit=system(Written(lambda n: 1 + n % 2))
    )
    assert found.metric == "dwell_ndcg@10"
    assert found.missing is None
    assert found.counts["readers evaluated"] == READERS
    assert found.measured["challenger"].metrics["dwell_ndcg@10"].value == pytest.approx(1)
    difference = found.difference("challenger", "refit")
    assert difference.all.value == pytest.approx((1 - 1 / log2(3)) / 2)
    assert 0 < difference.all.low < difference.all.value < difference.all.high
    # Readers with odd numbers are all of one region: nothing is left to chance there.
    assert difference.slices["region: africa"].value == pytest.approx(0)
    second = difference.slices["region: latin_america"]
    assert second.low == pytest.approx(second.high)
    assert difference.means["region: latin_america"] == pytest.approx(1 / log2(3))
    assert difference.slices["cold readers"].lists == READERS // 4


def test_without_dwell_every_opened_article_counts_the_same() -> None:
    found = evaluated(
        None, refit=system(Written(lambda n: 1)), champion=system(Written(lambda n: 2))
    )
    assert found.metric == "slate_ndcg@10"
    assert "no dwell" in found.missing
    assert "dwell_ndcg@10" not in found.measured["refit"].metrics
    assert found.difference("refit", "champion").all.value == pytest.approx(1 - 1 / log2(3))


def test_a_version_that_is_two_systems_answers_once_and_differs_by_nothing() -> None:
    model = Written(lambda n: n % 11)
    same = system(model)
    found = evaluated(refit=same, champion=same)
    assert model.asked == 1
    difference = found.difference("refit", "champion").all
    assert (difference.value, difference.low, difference.high) == (0, 0, 0)


def test_a_day_on_which_nobody_opened_anything_is_not_judged() -> None:
    found = evaluated(readers=0, refit=system(Written(lambda n: 1)))
    assert found.metric is None
    assert "no reader known before" in found.missing
    assert found.measured == {}


def test_what_a_model_costs_is_measured() -> None:
    model = Written(lambda n: 1, narrow=True, score=float("nan"), seconds=3.0)
    found = evaluate_systems(
        make_day(), {"refit": system(model, "v1", 12.5)}, PARAMS, "", lambda: model.clock[0]
    ).measured["refit"]
    assert found.version == "v1"
    assert found.megabytes == 12.5
    assert found.seconds == 3.0  # fewer readers than 1,000 count as 1,000
    assert found.not_finite == 10 * READERS
    assert found.coverage == pytest.approx((4 + 9) / 80)
