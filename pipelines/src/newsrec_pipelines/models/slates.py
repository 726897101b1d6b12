"""Slates out of scored pairs: the rules for who gets a place, and the rows that are published."""

from datetime import datetime
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from newsrec_pipelines.errors import ModelError
from newsrec_pipelines.features.types import SLATE_SCHEMA
from newsrec_pipelines.models import reliability, slate_construction
from newsrec_pipelines.models.diversity import Topics
from newsrec_pipelines.models.exploration import reader_keys
from newsrec_pipelines.models.protocols import Rows
from newsrec_pipelines.parameters import SlateParams

# Readers whose slates are filled together: their arrays fit into a processor's cache.
_READERS: Final = 512
# Places, steps and propensities of nobody.
_NOTHING: Final = (np.zeros(0, np.int64), np.zeros(0, np.int8), np.zeros(0, np.float32))


class SlateRules:
    """The rules of slates for one request; what they need of each article is computed once.

    Places are filled from the first to the last. A place goes to the article that is worth most
    beside those placed before it (`diversity`); from place ``explore_from`` on, with chance
    ``exploration``, to an unseen one instead (`exploration`). Either is chosen from those that

    - are not placed yet, and of a publisher that is reliable enough (`reliability`);
    - are of a publisher with fewer than ``max_per_publisher`` places, as long as there are such;
      articles of unknown publisher are not counted;
    - have `first`, as long as there are such.

    Equal ones are taken in the order of their ids. Slates depend neither on the order of rows nor
    on which readers are placed together.
    """

    def __init__(
        self,
        articles: pl.DataFrame,
        users: pl.DataFrame,
        as_of: datetime,
        params: SlateParams,
        seed: int,
    ) -> None:
        """Prepare.

        Args:
            articles: candidates, the rows that ``article_row`` counts; of `schemas.ARTICLES`.
            users: readers, the rows that ``user_row`` counts: ``user_id``.
            as_of: the moment of the request.
            params: the rules.
            seed: of the exploration.
        """
        self._article_ids = articles["article_id"]
        self._user_ids = users["user_id"]
        self._as_of, self._params, self._seed = as_of, params, seed
        self._order = self._article_ids.rank("ordinal").cast(pl.Int32).to_numpy()
        self._topics = Topics.of(articles)
        self._standing = reliability.standing(articles["publisher"], params)

    def construct(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """The pairs that make it into a slate.

        Args:
            pairs: candidates of some readers: ``user_row``, ``article_row``, ``score`` (float64),
                ``first`` (comes before all that have it not), ``exposures_24h`` (0 where unknown),
                and others, which are kept.

        Returns:
            Rows of `pairs` with ``user_id``, ``article_id``, ``place`` (1 is the top), ``step``
            (one of `slate_construction.STEPS`) and ``propensity`` (float32), sorted by user_row
            and place.

        Raises:
            ModelError: when a score is no finite number.
        """
        score = pairs["score"].to_numpy()
        if not np.isfinite(score).all():
            raise ModelError("the ranker gave scores that are no finite numbers")
        wanted = self._standing.recommended[pairs["article_row"].to_numpy()]
        row = np.flatnonzero(wanted)
        row = row[np.argsort(pairs["user_row"].to_numpy()[row], kind="stable")]
        users, starts = np.unique(pairs["user_row"].to_numpy()[row], return_index=True)
        ends = np.append(starts[1:], len(row))
        parts = [
            self._construct_batch(
                pairs[row[starts[n] : ends[: n + _READERS][-1]]], users[n : n + _READERS]
            )
            for n in range(0, len(users), _READERS)
        ]
        return pl.concat([self._named(pairs.clear(), *_NOTHING), *parts])

    def _construct_batch(self, pairs: pl.DataFrame, users: Rows) -> pl.DataFrame:
        """The slates of `users`, whose pairs these are, reader by reader."""
        table, row = self._table(pairs)
        keys = reader_keys(self._user_ids.gather(users), self._as_of, self._seed)
        made = slate_construction.construct(table, keys, self._params)
        reader, column = np.nonzero(made.candidate >= 0)
        return self._named(
            pairs[row[reader, made.candidate[reader, column]]],
            column + 1,
            made.step[reader, column],
            made.propensity[reader, column],
        )

    def _table(self, pairs: pl.DataFrame) -> tuple[slate_construction.CandidateTable, Rows]:
        """The table of the candidates, and where each is in `pairs`."""
        article, score, first, exposures = (
            pairs[name].to_numpy() for name in ("article_row", "score", "first", "exposures_24h")
        )
        row = _side_by_side(pairs["user_row"].to_numpy())
        best_first = np.lexsort(
            (self._order[article[row]], -score[row], ~first[row], row < 0), axis=-1
        )
        row = np.take_along_axis(row, best_first, axis=1)
        exists = row >= 0
        table = slate_construction.CandidateTable(
            exists=exists,
            score=np.where(exists, score[row], np.nan),
            first=first[row] & exists,
            held_back=self._standing.held_back[article[row]] & exists,
            unseen=(exposures[row] < self._params.explore_below) & exists,
            topics=self._topics.at(article[row]),
        )
        return table, row

    def _named(
        self, pairs: pl.DataFrame, place: Rows, step: NDArray[np.int8], propensity: NDArray
    ) -> pl.DataFrame:
        return pairs.with_columns(
            self._user_ids.gather(pairs["user_row"]),
            self._article_ids.gather(pairs["article_row"]),
            place=pl.Series(place, dtype=pl.Int64),
            step=pl.Series(slate_construction.STEPS, dtype=pl.String).gather(step),
            propensity=pl.Series(propensity, dtype=pl.Float32),
        )


def _side_by_side(readers: Rows) -> Rows:
    """Positions of each reader's rows in `readers`, which are neighbours; -1 behind the last.

    Returns:
        Shape (readers, most rows of one).
    """
    _, starts, counts = np.unique(readers, return_index=True, return_counts=True)
    column = np.arange(counts.max())
    return np.where(column < counts[:, None], starts[:, None] + column, -1)


def as_slates(placed: pl.DataFrame, users: pl.DataFrame) -> pl.DataFrame:
    """One row a reader, as `SLATE_SCHEMA`; readers without any article get empty lists.

    Args:
        placed: in the order of the slates: ``user_id``, ``article_id``, ``score``,
            ``propensity``, ``reason``.
        users: the readers: ``user_id``.
    """
    lists = placed.group_by("user_id", maintain_order=True).agg(
        article_ids=pl.col("article_id"),
        scores=pl.col("score").cast(pl.Float32),
        propensities=pl.col("propensity"),
        reasons=pl.col("reason"),
    )
    slates = (
        users.select("user_id")
        .join(lists, on="user_id", how="left", maintain_order="left")
        .with_columns(pl.exclude("user_id").fill_null([]))
    )
    return slates.select(SLATE_SCHEMA.names()).cast(SLATE_SCHEMA)


def empty(users: pl.DataFrame) -> pl.DataFrame:
    """A slate without articles for each reader."""
    return users.select(
        "user_id",
        **{name: pl.lit([], dtype) for name, dtype in SLATE_SCHEMA.items() if name != "user_id"},
    ).cast(SLATE_SCHEMA)
