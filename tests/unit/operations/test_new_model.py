"""`newsrec new-model`: what is written, and what is refused before anything is."""

import shutil
from pathlib import Path

import pytest

from newsrec_pipelines.errors import ConfigError
from newsrec_pipelines.operations.new_model_command import TEMPLATE, scaffold
from support.postgres import REPOSITORY

KINDS = Path("pipelines/src/newsrec_pipelines/models/kinds")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the command needs of a checkout: the template, and a kind that is there."""
    shutil.copytree(REPOSITORY / TEMPLATE, tmp_path / TEMPLATE)
    shutil.copytree(REPOSITORY / KINDS, tmp_path / KINDS)
    return tmp_path


def _files(folder: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize(
    "name", ["", "Trend", "2nd", "my-kind", "_hidden", "a__b", "a/b", "../up", "class", "x" * 31]
)
def test_a_bad_name_is_one_line_and_writes_nothing(checkout: Path, name: str) -> None:
    before = _files(checkout)
    with pytest.raises(ConfigError, match="is no name for a kind of model") as error:
        scaffold(name, checkout)
    assert len(str(error.value).splitlines()) == 1
    assert _files(checkout) == before


def test_an_existing_kind_is_refused_and_left_alone(checkout: Path) -> None:
    before = _files(checkout)
    with pytest.raises(ConfigError, match=r"'news' already: see .*kinds/news\.py"):
        scaffold("news", checkout)
    assert _files(checkout) == before


def test_tests_of_that_name_are_left_alone(checkout: Path) -> None:
    mine = checkout / "tests/unit/models/kinds/test_trend.py"
    mine.parent.mkdir(parents=True)
    mine.write_text("# mine\n")
    with pytest.raises(ConfigError, match=r"already: see .*test_trend\.py"):
        scaffold("trend", checkout)
    assert mine.read_text() == "# mine\n"
    assert not (checkout / KINDS / "trend.py").exists()


def test_any_other_folder_is_no_checkout(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no checkout of newsrec"):
        scaffold("trend", tmp_path)
    assert not list(tmp_path.iterdir())
