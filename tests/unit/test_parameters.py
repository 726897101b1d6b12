"""Parameters: whole files, and one clear line for each wrong entry."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ConfigDict

from newsrec_pipelines.errors import ConfigError
from newsrec_pipelines.parameters import Params
from support.postgres import REPOSITORY

PARAMS = REPOSITORY / "params.yaml"


def test_the_parameters_of_the_repository_are_whole() -> None:
    assert Params.load(PARAMS).slate.depth >= 10


def _without(section: str) -> Any:
    params = yaml.safe_load(PARAMS.read_text())
    del params[section]
    return params


def _with(section: str, name: str, value: object) -> Any:
    params = yaml.safe_load(PARAMS.read_text())
    params[section][name] = value
    return params


@pytest.mark.parametrize(
    ("params", "line"),
    [
        (_without("als"), "als: Field required"),
        (_with("slate", "depth", 3), "slate.depth: "),
        (_with("slate", "depth", "many"), "slate.depth: "),
        (_with("slate", "dept", 20), "slate.dept: there is no such parameter"),
        (_with("world", "start", "soon"), "world.start: "),
        (_with("etl", "late_days", -1), "etl.late_days: "),
        ([1, 2], "the whole file: "),
        (None, "the whole file: "),
    ],
)
def test_a_wrong_parameter_is_named_with_its_file(params: Any, line: str, tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(yaml.safe_dump(params))
    with pytest.raises(ConfigError) as error:
        Params.load(file)
    assert str(error.value).startswith(f"{file}: {line}")
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"world: [1, 2\nals: {", "is not YAML"),
        (b"\xff\xfe\x00\x01", "is not YAML"),
        (b"world: \x00", "is not YAML"),
    ],
)
def test_a_file_that_is_no_yaml_is_one_line(content: bytes, line: str, tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=line) as error:
        Params.load(file)
    assert len(str(error.value).splitlines()) == 1


def test_a_missing_parameter_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*params\.yaml: No such file"):
        Params.load(tmp_path / "params.yaml")


def test_a_file_changes_what_it_says_of_the_file_that_it_extends(tmp_path: Path) -> None:
    base = tmp_path / "params.yaml"
    base.write_text((REPOSITORY / "params.yaml").read_text())
    file = tmp_path / "other.yaml"
    file.write_text("extends: params.yaml\nslate: {max_age_hours: 720}\n")
    expected = Params.load(base).model_dump()
    expected["slate"]["max_age_hours"] = 720
    assert Params.load(file).model_dump() == expected


def test_an_extended_file_that_is_missing_or_wrongly_changed_is_named(tmp_path: Path) -> None:
    file = tmp_path / "other.yaml"
    file.write_text("extends: params.yaml\n")
    with pytest.raises(ConfigError, match=r"cannot read .*params\.yaml: No such file"):
        Params.load(file)
    (tmp_path / "params.yaml").write_text((REPOSITORY / "params.yaml").read_text())
    file.write_text("extends: params.yaml\nslate: {no_such: 1}\n")
    with pytest.raises(ConfigError, match=r"other\.yaml: slate\.no_such"):
        Params.load(file)


def test_the_parameters_for_deskdrop_are_right() -> None:
    assert Params.load(REPOSITORY / "params-deskdrop.yaml").slate.max_age_hours == 720


def test_the_parameters_for_ebnerd_count_every_click() -> None:
    params = Params.load(REPOSITORY / "params-ebnerd.yaml")
    assert (params.ranker.bounce_seconds, params.ranker.least_weight) == (0, 1)
    assert params.backtest.first_day == date(2023, 5, 25)


@pytest.mark.parametrize(
    ("path", "right"),
    [
        ("slaet", "slate"),
        ("slate.dept", "slate.depth"),
        ("world.dirt.duplicate", "world.dirt.duplicates"),
        ("monitoring.checks.usual_week", "monitoring.checks.usual_weeks"),
        ("extend", "extends"),
    ],
)
def test_a_misspelt_parameter_is_named_beside_the_nearest_right_one(
    path: str, right: str, tmp_path: Path
) -> None:
    params = yaml.safe_load(PARAMS.read_text())
    *sections, wrong = path.split(".")
    section = params
    for name in sections:
        section = section.setdefault(name, {})
    # In place of the right one, which is required at some depths.
    section[wrong] = section.pop(right.rpartition(".")[2], 1)
    file = tmp_path / "params.yaml"
    file.write_text(yaml.safe_dump(params))
    with pytest.raises(ConfigError) as error:
        Params.load(file)
    expected = f"{file}: {path}: there is no such parameter; did you mean {right}?"
    assert str(error.value) == expected


def test_a_strange_parameter_has_no_right_one_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(yaml.safe_dump(_with("slate", "xyzzy", 1)))
    with pytest.raises(ConfigError, match=r"slate\.xyzzy: there is no such parameter$"):
        Params.load(file)


class _Kind(BaseModel):
    model_config = ConfigDict(extra="forbid")

    half_life: float = 1.0


def test_a_misspelt_parameter_of_a_kind_is_named_beside_the_nearest_right_one() -> None:
    params = Params.load(PARAMS).model_copy(update={"kinds": {"mine": {"halflife": 2.0}}})
    with pytest.raises(ConfigError, match=r"^kinds\.mine\.halflife: .*kinds\.mine\.half_life\?$"):
        params.of_kind("mine", _Kind)
