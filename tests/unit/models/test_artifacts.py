import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from newsrec_pipelines.errors import ModelError
from newsrec_pipelines.models import artifacts
from newsrec_pipelines.models.news import NewsModel
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.store import Store
from support.factories_models import load_params, make_request, make_training_data, with_params

DATA = make_training_data(users=8, articles=120)
PARAMS = load_params()
MODEL = NewsModel.produce_model(DATA, PARAMS)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path.as_uri())


def files(store: Store, version: str) -> dict[str, bytes]:
    return {k: store.read_bytes(k) for k in store.keys(f"models/{version}")}


def test_a_loaded_model_makes_the_same_slates(store: Store) -> None:
    version = MODEL.save(store, DATA, "abc").version
    request = make_request(DATA)
    assert NewsModel.load(store, version).predict(request).equals(MODEL.predict(request))


def test_the_same_inputs_give_the_same_version_and_bytes(tmp_path: Path) -> None:
    one, other = (Store((tmp_path / name).as_uri()) for name in ("one", "other"))
    version = MODEL.save(one, DATA, "abc").version
    again = NewsModel.produce_model(make_training_data(users=8, articles=120), PARAMS)
    assert again.save(other, DATA, "abc").version == version
    assert files(one, version) == files(other, version)


def test_the_version_tells_moment_code_data_and_parameters_apart() -> None:
    as_of, versions = DATA.as_of, artifacts.version_of
    one = versions(as_of, "d1", PARAMS, "c1")
    assert one.startswith("20260306-")
    assert one == versions(as_of, "d1", PARAMS, "c1")
    others = {
        versions(as_of + timedelta(hours=1), "d1", PARAMS, "c1"),
        versions(as_of, "d2", PARAMS, "c1"),
        versions(as_of, "d1", PARAMS, "c2"),
        versions(as_of, "d1", with_params(als={"epochs": 3}), "c1"),
    }
    assert len(others | {one}) == 5


def test_the_manifest_says_what_the_model_is_made_of(store: Store) -> None:
    version = MODEL.save(store, DATA, "abc").version
    manifest = artifacts.read_manifest(store, version)
    assert manifest.git_commit == "abc"
    assert manifest.data_hash == DATA.data_hash
    assert manifest.as_of == DATA.as_of
    assert manifest.params["als"]["epochs"] == PARAMS.als.epochs
    assert manifest.created_from["reads"] == DATA.reads.height
    assert manifest.metrics["examples"] == DATA.examples.height
    assert manifest.metrics["trees"] == PARAMS.ranker.trees
    assert manifest.previous is None


def test_a_changed_file_is_refused(store: Store) -> None:
    version = MODEL.save(store, DATA, "abc").version
    content = bytearray(store.read_bytes(f"models/{version}/als.factors.npy"))
    content[-1] ^= 1
    store.write_bytes(f"models/{version}/als.factors.npy", bytes(content))
    with pytest.raises(ModelError, match=r"als\.factors\.npy .* is not the one that was saved"):
        NewsModel.load(store, version)


def test_a_missing_file_is_refused(store: Store) -> None:
    version = MODEL.save(store, DATA, "abc").version
    store.remove(f"models/{version}/ranker.json")
    with pytest.raises(ModelError, match=r"lacks its file ranker\.json"):
        NewsModel.load(store, version)


@pytest.mark.parametrize(
    "change",
    [{"format": 1}, {"version": "20200101-00000000"}, {"surprise": 1}, {"data_hash": None}],
)
def test_a_foreign_manifest_is_refused(store: Store, change: dict[str, object]) -> None:
    version = MODEL.save(store, DATA, "abc").version
    key = f"models/{version}/manifest.json"
    store.write_json(key, store.read_json(key) | change)
    with pytest.raises(ModelError, match=version) as error:
        NewsModel.load(store, version)
    assert len(str(error.value).splitlines()) == 1


def test_a_manifest_that_is_no_json_is_refused(store: Store) -> None:
    version = MODEL.save(store, DATA, "abc").version
    store.write_bytes(f"models/{version}/manifest.json", b"{")
    with pytest.raises(ModelError, match="damaged"):
        NewsModel.load(store, version)


def test_a_model_of_another_class_or_other_parameters_is_refused(store: Store) -> None:
    version = MODEL.save(store, DATA, "abc").version
    key = f"models/{version}/manifest.json"
    manifest = store.read_json(key)
    store.write_json(key, manifest | {"name": "weather"})
    with pytest.raises(ModelError, match="is a weather model"):
        NewsModel.load(store, version)
    store.write_json(key, manifest | {"params": {"als": {}}})
    with pytest.raises(ModelError, match="train again"):
        NewsModel.load(store, version)


def test_pickled_arrays_are_never_unpickled(store: Store) -> None:
    manifest = MODEL.save(store, DATA, "abc")
    key = f"models/{manifest.version}/als.factors.npy"
    path = Path(store.path(key))
    with path.open("wb") as file:
        np.save(file, np.array([{"code": "runs"}], dtype=object), allow_pickle=True)
    hashes = manifest.files | {"als.factors.npy": artifacts._sha256(path.read_bytes())}
    store.write_json(
        f"models/{manifest.version}/manifest.json",
        json.loads(manifest.model_copy(update={"files": hashes}).model_dump_json()),
    )
    with pytest.raises(ModelError, match=r"als\.factors\.npy"):
        NewsModel.load(store, manifest.version)


def test_arrays_that_are_not_finite_are_never_saved(store: Store) -> None:
    broken = NewsModel.produce_model(DATA, PARAMS)
    broken.scorers.als.factors[0, 0] = np.nan
    with pytest.raises(ModelError, match="not finite"):
        broken.save(store, DATA, "abc")
    assert FileRegistry(store).versions() == []


def test_a_version_that_is_there_is_never_written_again(store: Store) -> None:
    manifest = MODEL.save(store, DATA, "abc")
    before = files(store, manifest.version)
    # The same inputs, and other last bits: another machine.
    other = NewsModel.produce_model(DATA, PARAMS)
    other.scorers.als.factors[0, 0] += 1e-6
    assert other.save(store, DATA, "abc") == manifest
    assert files(store, manifest.version) == before


def test_what_a_version_lost_is_written_again(store: Store) -> None:
    version = MODEL.save(store, DATA, "abc").version
    before = files(store, version)
    store.remove(f"models/{version}/ranker.json")
    store.write_bytes(f"models/{version}/als.factors.npy", b"")
    MODEL.save(store, DATA, "abc")
    assert files(store, version) == before


def test_a_damaged_version_is_not_mixed_with_another_one(store: Store) -> None:
    version = MODEL.save(store, DATA, "abc").version
    store.remove(f"models/{version}/ranker.json")
    before = files(store, version)
    other = NewsModel.produce_model(DATA, PARAMS)
    other.scorers.als.factors[0, 0] += 1e-6
    with pytest.raises(ModelError, match=f"newsrec models remove {version}"):
        other.save(store, DATA, "abc")
    assert files(store, version) == before
