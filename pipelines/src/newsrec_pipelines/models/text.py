"""Embeddings of texts: TF-IDF and truncated SVD, kept as JSON and arrays."""

import warnings
from typing import Any, Final, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from threadpoolctl import threadpool_limits

from newsrec_pipelines.models.protocols import Vectors
from newsrec_pipelines.parameters import ContentParams
from newsrec_pipelines.schemas import UNKNOWN

_MAX_DOCUMENTS: Final = 100_000  # the newest; more do not change what words mean
_ABSTRACT_CHARACTERS: Final = 1000
_CATEGORY_COUNT: Final = 4


class TextEmbedding:
    """Latent semantic analysis (Deerwester et al. 1990): ``unit(tfidf(text) V)``.

    Attributes:
        terms: the vocabulary, in the order of the columns.
        idf: shape (terms,), inverse document frequencies.
        components: shape (k, terms), the right singular vectors ``V`` transposed.
    """

    def __init__(
        self, terms: list[str], idf: NDArray[np.float64], components: NDArray[np.float32]
    ) -> None:
        self.terms = terms
        self.idf = idf
        self.components = components

    @classmethod
    def fit(cls, articles: pl.DataFrame, params: ContentParams, seed: int) -> Self:
        """Learn from titles, abstracts and categories; without any text, everything is zero."""
        newest = articles.sort("published_at", "article_id").tail(_MAX_DOCUMENTS)
        documents = _documents(newest)
        documents = documents.filter(documents != "")
        vectorizer = _vectorizer(
            max_features=params.max_features, min_df=2 if len(documents) > 100 else 1
        )
        try:
            matrix = vectorizer.fit_transform(documents.to_list())
        except ValueError:  # scikit-learn's answer to an empty vocabulary
            return cls([], np.zeros(0), np.zeros((params.embedding_size, 0), np.float32))
        components = np.zeros((params.embedding_size, matrix.shape[1]), np.float32)
        size = min(params.embedding_size, *matrix.shape)
        if matrix.shape[1] == 1:  # scikit-learn wants two terms
            components[0] = 1.0
        else:
            components[:size] = _right_singular_vectors(matrix, size, seed)
        return cls(vectorizer.get_feature_names_out().tolist(), vectorizer.idf_, components)

    def embed(self, articles: pl.DataFrame) -> Vectors:
        """Shape (articles, k), unit norm; zeros for articles without any known word."""
        if not self.terms or articles.is_empty():
            return np.zeros((articles.height, len(self.components)), np.float32)
        vectorizer = _vectorizer(vocabulary=self.terms)
        vectorizer.idf_ = self.idf
        matrix: csr_matrix = vectorizer.transform(_documents(articles).to_list())
        return unit(np.asarray(matrix @ self.components.T))

    def state(self) -> dict[str, Any]:
        """Vocabulary and matrices."""
        return {"terms": self.terms, "idf": self.idf, "components": self.components}


def _right_singular_vectors(matrix: csr_matrix, size: int, seed: int) -> NDArray[np.float64]:
    svd = TruncatedSVD(size, random_state=seed)
    # One thread: sums in another order would make other artefacts of the same data.
    with threadpool_limits(1, "blas"), warnings.catch_warnings():
        # A single document has no variance to explain, which is all that scikit-learn divides.
        warnings.filterwarnings("ignore", "invalid value", RuntimeWarning)
        return svd.fit(matrix).components_


def unit(vectors: NDArray[np.floating]) -> Vectors:
    """Rows divided by their length; rows of (almost) no length become zeros."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 1e-6).astype(
        np.float32
    )


def _vectorizer(**options: object) -> TfidfVectorizer:
    return TfidfVectorizer(strip_accents="unicode", sublinear_tf=True, dtype=np.float64, **options)


def has_title() -> pl.Expr:
    """Whether the source says more of an article than its id."""
    return (pl.col("title") != UNKNOWN) & (pl.col("title") != pl.col("article_id"))


def _documents(articles: pl.DataFrame) -> pl.Series:
    """The text of each article; empty when its source says nothing but the id."""
    # One token that no text contains, the same in every language. It stands several times: what a
    # newsroom calls an article says more than any of its words.
    token = pl.lit("category_") + pl.col("category").str.replace_all(r"\W", "_")
    category = pl.when(pl.col("category") != UNKNOWN).then(token)
    return articles.select(
        pl.concat_str(
            pl.when(has_title()).then("title"),
            pl.when(has_title()).then(pl.col("abstract").str.slice(0, _ABSTRACT_CHARACTERS)),
            *[category] * _CATEGORY_COUNT,
            separator=" ",
            ignore_nulls=True,
        ).alias("document")
    )["document"]
