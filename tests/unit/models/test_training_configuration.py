"""Training configurations: what makes a model, and what does not."""

from typing import Any

import pytest

from newsrec_pipelines.errors import ModelError
from newsrec_pipelines.models.artifacts import ModelManifest
from newsrec_pipelines.models.training_configuration import TrainingConfiguration
from support.factories_models import AS_OF, load_params, with_params

ONE = TrainingConfiguration.of(load_params(), "abc")
MAKING = [
    {"als": {"epochs": 3}},
    {"candidates": {"fresh": 3}},
    {"content": {"half_life_days": 1}},
    {"coread": {"neighbours": 3}},
    {"features": {"user_half_life_days": 3}},
    {"popularity": {"half_life_hours": 1}},
    {"ranker": {"trees": 3}},
    {"slate": {"depth": 11}},
    {"training": {"window_days": 3}},
]
ELSEWHERE = [
    {"world": {"readers": 3}},
    {"etl": {"late_days": 1}},
    {"backtest": {"bootstrap": 3}},
    {"promotion": {"margin": 0.5}},
    {"training": {"keep_versions": 3}},
    {"training": {"keep_snapshot": False}},
    {"slate": {"keep_runs": 3}},
]


def manifest(params: dict[str, Any]) -> ModelManifest:
    return ModelManifest(
        name="news",
        version="20260306-00000000",
        git_commit="abc",
        data_hash="0" * 64,
        as_of=AS_OF,
        created_from={},
        params=params,
        metrics={},
        files={},
    )


@pytest.mark.parametrize("changes", MAKING, ids=lambda c: next(iter(c)))
def test_what_makes_the_model_makes_another_configuration(
    changes: dict[str, dict[str, object]],
) -> None:
    other = TrainingConfiguration.of(with_params(**changes), "abc")
    assert not other.same(ONE)
    assert other.id != ONE.id


def test_another_kind_is_another_configuration() -> None:
    assert not TrainingConfiguration.of(
        load_params().model_copy(update={"model": "other"}), "abc"
    ).same(ONE)


def test_what_other_kinds_are_told_is_elsewhere() -> None:
    def told(**kinds: dict[str, int]) -> TrainingConfiguration:
        return TrainingConfiguration.of(load_params().model_copy(update={"kinds": kinds}), "abc")

    assert told(other={"a": 1}).same(ONE)
    assert not told(news={"a": 1}).same(ONE)


@pytest.mark.parametrize("changes", ELSEWHERE, ids=lambda c: next(iter(c)))
def test_what_makes_no_model_does_not(changes: dict[str, dict[str, object]]) -> None:
    other = TrainingConfiguration.of(with_params(**changes), "abc")
    assert other.same(ONE)
    assert other.id == ONE.id


def test_other_code_is_the_same_configuration_but_repeats_nothing() -> None:
    other = TrainingConfiguration.of(load_params(), "def")
    assert other.same(ONE)
    assert not other.repeats(ONE)
    assert other.id != ONE.id
    assert TrainingConfiguration.of(load_params(), "abc").repeats(ONE)


def test_unknown_code_never_repeats() -> None:
    unknown = TrainingConfiguration.of(load_params(), "unknown")
    assert not unknown.repeats(TrainingConfiguration.of(load_params(), "unknown"))


def test_a_version_has_the_configuration_it_was_made_by() -> None:
    params = load_params().model_dump(mode="json")
    assert TrainingConfiguration.of_version(manifest(params)) == ONE
    # A section that is newer than the version, at its default.
    del params["promotion"]
    assert TrainingConfiguration.of_version(manifest(params)).same(ONE)


def test_parameters_that_nobody_knows_any_more_are_one_line() -> None:
    params = load_params().model_dump(mode="json") | {"forest": {"trees": 3}}
    with pytest.raises(ModelError, match="20260306-00000000") as error:
        TrainingConfiguration.of_version(manifest(params))
    assert len(str(error.value).splitlines()) == 1
