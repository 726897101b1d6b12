"""A model as a wheel: whole, the same bytes each time, and nothing that executes on loading."""

import base64
import csv
import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from newsrec_pipelines.errors import BuildError, ModelError
from newsrec_pipelines.operations.build.wheel import (
    Contents,
    package_version,
    project_name,
    write_wheel,
)
from newsrec_pipelines.store import Store
from support.builds import VERSION
from support.models import make_version


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store((tmp_path / "store").as_uri())
    make_version(store, VERSION)
    return store


def _contents(store: Store, **files: bytes) -> Contents:
    return Contents(store, VERSION, "newsrec-pipelines==0.1.0+g0123456789ab", dict(files))


def _read(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_it_holds_the_artefact_as_it_was_saved(tmp_path: Path, store: Store) -> None:
    files = _read(write_wheel(tmp_path, _contents(store)))
    for key in store.keys(f"models/{VERSION}"):
        assert files[f"newsrec_model_fake/{key}"] == store.read_bytes(key)


def test_its_record_names_every_file_with_hash_and_size(tmp_path: Path, store: Store) -> None:
    files = _read(write_wheel(tmp_path, _contents(store, extra=b"more")))
    record = "newsrec_model_fake-2026.3.6+h9f3c2b1a.dist-info/RECORD"
    rows = {
        path: (sha, size) for path, sha, size in csv.reader(io.StringIO(files[record].decode()))
    }
    assert set(rows) == set(files)
    assert rows.pop(record) == ("", "")
    for path, (sha, size) in rows.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(files[path]).digest()).decode()
        assert sha == f"sha256={digest.rstrip('=')}"
        assert int(size) == len(files[path])


def test_the_same_contents_make_the_same_bytes(tmp_path: Path, store: Store) -> None:
    (tmp_path / "again").mkdir()
    one, other = (write_wheel(f, _contents(store)) for f in (tmp_path, tmp_path / "again"))
    assert one.name == other.name == "newsrec_model_fake-2026.3.6+h9f3c2b1a-py3-none-any.whl"
    assert one.read_bytes() == other.read_bytes()


def test_a_file_that_might_execute_is_refused(tmp_path: Path, store: Store) -> None:
    key = f"models/{VERSION}/manifest.json"
    manifest = store.read_json(key)
    store.write_bytes(f"models/{VERSION}/model.pkl", b"cos\nsystem\n")
    manifest["files"]["model.pkl"] = hashlib.sha256(b"cos\nsystem\n").hexdigest()
    store.write_json(key, manifest)
    with pytest.raises(BuildError, match=r"model\.pkl of model .* is no array, JSON or text"):
        write_wheel(tmp_path, _contents(store))


def test_a_file_that_was_exchanged_is_refused(tmp_path: Path, store: Store) -> None:
    store.write_bytes(f"models/{VERSION}/part.json", b'{"value": 2}')
    with pytest.raises(BuildError, match=r"part\.json .* is not the file that was saved"):
        write_wheel(tmp_path, _contents(store))
    assert not list(tmp_path.glob("*.whl"))


def test_a_version_that_is_not_there_is_one_line(tmp_path: Path, store: Store) -> None:
    with pytest.raises(ModelError, match="there is no model"):
        write_wheel(tmp_path, Contents(store, "20260306-00000000", "x"))


def test_versions_are_those_of_packages() -> None:
    assert package_version("20260306-00120034") == "2026.3.6+h00120034"
    assert package_version("20261112-9f3c2b1a") == "2026.11.12+h9f3c2b1a"
    assert project_name("trend_2") == "newsrec-model-trend-2"
    with pytest.raises(BuildError, match="is no version of a model"):
        package_version("1.0")
