"""Differences between groups that are known beforehand are found, and none where there is none."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from newsrec_pipelines.experiment.comparison import compare, summary
from newsrec_pipelines.experiment.groups import HELD_OUT, OURS
from newsrec_pipelines.experiment.play import DAY_SCHEMA
from newsrec_pipelines.parameters import BacktestParams

BOOTSTRAP = BacktestParams(bootstrap=300)


def visits_and_past(
    effect: float, readers: int = 600, seed: int = 1
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Three days; a reader's dwell follows her habit, and `effect` seconds a day come on top."""
    rng = np.random.default_rng(seed)
    habit = rng.gamma(1.5, 40, readers)
    ours = rng.random(readers) < 0.5
    rows = []
    for n in range(3):
        for i in np.flatnonzero(rng.random(readers) < 0.7).tolist():
            seconds = max(0.0, habit[i] + rng.normal(0, 10)) + effect * ours[i]
            group = OURS if ours[i] else HELD_OUT
            day = date(2026, 3, 6) + timedelta(days=n)
            rows += [(day, group, f"r{i}", 1, seconds / 2, seconds / 2)] * 2
    past = pl.DataFrame({"user_id": [f"r{i}" for i in range(readers)], "dwell_before": habit})
    return pl.DataFrame(rows, DAY_SCHEMA, orient="row"), past


def test_every_visit_is_counted_once() -> None:
    visits, past = visits_and_past(20)
    result = compare(visits, past, BOOTSTRAP, 7)
    groups = result["groups"]
    assert sum(g["visits"] for g in groups.values()) == visits.height
    assert sum(g["reader_days"] for g in groups.values()) == visits.height / 2
    assert sum(g["readers"] for g in groups.values()) == visits["user_id"].n_unique()
    total = sum(g["dwell_seconds_per_reader_day"] * g["reader_days"] for g in groups.values())
    assert total == pytest.approx(visits["dwell_seconds"].sum())
    for name in ("visits", "reader_days"):
        by_day = sum(day["groups"][OURS][name] for day in result["by_day"])
        assert by_day == groups[OURS][name]
    assert [day["day"] for day in result["by_day"]] == ["2026-03-06", "2026-03-07", "2026-03-08"]


def test_the_difference_is_the_difference_of_the_groups_and_covers_the_truth() -> None:
    result = compare(*visits_and_past(20), BOOTSTRAP, 7)
    difference = result["difference"]["dwell_seconds"]
    ours, held_out = (result["groups"][g]["dwell_seconds_per_reader_day"] for g in (OURS, HELD_OUT))
    assert difference["value"] == pytest.approx(ours - held_out)
    assert difference["relative"] == pytest.approx(ours / held_out - 1)
    adjusted = result["difference"]["adjusted_dwell_seconds"]
    for found in (difference, adjusted):
        assert found["low"] < 20 < found["high"]
    # What was known before narrows the interval, and takes nothing from the effect.
    width, narrow = (d["high"] - d["low"] for d in (difference, adjusted))
    assert narrow < 0.3 * width
    assert adjusted["low"] > 15
    assert "held out" in summary(result)


def test_where_there_is_no_difference_the_interval_mostly_covers_zero() -> None:
    covered = 0
    for seed in range(20):
        result = compare(*visits_and_past(0, 200, seed), BOOTSTRAP, 7)
        found = result["difference"]["adjusted_dwell_seconds"]
        covered += found["low"] < 0 < found["high"]
    assert covered >= 16


def test_without_one_of_the_groups_there_is_no_difference() -> None:
    visits, past = visits_and_past(0, 30)
    result = compare(visits.filter(pl.col("group") == OURS), past, BOOTSTRAP, 7)
    assert result["difference"] == {}
    assert "nothing to compare" in summary(result)
    assert result["groups"][HELD_OUT]["reader_days"] == 0


def test_readers_without_a_past_count_as_having_read_nothing() -> None:
    visits, past = visits_and_past(20)
    result = compare(visits, past.clear(), BOOTSTRAP, 7)
    plain, adjusted = (
        result["difference"][name] for name in ("dwell_seconds", "adjusted_dwell_seconds")
    )
    assert plain == adjusted
