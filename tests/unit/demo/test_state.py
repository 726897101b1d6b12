"""The demo goes on where it ended, alone in its folder, and only with the same parameters."""

from pathlib import Path

import pytest

from newsrec_pipelines.demo.state import demo_state, load
from newsrec_pipelines.errors import ConfigError, NewsrecError


@pytest.fixture
def params_file(tmp_path: Path) -> Path:
    file = tmp_path / "params.yaml"
    file.write_text("world: {seed: 7}\n")
    return file


def test_finished_steps_are_remembered(tmp_path: Path, params_file: Path) -> None:
    with demo_state(tmp_path / "demo", params_file) as state:
        assert state.done == []
        state.done.append("simulate")
        state.save()

    assert load(tmp_path / "demo", params_file).done == ["simulate"]


def test_other_parameters_are_refused(tmp_path: Path, params_file: Path) -> None:
    with demo_state(tmp_path / "demo", params_file) as state:
        state.save()
    params_file.write_text("world: {seed: 8}\n")

    with pytest.raises(ConfigError, match="make clean"):
        load(tmp_path / "demo", params_file)


def test_a_second_demo_in_the_same_folder_is_refused(tmp_path: Path, params_file: Path) -> None:
    with (
        demo_state(tmp_path / "demo", params_file),
        pytest.raises(NewsrecError, match="another demo"),
        demo_state(tmp_path / "demo", params_file),
    ):
        pass


def test_missing_parameters_are_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*params\.yaml"):
        load(tmp_path / "demo", tmp_path / "params.yaml")


@pytest.mark.parametrize("content", ["{", "[]", '{"params_hash": "x", "foo": 1}'])
def test_a_state_that_no_demo_wrote_is_refused_in_one_line(
    tmp_path: Path, params_file: Path, content: str
) -> None:
    (tmp_path / "state.json").write_text(content)
    with pytest.raises(ConfigError, match="not what a demo wrote"):
        load(tmp_path, params_file)
