"""The architecture page: every module, function and path that it names exists."""

import ast
import importlib.util
import re
from pathlib import Path

import pytest

from support.postgres import REPOSITORY

PAGE = REPOSITORY / "docs" / "architecture.md"
PICTURE = REPOSITORY / "docs" / "images" / "architecture.svg"
_MODULE = re.compile(r"\bnewsrec_[a-z]+(?:\.\w+)+(?::\w+)?")
_PATH = re.compile(r"`([\w.-]+(?:/[\w.-]+)*/(?:[\w-]+\.\w+)?)`")


def missing(name: str) -> bool:
    """Whether `package.module` or `package.module:function` does not exist."""
    module, _, function = name.partition(":")
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        return True
    if spec is None or spec.origin is None:
        return True
    tree = ast.parse(Path(spec.origin).read_text())
    defined = {n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    return bool(function) and function not in defined


@pytest.mark.parametrize(("page", "least"), [(PAGE, 35), (PICTURE, 13)], ids=lambda v: str(v)[-4:])
def test_every_module_that_is_named_exists(page: Path, least: int) -> None:
    names = set(_MODULE.findall(page.read_text()))
    assert len(names) >= least
    assert sorted(name for name in names if missing(name)) == []


def test_every_path_that_is_named_exists() -> None:
    paths = set(_PATH.findall(PAGE.read_text()))
    assert len(paths) >= 4
    assert sorted(path for path in paths if not (REPOSITORY / path).exists()) == []


@pytest.mark.parametrize(
    "planted",
    [
        "newsrec_pipelines.etl.nowhere",
        "newsrec_pipelines.nowhere.checks",
        "newsrec_pipelines.etl.checks:nowhere",
    ],
)
def test_a_wrong_name_is_found(planted: str) -> None:
    assert missing(planted)
