"""The news model: scorers find candidates, the ranker orders them, rules make slates."""

from dataclasses import replace
from datetime import timedelta
from typing import Final, Self

import numpy as np
import polars as pl
from pydantic import ValidationError

from newsrec_pipelines.config import Params
from newsrec_pipelines.errors import ModelError
from newsrec_pipelines.features.pairs import pair_features
from newsrec_pipelines.features.types import Request, TrainingData
from newsrec_pipelines.models import artifacts, candidates, slates
from newsrec_pipelines.models.artifacts import ModelManifest
from newsrec_pipelines.models.blend import COLUMNS, Scorers, columns, dots
from newsrec_pipelines.models.ranker import Ranker
from newsrec_pipelines.models.reasons import much_read, reasons
from newsrec_pipelines.models.similar import similar_articles
from newsrec_pipelines.models.teaching import teach_ranker
from newsrec_pipelines.store import Store

# Numbers of one dense matrix: 16 MB each, and the readers of a block follow from it.
_BLOCK_CELLS: Final = 4_000_000
_BLOCK_READERS: Final = 1000


class NewsModel:
    """Popularity, ALS and content, blended by a linear ranker.

    Slates never hold an article that the reader has read or hidden, that is older than
    ``slate.max_age_hours``, or that is in a language she does not read; nor, as long as there are
    others, more than ``slate.max_per_publisher`` of one publisher. Readers without any read get
    their chosen categories first. The same request gives the same slates, however readers are cut
    into blocks.
    """

    name: Final = "news"

    def __init__(
        self,
        scorers: Scorers,
        ranker: Ranker,
        params: Params,
        metrics: dict[str, float | None],
    ) -> None:
        self.scorers = scorers
        self.ranker = ranker
        self.params = params
        self.metrics = metrics

    @classmethod
    def produce_model(cls, data: TrainingData, params: Params) -> Self:
        """Train on all that `data` holds.

        Raises:
            ModelError: when the data makes a model with values that are not finite numbers.
        """
        ranker, metrics = teach_ranker(data, params)
        return cls(Scorers.fit(data, params), ranker, params, metrics)

    def predict(self, request: Request) -> pl.DataFrame:
        """A slate for each reader of the request, in its order; schema `SLATE_SCHEMA`.

        Scores are expected shares of a whole read. Readers for whom nothing is left get empty
        lists. Memory is bounded by blocks of readers.
        """
        oldest = request.as_of - timedelta(hours=self.params.slate.max_age_hours)
        fresh = pl.col("published_at").is_between(oldest, request.as_of)
        request = replace(request, articles=request.articles.filter(fresh))
        if request.articles.is_empty() or request.users.is_empty():
            return slates.empty(request.users)
        rows = max(1, min(_BLOCK_READERS, _BLOCK_CELLS // request.articles.height))
        return pl.concat(
            self._predict_block(replace(request, users=users))
            for users in request.users.iter_slices(rows)
        )

    def score_examples(self, request: Request, examples: pl.DataFrame) -> np.ndarray:
        """Score of each example, shape (examples,), by what is known before ``request.as_of``.

        Args:
            request: its users and articles include those of the examples, its history is what the
                scorers may know.
            examples: as in `TrainingData`, with the pair features of their own moments.
        """
        return self.ranker.score(self.scorers.columns_of_examples(request, examples))

    def similar(self, articles: pl.DataFrame, k: int) -> pl.DataFrame:
        """Up to `k` neighbours of each article; see `similar_articles`."""
        return similar_articles(articles, self.scorers.content, self.scorers.als, k)

    def save(self, store: Store, data: TrainingData, git_commit: str) -> ModelManifest:
        """Write the artefact of this model, which was trained on `data`."""
        manifest = ModelManifest(
            name=self.name,
            version=artifacts.version_of(data.as_of, data.data_hash, self.params, git_commit),
            git_commit=git_commit,
            data_hash=data.data_hash,
            as_of=data.as_of,
            created_from={
                "articles": data.articles.height,
                "users": data.users.height,
                "reads": data.reads.height,
                "examples": data.examples.height,
                "sampled_negatives": data.sampled_negatives,
            },
            params=self.params.model_dump(mode="json"),
            metrics=self.metrics,
            files={},
        )
        states = {scorer.name: scorer.state() for scorer in self.scorers.all}
        return artifacts.save(store, manifest, {**states, "ranker": self.ranker.state()})

    @classmethod
    def load(cls, store: Store, version: str) -> Self:
        """The model of a version, with the parameters that it was trained with.

        Raises:
            ModelError: when the artefact is missing, corrupt, or made by other code.
        """
        manifest, states = artifacts.load(store, version)
        if manifest.name != cls.name:
            raise ModelError(f"model {version} is a {manifest.name} model, not a {cls.name} model")
        try:
            params = Params.model_validate(manifest.params)
            scorers = Scorers.from_states(states, params)
            ranker = Ranker.from_state(states["ranker"])
        except (ValidationError, KeyError, TypeError) as e:
            raise ModelError(
                f"model {version} was made by other code ({manifest.git_commit}): train again"
            ) from e
        if ranker.names != COLUMNS:
            raise ModelError(f"model {version} was taught other features: train again")
        return cls(scorers, ranker, params, manifest.metrics)

    def _predict_block(self, request: Request) -> pl.DataFrame:
        users, articles = request.users, request.articles
        # Else every block would weigh the history of all readers.
        own = request.history.join(users, on="user_id", how="semi")
        request = replace(request, history=own)
        vectors = [(s.user_vectors(request), s.article_vectors(request)) for s in self.scorers.all]
        chosen = candidates.chosen(request)
        rankings = [u @ a.T for u, a in vectors] + [candidates.newest(request, chosen)]
        user_row, article_row = candidates.best(
            rankings, candidates.allowed(request), self.params.slate.candidates_per_scorer
        )
        scores = [dots(u, a, user_row, article_row) for u, a in vectors]
        pairs = pl.DataFrame({"user_row": user_row, "article_row": article_row}).with_columns(
            users["user_id"].gather(user_row),
            articles["article_id"].gather(article_row),
            asked_at=pl.lit(request.as_of).cast(pl.Datetime("us", "UTC")),
        )
        features = pair_features(
            pairs,
            request.article_features,
            request.user_features,
            request.user_category_features,
            articles,
            users,
            self.params,
        )
        cold = ~users["user_id"].is_in(request.history["user_id"].unique().implode()).to_numpy()
        is_chosen = chosen[user_row, article_row]
        placed = slates.place(
            features.with_columns(
                articles["publisher"].gather(article_row),
                score=pl.Series(self.ranker.score(columns(features, scores))),
                popular=pl.Series(scores[0] >= much_read(rankings[0])[user_row]),
                chosen=pl.Series(is_chosen),
                # All that a reader without any read has told us is what she chose.
                first=pl.Series(is_chosen & cold[user_row]),
            ),
            self.params.slate,
        )
        placed = placed.with_columns(
            articles["category"].gather(placed["article_row"]),
            users["region"].gather(placed["user_row"]),
        )
        return slates.as_slates(
            placed.with_columns(reason=reasons(placed, request, self.scorers.content)), users
        )
