"""A model of one scorer: what a new kind of model starts from."""

from collections.abc import Iterator
from typing import Any, ClassVar, Final, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import ValidationError

from newsrec_pipelines.errors import ModelError
from newsrec_pipelines.features.pairs import PAIR_FEATURES, PairFeatures
from newsrec_pipelines.features.types import Pairs, Request, TrainingData
from newsrec_pipelines.models import artifacts, slates
from newsrec_pipelines.models.artifacts import ModelManifest
from newsrec_pipelines.models.baselines import ByArticle
from newsrec_pipelines.models.blocks import READERS_PER_BLOCK, Block, in_blocks
from newsrec_pipelines.models.content import Content
from newsrec_pipelines.models.popularity import Popularity
from newsrec_pipelines.models.protocols import BoundScorer, Rows, Scorer
from newsrec_pipelines.models.ranker import Ranker
from newsrec_pipelines.models.reasons import Reasons
from newsrec_pipelines.models.request_rows import RequestRows
from newsrec_pipelines.models.similar import similar_articles
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.store import Store

# Passed over when a publisher has its places; the deeper, the surer that a slate is full.
_SPARE: Final = 5
_NEWNESS: Final = "newness"
# Small enough to decide between equal scores only, and to fill up a slate.
_NEWNESS_SHARE: Final = 1e-6


class SingleScorerModel:
    """The best articles by one scorer, filled up with the newest, under the rules of all slates.

    A kind names itself and its scorer. Beside it the model learns what is popular and what articles
    are about: reasons and similar articles are made of these. The score of an article is that of
    the scorer and a little for being new, and is explained by the two.
    """

    name: ClassVar[str]
    scorer: ClassVar[type[Scorer]]

    def __init__(
        self, learnt: Scorer, popularity: Popularity, content: Content, params: Params
    ) -> None:
        self.learnt = learnt
        self.popularity = popularity
        self.content = content
        self.params = params
        self.metrics: dict[str, float | None] = {}

    @property
    def ranker(self) -> Ranker:
        """Sums the bound scorer and the newness up."""
        columns = (self.name, _NEWNESS)
        return Ranker(columns, (), columns, "")

    @classmethod
    def produce_model(
        cls, data: TrainingData, params: Params, previous: Self | None = None
    ) -> Self:
        """Train on all that `data` holds.

        Args:
            data: what was known.
            params: everything that changes the result.
            previous: an earlier model of this kind, for scorers that start from one.
        """
        return cls(
            cls.scorer.fit(data, params, previous.learnt if previous else None),
            Popularity.fit(data, params),
            Content.fit(data, params),
            params,
        )

    def predict(self, request: Request) -> pl.DataFrame:
        """A slate for each reader of the request, in its order; schema `SLATE_SCHEMA`."""
        made = [block.slates for block in self.predict_blocks(request)]
        return pl.concat(made) if made else slates.empty(request.users)

    def predict_blocks(
        self, request: Request, readers_per_block: int = READERS_PER_BLOCK, threads: int = 1
    ) -> Iterator[Block]:
        """The same slates in blocks of readers, in the request's order."""
        return in_blocks(
            request,
            lambda fresh: _RequestContext(self, fresh).block,
            self.params.slate,
            readers_per_block,
            threads,
        )

    def similar(self, articles: pl.DataFrame, k: int) -> pl.DataFrame:
        """Up to `k` neighbours of each article by content; see `similar_articles`."""
        return similar_articles(articles, self.content, None, k)

    def save(
        self, store: Store, data: TrainingData, git_commit: str, previous: str | None = None
    ) -> ModelManifest:
        """Write the artefact of this model, which was trained on `data`."""
        manifest = artifacts.manifest_of(
            self.name, data, self.params, git_commit, previous, self.metrics
        )
        states: dict[str, Any] = {
            "scorer": self.learnt.state(),
            "popularity": self.popularity.state(),
            "content": self.content.state(),
        }
        return artifacts.save(store, manifest, states)

    @classmethod
    def load(cls, store: Store, version: str) -> Self:
        """The model of a version, with the parameters that it was trained with.

        Raises:
            ModelError: when the artefact is missing, corrupt, of another kind, or made by other
                code.
        """
        manifest, states = artifacts.load(store, version)
        if manifest.name != cls.name:
            raise ModelError(f"model {version} is a {manifest.name} model, not a {cls.name} model")
        try:
            params = Params.model_validate(manifest.params)
            return cls(
                cls.scorer.from_state(states["scorer"], params),
                Popularity.from_state(states["popularity"], params),
                Content.from_state(states["content"], params),
                params,
            )
        except (ValidationError, KeyError, TypeError, ValueError) as e:
            raise ModelError(
                f"model {version} was made by other code ({manifest.git_commit}): train again"
            ) from e


class _RequestContext:
    """One request, with all that its readers share."""

    def __init__(self, model: SingleScorerModel, request: Request) -> None:
        self._request = request
        self._columns = model.ranker.names
        self._wanted = _SPARE * model.params.slate.depth
        rows = RequestRows(request)
        self._rows = rows
        self._bound_scorer = model.learnt.at(rows)
        self._newest = ByArticle.newest(rows)
        self._rules = slates.SlateRules(
            request.articles,
            request.users,
            request.as_of,
            model.params.slate,
            model.params.training.seed,
        )
        self._reasons = Reasons(rows, model.content, model.popularity.at(rows))
        rows.forget_reads()
        self._cold = (
            ~request.users["user_id"]
            .is_in(request.history["user_id"].unique().implode())
            .to_numpy()
        )
        self._exposures = _exposures(request, model.params)

    def block(self, user_rows: Rows) -> Block:
        """Slates of the readers in these rows of the request."""
        users = self._request.users[user_rows]
        pairs, found = self._candidates(user_rows)
        columns = np.column_stack(
            [self._bound_scorer.of_pairs(pairs), _NEWNESS_SHARE * self._newest.of_pairs(pairs)]
        ).astype(np.float32)
        placed = self._rules.construct(
            pl.DataFrame(
                {
                    "row": np.arange(len(columns)),
                    "user_row": pairs.user_row,
                    "article_row": pairs.article_row,
                    "score": columns.sum(axis=1, dtype=np.float64),
                    # All that a reader without any read has told us is what she chose.
                    "first": self._rows.chosen(pairs) & self._cold[pairs.user_row],
                    "exposures_24h": self._exposures[pairs.article_row],
                }
            )
        )
        row = placed["row"].to_numpy()
        sources = pl.Series([[_NEWNESS], [self._columns[0]]]).gather(found[row].astype(np.int64))
        evidence = placed.select("user_id", "article_id", "place", "step", "propensity", "score")
        return Block(
            users=users,
            slates=slates.as_slates(placed.with_columns(reason=self._reasons.of(placed)), users),
            placed=evidence.hstack(
                [sources.alias("sources"), *pl.DataFrame(columns[row], list(self._columns))]
            ),
            candidates=len(columns),
        )

    def _candidates(self, user_rows: Rows) -> tuple[Pairs, NDArray[np.bool_]]:
        """Pairs in the order of readers and articles, and whether the scorer has found them."""
        width = self._request.articles.height
        own, newest = (
            pairs.user_row * width + pairs.article_row
            for pairs in (
                self._bound_scorer.best(user_rows, self._wanted),
                self._newest.best(user_rows, self._wanted),
            )
        )
        both = np.union1d(own, newest)
        return Pairs(*np.divmod(both, width)), np.isin(both, own)


def _exposures(request: Request, params: Params) -> NDArray[np.float32]:
    """How often each article was shown in 24 hours, shape (articles,)."""
    # Of the first reader: what an article's counters say is the same for all of them.
    every = np.arange(request.articles.height)
    features = PairFeatures(request, params).of(Pairs(np.zeros_like(every), every))
    return features[:, PAIR_FEATURES.index("exposures_24h")]


def best_of_scorer(
    bound_scorer: BoundScorer, newest: ByArticle, user_rows: Rows, k: int
) -> tuple[Pairs, NDArray[np.float64]]:
    """The best articles by one bound scorer, filled up with the newest, which break ties.

    So a scorer that knows nothing of a reader gives them the newest articles: a stronger baseline
    than chance.

    Args:
        bound_scorer: what is ordered by.
        newest: the order by age.
        user_rows: readers.
        k: how many articles of each are looked at.

    Returns:
        Pairs, sorted by the rows of readers and articles, each once; and their scores.
    """
    found = [bound_scorer.best(user_rows, k), newest.best(user_rows, k)]
    both = np.stack([np.concatenate(rows) for rows in zip(*found, strict=True)], axis=1)
    once = np.unique(both, axis=0)
    pairs = Pairs(once[:, 0], once[:, 1])
    newer = newest.of_pairs(pairs).astype(np.float64)
    # Small enough to decide between equal scores only.
    return pairs, bound_scorer.of_pairs(pairs) + 1e-9 * newer
