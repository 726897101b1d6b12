"""The news model: sources find candidates, the ranker orders them, rules make slates."""

from collections.abc import Iterator
from typing import Final, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import ValidationError

from newsrec_pipelines.errors import ModelError
from newsrec_pipelines.features.pairs import PairFeatures
from newsrec_pipelines.features.types import Pairs, Request, TrainingData
from newsrec_pipelines.models import artifacts, slates
from newsrec_pipelines.models.artifacts import ModelManifest
from newsrec_pipelines.models.blend import (
    COLUMNS,
    SCORERS,
    Matrix,
    Scorers,
    columns,
    list_starts,
)
from newsrec_pipelines.models.blocks import READERS_PER_BLOCK, Block, in_blocks
from newsrec_pipelines.models.candidates import Candidates, retrieve
from newsrec_pipelines.models.feedback import Weights
from newsrec_pipelines.models.popularity import Popularity
from newsrec_pipelines.models.ranker import Ranker
from newsrec_pipelines.models.ranker_training import (
    RankerTrainingSet,
    fit_ranker,
    ranker_training_sets,
)
from newsrec_pipelines.models.reasons import Reasons
from newsrec_pipelines.models.request_rows import RequestRows
from newsrec_pipelines.models.similar import similar_articles
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.store import Store


class NewsModel:
    """Candidates by several sources, ordered by LambdaMART on what readers gave their time to.

    Slates never hold an article that the reader has read or hidden, that is older than
    ``slate.max_age_hours``, in a language that she does not read, or not meant for her region;
    `slates.SlateRules` says which rules they follow. Readers without any read get their chosen
    categories first. The same request gives the same slates, however readers are cut into blocks.
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
    def produce_model(
        cls, data: TrainingData, params: Params, previous: Self | None = None
    ) -> Self:
        """Train on all that `data` holds.

        Args:
            data: what was known.
            params: everything that changes the result.
            previous: an earlier model, whose factors the training starts from (warm start). It
                must know nothing that `data` does not.

        Raises:
            ModelError: when the data makes a model with values that are not finite numbers.
        """
        training_sets = [one for one, _ in ranker_training_sets(data, params)]
        ranker = fit_ranker(training_sets, Weights.of(data.reads, params), params)
        start = previous.scorers if previous else None
        return cls(
            Scorers.fit(data, params, start), ranker, params, _metrics(training_sets, ranker)
        )

    def predict(self, request: Request) -> pl.DataFrame:
        """A slate for each reader of the request, in its order; schema `SLATE_SCHEMA`.

        Only the order of scores has a meaning. Readers for whom nothing is left get empty lists.
        """
        made = [block.slates for block in self.predict_blocks(request)]
        return pl.concat(made) if made else slates.empty(request.users)

    def predict_blocks(
        self, request: Request, readers_per_block: int = READERS_PER_BLOCK, threads: int = 1
    ) -> Iterator[Block]:
        """Slates in blocks of readers, in the request's order.

        What all readers share is computed once, before the first block; memory is bounded by the
        blocks. Blocks are made by `threads` threads, each of which computes on one core.
        """
        return in_blocks(
            request,
            lambda fresh: _RequestContext(self, fresh).block,
            self.params.slate,
            readers_per_block,
            threads,
        )

    def similar(self, articles: pl.DataFrame, k: int) -> pl.DataFrame:
        """Up to `k` neighbours of each article; see `similar_articles`."""
        return similar_articles(articles, self.scorers.content, self.scorers.als, k)

    def save(
        self, store: Store, data: TrainingData, git_commit: str, previous: str | None = None
    ) -> ModelManifest:
        """Write the artefact of this model, which was trained on `data`.

        Args:
            store: where to.
            data: what was known.
            git_commit: of the code.
            previous: the version that the training started from.
        """
        manifest = artifacts.manifest_of(
            self.name, data, self.params, git_commit, previous, self.metrics
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
        except (ValidationError, KeyError, TypeError, ValueError) as e:
            raise ModelError(
                f"model {version} was made by other code ({manifest.git_commit}): train again"
            ) from e
        if ranker.names != COLUMNS:
            raise ModelError(f"model {version} was trained on other features: train again")
        return cls(scorers, ranker, params, manifest.metrics)


class _RequestContext:
    """One request, with all that its readers share."""

    def __init__(self, model: NewsModel, request: Request) -> None:
        self._request = request
        self._ranker = model.ranker
        self._candidates = model.params.candidates
        self._rows = RequestRows(request)
        self._bound_scorers = model.scorers.at(self._rows)
        self._features = PairFeatures(request, model.params)
        self._rules = slates.SlateRules(
            request.articles,
            request.users,
            request.as_of,
            model.params.slate,
            model.params.training.seed,
        )
        popularity = self._bound_scorers[Popularity.name]
        self._reasons = Reasons(self._rows, model.scorers.content, popularity)
        # All that blocks need of it is in tables now.
        self._rows.forget_reads()
        self._cold = (
            ~request.users["user_id"]
            .is_in(request.history["user_id"].unique().implode())
            .to_numpy()
        )

    def block(self, user_rows: NDArray[np.int64]) -> Block:
        """Slates of the readers in these rows of the request."""
        users = self._request.users[user_rows]
        found = retrieve(self._bound_scorers, user_rows, self._candidates)
        ranked = self._columns(found.pairs)
        placed = self._rules.construct(self._scored(found.pairs, ranked))
        return Block(
            users=users,
            slates=slates.as_slates(placed.with_columns(reason=self._reasons.of(placed)), users),
            placed=_evidence(placed, found, ranked),
            candidates=len(ranked),
        )

    def _columns(self, pairs: Pairs) -> Matrix:
        scores = [self._bound_scorers[name].of_pairs(pairs) for name in SCORERS]
        return columns(self._features.of(pairs), scores, list_starts(pairs.user_row))

    def _scored(self, pairs: Pairs, ranked: Matrix) -> pl.DataFrame:
        """The candidates as `SlateRules.place` takes them, and ``row``, counting them."""
        return pl.DataFrame(
            {
                "row": np.arange(len(ranked)),
                "user_row": pairs.user_row,
                "article_row": pairs.article_row,
                "score": self._ranker.score(ranked, threads=1),
                # All that a reader without any read has told us is what she chose.
                "first": self._rows.chosen(pairs) & self._cold[pairs.user_row],
                "exposures_24h": ranked[:, COLUMNS.index("exposures_24h")],
            }
        )


def _evidence(placed: pl.DataFrame, found: Candidates, ranked: Matrix) -> pl.DataFrame:
    """What is kept of each placed article, so that it can be explained later."""
    row = placed["row"].to_numpy()
    by = pl.DataFrame({name: was[row] for name, was in found.sources.items()})
    sources = pl.concat_list(pl.when(name).then(pl.lit(name)) for name in by.columns)
    return placed.select("user_id", "article_id", "place", "step", "propensity", "score").hstack(
        [
            by.select(sources.list.drop_nulls().alias("sources")).to_series(),
            *pl.DataFrame(ranked[row], schema=list(COLUMNS)),
        ]
    )


def _metrics(training_sets: list[RankerTrainingSet], ranker: Ranker) -> dict[str, float | None]:
    examples = sum(one.examples.height for one in training_sets)
    clicks = sum(int(one.examples["clicked"].sum()) for one in training_sets)
    return {
        "examples": float(examples),
        "lists": float(sum(len(one.starts) - 1 for one in training_sets)),
        "clicked": clicks / examples if examples else None,
        "trees": float(ranker.trees),
    }
