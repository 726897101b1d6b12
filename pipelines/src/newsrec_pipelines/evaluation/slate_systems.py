"""The slates of all systems at one moment, under the same rules."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from newsrec_pipelines.evaluation.evaluated_lists import Part
from newsrec_pipelines.evaluation.metrics import Values
from newsrec_pipelines.features.pairs import PAIR_FEATURES, PairFeatures
from newsrec_pipelines.features.types import Pairs, Request
from newsrec_pipelines.models.baselines import ByArticle, Chance
from newsrec_pipelines.models.blend import SCORERS, Matrix, columns, list_starts
from newsrec_pipelines.models.candidates import Candidates, retrieve
from newsrec_pipelines.models.news import NewsModel
from newsrec_pipelines.models.protocols import BoundScorer, Rows
from newsrec_pipelines.models.ranker import Ranker
from newsrec_pipelines.models.request_rows import RequestRows
from newsrec_pipelines.models.single_scorer import best_of_scorer
from newsrec_pipelines.models.slates import SlateRules
from newsrec_pipelines.parameters import Params

_READERS: Final = 2000  # whose candidates are held at once
# Passed over when a publisher has its places; the deeper, the surer that a slate is full.
_SPARE: Final = 5
_COUNTERS: Final = ("clicks_3h", "clicks_24h", "exposures_24h")
_OWN: Final = len(PAIR_FEATURES) + len(SCORERS)

Slates = dict[str | Part, pl.DataFrame]


class SlateSystems:
    """One request, with all that its readers and the systems share."""

    def __init__(self, request: Request, model: NewsModel, params: Params) -> None:
        """Prepare the candidates and rules of `model`, and the orders that need no ranker."""
        rows = RequestRows(request)
        self._request = request
        self._rows = rows
        self._candidates = model.params.candidates
        self._depth = params.slate.depth
        self._bound_scorers = model.scorers.at(rows)
        self._features = PairFeatures(request, params)
        self._cold = ~request.users["user_id"].is_in(request.history["user_id"].unique().implode())
        self._rules = SlateRules(
            request.articles, request.users, request.as_of, params.slate, params.training.seed
        )
        # Of the first reader: what an article's counters say is the same for all of them.
        every = np.arange(request.articles.height)
        of_article = self._features.of(Pairs(np.zeros_like(every), every))
        counters = {name: of_article[:, PAIR_FEATURES.index(name)] for name in _COUNTERS}
        self._exposures = counters.pop("exposures_24h")
        self._newest = ByArticle.newest(rows)
        self._single_scorers: dict[str, BoundScorer] = {
            **{name: self._bound_scorers[name] for name in SCORERS},
            **{name: ByArticle(clicks, rows) for name, clicks in counters.items()},
            "newest": self._newest,
            "random": Chance(params.training.seed, rows),
        }

    def slates(self, rankers: Mapping[str, Ranker], without: Mapping[Part, Ranker]) -> Slates:
        """``user_id`` and ``article_ids`` of each system, of every reader in order.

        Rankers order the same candidates; the others find their own.

        Args:
            rankers: system -> ranker.
            without: what was left out -> ranker; a source is left out of the candidates.
        """
        users = np.arange(self._request.users.height)
        blocks = [users[n : n + _READERS] for n in range(0, len(users), _READERS)]
        made = [self._block(rows, rankers, without) for rows in blocks]
        return {system: pl.concat(block[system] for block in made) for system in made[0]}

    def _block(
        self, user_rows: Rows, rankers: Mapping[str, Ranker], without: Mapping[Part, Ranker]
    ) -> Slates:
        found = retrieve(self._bound_scorers, user_rows, self._candidates)
        scores = [self._bound_scorers[name].of_pairs(found.pairs) for name in SCORERS]
        ranked = columns(self._features.of(found.pairs), scores, list_starts(found.pairs.user_row))
        made: Slates = {}
        for name, ranker in rankers.items():
            made[name] = self._ordered(found, ranked, ranker, user_rows)
        for name, bound_scorer in self._single_scorers.items():
            pairs, score = best_of_scorer(
                bound_scorer, self._newest, user_rows, _SPARE * self._depth
            )
            made[name] = self._placed(pairs, score, np.zeros(len(score), bool), user_rows)
        for part, ranker in without.items():
            fewer, columns_left = found, ranked
            if part.kind == "source":
                fewer, columns_left = _without_source(found, ranked, part.name)
            made[part] = self._ordered(fewer, columns_left, ranker, user_rows)
        return made

    def _ordered(
        self, found: Candidates, ranked: Matrix, ranker: Ranker, user_rows: Rows
    ) -> pl.DataFrame:
        # All that a reader without any read has told us is what she chose.
        first = self._rows.chosen(found.pairs) & self._cold.to_numpy()[found.pairs.user_row]
        return self._placed(found.pairs, ranker.score(ranked), first, user_rows)

    def _placed(
        self, pairs: Pairs, score: Values, first: NDArray[np.bool_], user_rows: Rows
    ) -> pl.DataFrame:
        placed = self._rules.construct(
            pl.DataFrame(
                {
                    "user_row": pairs.user_row,
                    "article_row": pairs.article_row,
                    "score": score,
                    "first": first,
                    "exposures_24h": self._exposures[pairs.article_row],
                }
            )
        )
        lists = placed.group_by("user_id", maintain_order=True).agg(article_ids="article_id")
        return (
            self._request.users[user_rows]
            .select("user_id")
            .join(lists, on="user_id", how="left", maintain_order="left")
            .with_columns(pl.col("article_ids").fill_null([]))
        )


def _without_source(found: Candidates, ranked: Matrix, source: str) -> tuple[Candidates, Matrix]:
    """The candidates that another source found too; ranks within the list are those of the rest."""
    others = [was for name, was in found.sources.items() if name != source]
    kept = np.logical_or.reduce(others) if others else np.zeros(len(ranked), bool)
    pairs = Pairs(found.pairs.user_row[kept], found.pairs.article_row[kept])
    own = ranked[kept, :_OWN]
    scores = list(own[:, len(PAIR_FEATURES) :].T)
    left = columns(own[:, : len(PAIR_FEATURES)], scores, list_starts(pairs.user_row))
    sources = {name: was[kept] for name, was in found.sources.items() if name != source}
    return Candidates(pairs, sources), left
