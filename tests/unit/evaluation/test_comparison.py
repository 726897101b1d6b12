from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from newsrec_pipelines.evaluation.comparison import compare
from newsrec_pipelines.evaluation.evaluated_lists import EvaluatedLists, Part
from newsrec_pipelines.parameters import BacktestParams

PARAMS = BacktestParams(bootstrap=200)
OURS, BASELINE = "news", "random"


def evaluated(lists: int = 120, seed: int = 1, better: float = 0.1) -> EvaluatedLists:
    """Ours is better by `better` on each list but those of cold readers, where it is worse."""
    rng = np.random.default_rng(seed)
    cold = np.arange(lists) % 4 == 0
    baseline = rng.random((lists, 2))
    baseline[cold, 1] = np.nan
    ours = baseline + np.where(cold, -better, better)[:, None]
    return EvaluatedLists(
        metrics=("auc", "dwell_ndcg@10"),
        lists=pl.DataFrame(
            {
                "user_id": [f"u{n % 40}" for n in range(lists)],
                "day": [date(2026, 3, 1) + timedelta(days=n % 2) for n in range(lists)],
                "region": ["africa" if n % 3 else "unknown" for n in range(lists)],
                "cold_reader": cold,
                "cold_article": [False] * lists,
            }
        ),
        values={OURS: ours, BASELINE: baseline},
        without={Part("source", "als"): ours},
        of_days={OURS: {"coverage": [0.2, 0.4]}, BASELINE: {"coverage": [1.0, 1.0]}},
        counts={"lists": lists},
    )


def test_the_difference_is_paired_and_has_the_sign_of_ours() -> None:
    found = compare(evaluated(), OURS, PARAMS, seed=7)
    difference = found["differences"][BASELINE]
    assert difference["auc"]["value"] == pytest.approx(0.05)
    # Readers differ far more than the systems do: only a paired interval leaves out 0.
    assert 0 < difference["auc"]["low"] < 0.05 < difference["auc"]["high"] < 0.08
    assert OURS not in found["differences"]
    assert found["readers"] == 40


def test_a_slice_has_the_lists_of_its_own_only() -> None:
    slices = {s["slice"]: s for s in compare(evaluated(), OURS, PARAMS, seed=7)["slices"]}
    assert set(slices) == {"cold readers", "region: africa"}
    cold = slices["cold readers"]
    assert cold["lists"] == 30
    assert cold["readers"] == 10
    assert cold["differences"][BASELINE]["auc"]["high"] == pytest.approx(-0.1)
    assert "dwell_ndcg@10" not in cold["systems"][OURS]


def test_a_part_that_changes_nothing_pays_nothing() -> None:
    (row,) = compare(evaluated(), OURS, PARAMS, seed=7)["ablation"]
    assert (row["kind"], row["without"]) == ("source", "als")
    assert row["differences"]["auc"] == {"value": 0.0, "low": 0.0, "high": 0.0, "lists": 120}


def test_a_part_left_out_on_some_days_is_compared_with_ours_on_those() -> None:
    one, two = evaluated(seed=1), evaluated(lists=60, seed=2, better=0.3)
    both = EvaluatedLists.concat([replace(one, without={}), two])
    (row,) = compare(both, OURS, PARAMS, seed=7)["ablation"]
    (alone,) = compare(two, OURS, PARAMS, seed=7)["ablation"]
    assert row["metrics"]["auc"]["value"] == alone["metrics"]["auc"]["value"]
    assert row["metrics"]["auc"]["lists"] == 60
    assert row["differences"]["auc"]["value"] == 0.0


def test_days_and_metrics_of_whole_days_have_no_interval() -> None:
    found = compare(evaluated(), OURS, PARAMS, seed=7)
    assert [d["day"] for d in found["days"]] == ["2026-03-01", "2026-03-02"]
    assert found["systems"][OURS]["coverage"] == {
        "value": pytest.approx(0.3),
        "low": None,
        "high": None,
        "days": 2,
    }


def test_days_add_up() -> None:
    one, two = evaluated(seed=1), evaluated(lists=60, seed=2)
    both = EvaluatedLists.concat([one, two])
    assert both.lists.height == len(both.values[OURS]) == 180
    assert both.counts == {"lists": 180}
    assert both.of_days[OURS]["coverage"] == [0.2, 0.4, 0.2, 0.4]
