"""A folder of packages: pages with hashes, and additions that are whole or nothing."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsrec_pipelines.errors import BuildError
from newsrec_pipelines.operations.build import index as module
from newsrec_pipelines.operations.build.index import Index
from support.builds import content_of

ONE, OTHER = "a-1.0+h00aa00aa-py3-none-any.whl", "b-2.0-py3-none-any.whl"
# Adds a file, and stops for ever while it copies it.
_ADD_AND_HANG = """
import pathlib, sys, time
from newsrec_pipelines.operations.build import index
def hang(*paths):
    print("copying", flush=True)
    time.sleep(300)
index.shutil.copyfileobj = hang
index.Index(pathlib.Path(sys.argv[1])).add([("b", pathlib.Path(sys.argv[2]))])
"""


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return Index(tmp_path / "index")


def _file(folder: Path, name: str, content: bytes = b"wheel") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return folder / name


def test_pages_link_projects_and_files_with_their_hashes(tmp_path: Path, index: Index) -> None:
    index.add([("a", _file(tmp_path, ONE)), ("b", _file(tmp_path, OTHER))])
    assert index.projects() == ["a", "b"]
    root = (index.simple / "index.html").read_text()
    assert re.findall(r'href="([^"]+)"', root) == ["a/", "b/"]
    page = (index.simple / "a" / "index.html").read_text()
    sha256 = hashlib.sha256(b"wheel").hexdigest()
    # A + in a link would be read as a space by some.
    assert f'href="a-1.0%2Bh00aa00aa-py3-none-any.whl#sha256={sha256}"' in page
    assert index.files("a") == {ONE: sha256}
    assert (index.simple / "a" / ONE).read_bytes() == b"wheel"
    assert index.url == (tmp_path / "index" / "simple").as_uri()


def test_what_is_there_stays(tmp_path: Path, index: Index) -> None:
    index.add([("a", _file(tmp_path, ONE))])
    index.add([("a", _file(tmp_path, "a-2.0-py3-none-any.whl", b"newer"))])
    index.add([("a", _file(tmp_path, ONE))])
    assert sorted(index.files("a")) == sorted([ONE, "a-2.0-py3-none-any.whl"])
    # Nothing but the current generation is left.
    assert len(list((tmp_path / "index").glob("simple-*"))) == 1


def test_a_version_never_changes(tmp_path: Path, index: Index) -> None:
    index.add([("a", _file(tmp_path, ONE))])
    before = content_of(index.simple)
    changed = _file(tmp_path / "changed", ONE, b"other")
    with pytest.raises(BuildError, match="in the index already, with other content"):
        index.add([("b", _file(tmp_path, OTHER)), ("a", changed)])
    assert content_of(index.simple) == before


@pytest.mark.parametrize("failing", ["copyfileobj", "_page"])
def test_an_addition_that_fails_leaves_the_index(
    tmp_path: Path, index: Index, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    index.add([("a", _file(tmp_path, ONE))])
    before = content_of(index.simple)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shutil if failing == "copyfileobj" else module, failing, full)
        with pytest.raises(OSError, match="No space"):
            index.add([("b", _file(tmp_path, OTHER))])
    assert content_of(index.simple) == before
    index.add([("b", _file(tmp_path, OTHER))])
    assert index.projects() == ["a", "b"]
    assert len(list((tmp_path / "index").glob("simple-*"))) == 1


def test_an_addition_that_is_killed_leaves_the_index(tmp_path: Path, index: Index) -> None:
    index.add([("a", _file(tmp_path, ONE))])
    before = content_of(index.simple)
    other = _file(tmp_path, OTHER)
    command = [sys.executable, "-c", _ADD_AND_HANG, str(tmp_path / "index"), str(other)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as adding:
        assert adding.stdout is not None
        assert adding.stdout.readline() == "copying\n"
        assert len(list((tmp_path / "index").glob("simple-*"))) == 2
        assert content_of(index.simple) == before
        os.kill(adding.pid, signal.SIGKILL)
    assert content_of(index.simple) == before
    # The lock went with its owner, and so does what it left.
    index.add([("b", other)])
    assert index.projects() == ["a", "b"]
    assert len(list((tmp_path / "index").glob("simple-*"))) == 1


def test_who_adds_at_once_loses_nothing(tmp_path: Path, index: Index) -> None:
    files = [("a", _file(tmp_path, f"a-{n}.0-py3-none-any.whl")) for n in range(8)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda file: index.add([file]), files))
    assert sorted(index.files("a")) == sorted(file.name for _, file in files)


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b-c"]), st.integers(1, 4), st.binary(max_size=2)),
        max_size=6,
    )
)
def test_the_first_content_of_a_name_is_there_for_ever(
    tmp_path_factory: pytest.TempPathFactory, added: list[tuple[str, int, bytes]]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    index = Index(folder / "index")
    expected: dict[tuple[str, str], bytes] = {}
    for n, (project, version, content) in enumerate(added):
        file = _file(folder / str(n), f"{project}-{version}.0+h{version}.whl", content)
        first = expected.get((project, file.name), content)
        if first == content:
            index.add([(project, file)])
            expected[project, file.name] = content
        else:
            with pytest.raises(BuildError):
                index.add([(project, file)])
    found = {
        (project, name): (index.simple / project / name).read_bytes()
        for project in index.projects()
        for name in index.files(project)
    }
    assert found == expected
