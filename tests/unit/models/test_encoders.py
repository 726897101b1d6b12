from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from newsrec_pipelines.errors import ConfigError
from newsrec_pipelines.models.encoders import (
    SentenceEncoder,
    encoder_from_state,
    fit_encoder,
    load_sentence_model,
    sentences,
)
from newsrec_pipelines.schemas import UNKNOWN
from support.factories_models import load_params, make_training_data, with_params

ARTICLES = make_training_data(users=1).articles.head(3)


class Letters:
    """Counts letters: close enough to a model of sentences for those who call it."""

    def encode(self, sentences: list[str], **options: Any) -> np.ndarray:
        assert options["convert_to_numpy"]
        return np.array([[s.count(letter) for letter in "aeiou"] for s in sentences], np.float32)


def test_sentences_are_what_a_reader_sees() -> None:
    article = ARTICLES.head(1).with_columns(
        title=pl.lit("Rivers rise"), abstract=pl.lit("Rain fell."), category=pl.lit("local_news")
    )
    assert sentences(article).to_list() == ["Rivers rise. Rain fell.. local news"]


def test_an_article_without_text_is_zeros_beside_one_with() -> None:
    bare = ARTICLES.with_columns(
        title=pl.Series(["Rivers rise", ARTICLES["article_id"][1], UNKNOWN]),
        abstract=None,
        category=pl.lit(UNKNOWN),
    )
    vectors = SentenceEncoder(Letters()).embed(bare)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [1, 0, 0], rtol=1e-6)
    assert vectors.dtype == np.float32
    assert SentenceEncoder(Letters()).embed(bare.clear()).shape == (0, 5)


def test_a_model_is_loaded_from_this_machine_and_runs_no_foreign_code() -> None:
    asked: dict[str, Any] = {}

    def open_model(name: str, **options: Any) -> Letters:
        asked.update(name=name, **options)
        return Letters()

    package = SimpleNamespace(SentenceTransformer=open_model)
    model = load_sentence_model("models/minilm", importer=lambda _: package)
    assert isinstance(model, Letters)
    assert asked["name"] == "models/minilm"
    assert asked["local_files_only"]
    assert not asked["trust_remote_code"]
    assert asked["model_kwargs"] == {"use_safetensors": True}


def test_a_package_that_is_not_installed_is_one_clear_line() -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(name)

    with pytest.raises(ConfigError, match=r"sentence:minilm.*not installed.*tfidf") as e:
        load_sentence_model("minilm", importer=missing)
    assert "\n" not in str(e.value)


def test_a_model_that_is_not_here_is_one_clear_line() -> None:
    def missing(name: str, **options: Any) -> Any:
        raise OSError(f"{name} is not a local folder\nand much more")

    package = SimpleNamespace(SentenceTransformer=missing)
    with pytest.raises(ConfigError, match="cannot load minilm: minilm is not a local") as e:
        load_sentence_model("minilm", importer=lambda _: package)
    assert "\n" not in str(e.value)


def test_tf_idf_is_the_default_and_survives_its_own_state() -> None:
    params = load_params().content
    encoder = fit_encoder(ARTICLES, params, seed=1)
    again = encoder_from_state(encoder.state(), params)
    np.testing.assert_array_equal(again.embed(ARTICLES), encoder.embed(ARTICLES))


def test_a_name_without_a_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="encoder"):
        with_params(content={"encoder": "bert"})
