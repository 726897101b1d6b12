"""Kinds of model: found by their file, and a version's by its manifest."""

from pathlib import Path

import pytest

from newsrec_pipelines.errors import ConfigError, ModelError
from newsrec_pipelines.models import kind, kinds
from newsrec_pipelines.models.news import NewsModel
from newsrec_pipelines.store import Store
from support.factories_models import load_params, make_request, make_training_data

DATA = make_training_data(users=8, articles=120)
MODEL = NewsModel.produce_model(DATA, load_params())


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path.as_uri())


def test_a_kind_is_found_by_its_name_and_every_file_is_one() -> None:
    assert kind.named("news") is NewsModel
    files = {file.stem for file in Path(kinds.__path__[0]).glob("[a-z]*.py")}
    assert set(kind.names()) == files
    for name in kind.names():
        assert kind.named(name).name == name


def test_a_new_file_is_a_new_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "weather.py").write_text("class Weather:\n    name = 'weather'\nKIND = Weather\n")
    monkeypatch.setattr(kinds, "__path__", [*kinds.__path__, str(tmp_path)])
    assert "weather" in kind.names()
    assert kind.named("weather").name == "weather"


@pytest.mark.parametrize("name", ["wether", "", "_hidden", "../news", "news.py", "os"])
def test_a_kind_that_is_not_there_is_one_line(name: str) -> None:
    with pytest.raises(ConfigError, match=r"there is no kind of model .*: there are .*news"):
        kind.named(name)


def test_a_version_is_loaded_as_the_kind_that_it_is(store: Store) -> None:
    version = MODEL.save(store, DATA, "abc").version
    loaded = kind.load(store, version)
    assert isinstance(loaded, NewsModel)
    request = make_request(DATA)
    assert loaded.predict(request).equals(MODEL.predict(request))


def test_a_version_of_a_kind_that_is_not_here_is_one_line(store: Store) -> None:
    version = MODEL.save(store, DATA, "abc").version
    key = f"models/{version}/manifest.json"
    store.write_json(key, store.read_json(key) | {"name": "weather"})
    with pytest.raises(ModelError, match=rf"{version} cannot be loaded: .* 'weather'"):
        kind.load(store, version)
