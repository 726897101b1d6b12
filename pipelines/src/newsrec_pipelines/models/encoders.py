"""Encoders of texts, by name: TF-IDF, or a sentence encoder where one is installed."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Final, Protocol

import numpy as np
import polars as pl

from newsrec_pipelines.errors import ConfigError
from newsrec_pipelines.models.protocols import Encoder, State, Vectors
from newsrec_pipelines.models.text import TextEmbedding, has_title, unit
from newsrec_pipelines.parameters import ContentParams
from newsrec_pipelines.schemas import UNKNOWN

_SENTENCE: Final = "sentence:"
_ABSTRACT_CHARACTERS: Final = 1000
_BATCH: Final = 64


class SentenceModel(Protocol):
    """What we use of ``sentence_transformers.SentenceTransformer``."""

    def encode(self, sentences: list[str], **options: Any) -> Sequence[Sequence[float]]:
        """Shape (sentences, k)."""


def fit_encoder(articles: pl.DataFrame, params: ContentParams, seed: int) -> Encoder:
    """The encoder that `params` names; TF-IDF learns from the articles, others are as they are.

    Raises:
        ConfigError: when a sentence encoder is named that is not installed here.
    """
    if params.encoder.startswith(_SENTENCE):
        return SentenceEncoder(load_sentence_model(params.encoder.removeprefix(_SENTENCE)))
    return TextEmbedding.fit(articles, params, seed)


def encoder_from_state(state: State, params: ContentParams) -> Encoder:
    """The encoder that was saved; of a sentence encoder, only its name is.

    Raises:
        ConfigError: as `fit_encoder`.
    """
    if params.encoder.startswith(_SENTENCE):
        return SentenceEncoder(load_sentence_model(params.encoder.removeprefix(_SENTENCE)))
    return TextEmbedding(state["terms"], state["idf"], state["components"])


class SentenceEncoder:
    """Title, abstract and category as one text, by a trained model of sentences.

    N. Reimers, I. Gurevych: Sentence-BERT (2019). A multilingual model puts the same news in two
    languages side by side, which TF-IDF cannot.
    """

    def __init__(self, model: SentenceModel) -> None:
        self._model = model
        self._size = self._encode([""]).shape[1]

    def embed(self, articles: pl.DataFrame) -> Vectors:
        """Shape (articles, k), unit norm; zeros for articles of which nothing is known."""
        texts = sentences(articles)
        known = (texts != "").to_numpy()
        vectors = np.zeros((len(texts), self._size), np.float32)
        if known.any():
            vectors[known] = self._encode(texts.filter(pl.Series(known)).to_list())
        return unit(vectors)

    def _encode(self, texts: list[str]) -> Vectors:
        return np.asarray(
            self._model.encode(
                texts, batch_size=_BATCH, show_progress_bar=False, convert_to_numpy=True
            )
        )

    def state(self) -> dict[str, Any]:
        """Nothing: the model is no part of the artefact, its name is in the parameters."""
        return {}


def load_sentence_model(name: str, importer: Callable[[str], Any] = import_module) -> SentenceModel:
    """A model of sentence-transformers from a folder, or from its local cache by name.

    Nothing is ever downloaded, and no code or pickle of the model is executed.

    Raises:
        ConfigError: when the package or the model is not here.
    """
    try:
        package = importer("sentence_transformers")
    except ImportError as e:
        raise ConfigError(
            f"content.encoder is {_SENTENCE}{name}, and sentence-transformers is not installed: "
            "install it, or use tfidf"
        ) from e
    try:
        model: SentenceModel = package.SentenceTransformer(
            name,
            device="cpu",
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        )
    except (OSError, ValueError) as e:
        reason = str(e).strip().split("\n", 1)[0]
        raise ConfigError(f"content.encoder: cannot load {name}: {reason}") from e
    return model


def sentences(articles: pl.DataFrame) -> pl.Series:
    """What a person would read of each article; empty when its source says nothing but the id."""
    text = pl.concat_str(
        pl.when(has_title()).then("title"),
        pl.when(has_title()).then(
            pl.col("abstract").cast(pl.String).str.slice(0, _ABSTRACT_CHARACTERS)
        ),
        pl.when(pl.col("category") != UNKNOWN).then(
            pl.col("category").str.replace_all(r"[\W_]+", " ")
        ),
        separator=". ",
        ignore_nulls=True,
    )
    return articles.select(text.alias("text"))["text"]
