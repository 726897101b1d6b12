"""Metrics of ranked lists and of slates: pure functions, one value a list or reader."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

Values = NDArray[np.float64]

LIST_METRICS: Final = ("auc", "mrr", "ndcg@5", "ndcg@10", "seconds@3")
SLATE_METRICS: Final = ("recall@10", "hr@10", "mrr@10", "slate_ndcg@10", "dwell_ndcg@10")
DEPTH: Final = 10


@dataclass(frozen=True)
class Mean:
    """A mean that can be added up over days.

    Attributes:
        total: sum of the values.
        squares: sum of their squares.
        count: how many values.
    """

    total: float = 0.0
    squares: float = 0.0
    count: int = 0

    @classmethod
    def of(cls, values: Values) -> "Mean":
        """The mean of these values, NaN apart."""
        values = values[np.isfinite(values)]
        return cls(float(values.sum()), float((values**2).sum()), len(values))

    def __add__(self, other: "Mean") -> "Mean":
        return Mean(
            self.total + other.total, self.squares + other.squares, self.count + other.count
        )

    @property
    def value(self) -> float | None:
        """The mean; None of nothing."""
        return self.total / self.count if self.count else None

    @property
    def error(self) -> float | None:
        """Standard error of the mean, as if the values were independent; None below two values."""
        if self.count < 2:
            return None
        variance = (self.squares - self.total**2 / self.count) / (self.count - 1)
        return float(np.sqrt(max(variance, 0.0) / self.count))


def list_metrics(
    lists: Sequence[str] | pl.Series,
    scores: Values,
    clicked: NDArray[np.bool_],
    dwell_seconds: Values,
    seed: int,
) -> dict[str, Values]:
    """Metrics of each list with at least one clicked and one unclicked article.

    With ``P`` clicked of ``n`` articles, and ``rank`` 1 for the highest score:

    - ``auc``: share of (clicked, unclicked) pairs in the right order, equal scores count half.
    - ``mrr``: mean over the clicked articles of ``1 / rank`` (the definition of MIND).
    - ``ndcg@k``: ``sum_{clicked, rank <= k} 1 / log2(rank + 1)``, divided by the most that is
      possible, ``sum_{i <= min(P, k)} 1 / log2(i + 1)``.
    - ``seconds@3``: known dwell of the clicked articles among the first three; NaN for lists of
      whose clicked articles no dwell is known.

    Equal scores are ranked in a random order: in the order of the list, a scorer without any
    opinion would inherit that of the one who made the list.

    Args:
        lists: shape (examples,), which list each example belongs to.
        scores: shape (examples,).
        clicked: shape (examples,).
        dwell_seconds: shape (examples,), NaN where it is unknown.
        seed: of the order of equal scores.

    Returns:
        `LIST_METRICS` -> shape (lists,), in the order of the lists' ids.
    """
    tie = np.random.default_rng(seed).permutation(len(scores))
    score, click = pl.col("score"), pl.col("clicked")
    ranked = (
        pl.DataFrame(
            {
                "list": lists,
                "score": scores,
                "clicked": clicked,
                "dwell": pl.Series(dwell_seconds).fill_nan(None),
                "tie": tie,
            }
        )
        .filter(click.any().over("list"), ~click.all().over("list"))
        .sort("list", "score", "tie", descending=[False, True, False])
        .with_columns(
            rank=pl.int_range(1, pl.len() + 1).over("list"),
            from_below=score.rank("average").over("list"),
        )
    )
    discounted = 1 / (pl.col("rank") + 1).log(2)
    per_list = ranked.group_by("list", maintain_order=True).agg(
        positives=click.sum(),
        negatives=(~click).sum(),
        rank_sum=pl.col("from_below").filter("clicked").sum(),
        mrr=(1 / pl.col("rank")).filter("clicked").mean(),
        known=pl.col("dwell").filter("clicked").count(),
        seconds=pl.col("dwell").filter(pl.col("clicked"), pl.col("rank") <= 3).sum(),
        **{
            f"dcg@{k}": discounted.filter(pl.col("clicked"), pl.col("rank") <= k).sum()
            for k in (5, 10)
        },
    )
    positives = per_list["positives"].to_numpy().astype(np.float64)
    smallest = positives * (positives + 1) / 2
    pairs = positives * per_list["negatives"].to_numpy()
    return {
        "auc": (per_list["rank_sum"].to_numpy() - smallest) / pairs,
        "mrr": per_list["mrr"].to_numpy(),
        **{
            f"ndcg@{k}": per_list[f"dcg@{k}"].to_numpy()
            / _discounts(k)[np.minimum(positives, k).astype(int) - 1]
            for k in (5, 10)
        },
        "seconds@3": np.where(
            per_list["known"].to_numpy() > 0, per_list["seconds"].to_numpy(), np.nan
        ),
    }


def slate_metrics(slates: pl.DataFrame, relevant: pl.DataFrame) -> dict[str, Values]:
    """Metrics of the first ten places of each reader who has anything relevant.

    With ``R`` relevant articles, of gains ``g > 0``:

    - ``recall@10``: ``|top 10 and relevant| / R``.
    - ``hr@10``: 1 when any of the top 10 is relevant, else 0.
    - ``mrr@10``: 1 / rank of the first relevant one among the top 10, else 0.
    - ``slate_ndcg@10``: ``sum_{i <= 10} [i relevant] / log2(i + 1)``, divided by the ideal one.
    - ``dwell_ndcg@10``: ``sum_{i <= 10} g_i / log2(i + 1)``, divided by that of the ideal slate,
      which has the relevant articles by falling gain; NaN for readers whose gains are all zero.

    Args:
        slates: ``user_id``, ``article_ids``; a reader without a row has an empty slate.
        relevant: ``user_id``, ``article_id``, ``gain`` (0 to 1), each pair once.

    Returns:
        `SLATE_METRICS` -> shape (readers,), in the order of the readers' ids.
    """
    places = (
        slates.select("user_id", article_id=pl.col("article_ids").list.head(DEPTH))
        .filter(pl.col("article_id").list.len() > 0)
        .with_columns(rank=pl.int_ranges(1, pl.col("article_id").list.len() + 1))
        .explode("article_id", "rank")
    )
    discount = 1 / (pl.col("rank") + 1).log(2)
    # Each relevant article, with its place in the slate (null: none) and its ideal one.
    placed = relevant.join(places, on=["user_id", "article_id"], how="left").with_columns(
        ideal=pl.col("gain").rank("ordinal", descending=True).over("user_id")
    )
    ideal = 1 / (pl.col("ideal") + 1).log(2)
    per_reader = (
        placed.sort("user_id")
        .group_by("user_id", maintain_order=True)
        .agg(
            relevant=pl.len(),
            hits=pl.col("rank").count(),
            first=pl.col("rank").min(),
            dcg=discount.sum(),
            dwell_dcg=(pl.col("gain") * discount).sum(),
            dwell_ideal=(pl.col("gain") * ideal).filter(pl.col("ideal") <= DEPTH).sum(),
        )
    )
    count = per_reader["relevant"].to_numpy()
    hits = per_reader["hits"].to_numpy()
    dwelt = pl.when(pl.col("dwell_ideal") > 0).then(pl.col("dwell_dcg") / pl.col("dwell_ideal"))
    return {
        "recall@10": hits / count,
        "hr@10": (hits > 0).astype(np.float64),
        "mrr@10": per_reader.select((1 / pl.col("first")).fill_null(0.0)).to_series().to_numpy(),
        "slate_ndcg@10": per_reader["dcg"].to_numpy()
        / _discounts(DEPTH)[np.minimum(count, DEPTH).astype(int) - 1],
        "dwell_ndcg@10": per_reader.select(dwelt.fill_null(np.nan)).to_series().to_numpy(),
    }


def coverage(slates: pl.DataFrame, candidates: int) -> float | None:
    """Share of the candidates among the first ten of any slate; None without candidates."""
    if not candidates:
        return None
    shown = slates.select(pl.col("article_ids").list.head(DEPTH).explode(empty_as_null=False))
    return shown["article_ids"].n_unique() / candidates


def _discounts(k: int) -> Values:
    """``sum_{i <= n} 1 / log2(i + 1)`` for n from 1 to k."""
    return np.cumsum(1 / np.log2(np.arange(2, k + 2)))
