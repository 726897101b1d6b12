from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from newsrec_pipelines.errors import ConfigError, ModelError
from newsrec_pipelines.models import ranker_training
from newsrec_pipelines.models.blend import (
    COLUMNS,
    LISTED,
    SCORERS,
    SOURCES,
    Scorers,
    column_groups,
    list_starts,
    used_columns,
)
from newsrec_pipelines.models.feedback import Weights
from newsrec_pipelines.models.ranker_training import fit_ranker, grades, ranker_training_sets
from support.factories_models import AS_OF, load_params, make_training_data, with_params

DATA = make_training_data()
PARAMS = load_params()
WEIGHTS = Weights.of(DATA.reads, PARAMS)


class Spy(Scorers):
    """Notes what it is fitted to, and from where it starts."""

    fitted: list = []  # noqa: RUF012

    @classmethod
    def fit(cls, data, params, previous=None):  # type: ignore[no-untyped-def]
        cls.fitted.append((data, previous))
        return super().fit(data, params, previous)


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> type[Spy]:
    monkeypatch.setattr(Spy, "fitted", [])
    monkeypatch.setattr(ranker_training, "Scorers", Spy)
    return Spy


def graded(clicked: list[bool], dwell: list[float | None], dwell_known: bool = True) -> list[int]:
    examples = pl.DataFrame(
        {"clicked": clicked, "dwell_seconds": dwell}, schema_overrides={"dwell_seconds": pl.Float64}
    )
    weights = Weights(60.0, 0.1 if dwell_known else 1.0)
    return grades(examples, weights, PARAMS).tolist()


def test_relevance_grows_with_the_time_that_was_given() -> None:
    dwell = [None, 1.0, 4.9, 5.0, 6.0, 30.0, 60.0, 900.0]
    assert PARAMS.ranker.grades == 12
    assert graded([False] + [True] * 7, dwell) == [0, 0, 0, 1, 2, 6, 12, 12]


def test_a_click_of_unknown_dwell_is_weak_evidence_unless_all_are() -> None:
    assert graded([True], [None]) == [2]
    assert graded([True, False], [None, None], dwell_known=False) == [PARAMS.ranker.grades, 0]


def test_scorers_see_nothing_of_the_day_that_they_score(spy: type[Spy]) -> None:
    # The earliest read of all was reported late: within the last day.
    late = pl.col("read_at") == pl.col("read_at").min()
    arrived = pl.when(late).then(pl.lit(DATA.as_of)).otherwise("available_at")
    data = replace(DATA, reads=DATA.reads.with_columns(available_at=arrived))
    for (one, _), (known, _) in zip(ranker_training_sets(data, PARAMS), spy.fitted, strict=True):
        assert one.examples["asked_at"].min() >= known.as_of
        assert known.reads["available_at"].max() < known.as_of
        assert known.reads["read_at"].min() > data.reads["read_at"].min()


def test_each_day_starts_from_the_day_before(spy: type[Spy]) -> None:
    days = shifted_by_a_day(DATA)
    made = [scorers for _, scorers in ranker_training_sets(days, PARAMS)]
    assert [previous for _, previous in spy.fitted] == [None, *made[:-1]]
    assert len(made) == 2


def shifted_by_a_day(data):  # type: ignore[no-untyped-def]
    """The same lists, shown once more on the day before."""
    day = timedelta(days=1)
    earlier = data.examples.with_columns(
        pl.col("asked_at") - day, impression_id=pl.col("impression_id") + "-before"
    )
    return replace(data, examples=pl.concat([earlier, data.examples]))


def test_lists_stay_whole_and_have_a_column_for_everything() -> None:
    ((one, _),) = ranker_training_sets(DATA, PARAMS)
    assert one.columns.shape == (DATA.examples.height, len(COLUMNS))
    assert len(one.starts) - 1 == DATA.examples["impression_id"].n_unique()
    assert np.isfinite(one.columns).all()
    # Scores are there, and they differ.
    for name in ("als", "content", "coread"):
        assert one.columns[:, COLUMNS.index(name)].std() > 0


def test_readers_and_articles_that_nobody_knows_are_trained_on_too() -> None:
    strange = DATA.examples.with_columns(
        user_id=pl.when(pl.col("user_id") == "u00").then(pl.lit("nobody")).otherwise("user_id"),
        article_id=pl.when(pl.col("article_id") == "a001")
        .then(pl.lit("nothing"))
        .otherwise("article_id"),
    )
    ((one, _),) = ranker_training_sets(replace(DATA, examples=strange), PARAMS)
    nobody = (one.examples["user_id"] == "nobody").to_numpy()
    assert (one.columns[nobody][:, COLUMNS.index("als")] == 0).all()
    assert np.isfinite(one.columns).all()


def test_a_fitted_ranker_orders_its_lists() -> None:
    given = [one for one, _ in ranker_training_sets(DATA, PARAMS)]
    params = with_params(ranker={"min_leaf": 5})
    ranker = fit_ranker(given, WEIGHTS, params)
    clicked = given[0].examples["clicked"].to_numpy()
    score = ranker.score(given[0].columns)
    assert score[clicked].mean() > score[~clicked].mean() + 0.5


def test_without_lists_the_ranker_sums_up_the_scorers() -> None:
    assert list(ranker_training_sets(replace(DATA, examples=DATA.examples.clear()), PARAMS)) == []
    assert fit_ranker([], WEIGHTS, PARAMS).trees == 0


def test_a_day_without_any_read_before_it_is_not_trained_on() -> None:
    assert list(ranker_training_sets(replace(DATA, reads=DATA.reads.clear()), PARAMS)) == []


def test_values_that_are_not_finite_make_no_ranker() -> None:
    bad = DATA.examples.with_columns(ctr_24h=pl.lit(float("nan")))
    given = [one for one, _ in ranker_training_sets(replace(DATA, examples=bad), PARAMS)]
    with pytest.raises(ModelError, match="no finite numbers"):
        fit_ranker(given, WEIGHTS, PARAMS)


def test_every_column_belongs_to_a_group_that_can_be_switched_off() -> None:
    groups = column_groups()
    assert {c for names in groups.values() for c in names} == set(COLUMNS)
    assert set(LISTED) <= set(COLUMNS)
    assert set(SCORERS) <= set(SOURCES) <= set(groups) | {"fresh"}
    left = used_columns(["als", "list"])
    assert "als" not in left
    assert not any(name.endswith(("_rank", "_share")) for name in left)
    assert set(used_columns(["als"])) == set(COLUMNS) - {"als", "als_rank", "als_share"}


def test_a_group_that_does_not_exist_is_named() -> None:
    with pytest.raises(ConfigError, match="there is no moon"):
        used_columns(["moon"])


def test_lists_are_runs_of_equal_keys() -> None:
    assert list_starts(np.array([3, 3, 1, 1, 1, 3])).tolist() == [0, 2, 5, 6]
    assert list_starts(np.array([])).tolist() == [0]
    assert DATA.examples["asked_at"].max() < AS_OF
