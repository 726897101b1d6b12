"""Features of a reader and an article at a moment: the same function for training and scoring."""

from typing import Final

import polars as pl

from newsrec_pipelines.config import Params
from newsrec_pipelines.features.windows import WINDOWS, article_windows

PAIR_FEATURES: Final = (
    "age_hours",
    "clicks_1h",
    "clicks_3h",
    "clicks_24h",
    "exposures_3h",
    "exposures_24h",
    "ctr_24h",
    "dwell_24h",
    "mean_dwell_24h",
    "user_reads",
    "user_dwell",
    "hours_since_last_read",
    "category_affinity",
    "preferred_category",
    "language_match",
)
# What a pair gets when nothing is known. An article that we know nothing of is no fresh one, and
# a reader who never read is one who has not read for a month.
UNKNOWN_AGE_HOURS: Final = 24.0 * 7
LONGEST_ABSENCE_HOURS: Final = 24.0 * 30


def pair_features(
    pairs: pl.DataFrame,
    article_features: pl.DataFrame,
    user_features: pl.DataFrame,
    user_category_features: pl.DataFrame,
    articles: pl.DataFrame,
    users: pl.DataFrame,
    params: Params,
) -> pl.DataFrame:
    """The features of each pair at its moment; docs/reference/features.md defines each.

    Args:
        pairs: `user_id`, `article_id` and `asked_at`; other columns are kept.
        article_features: raw values of the article view, one row an article; or one row an article
            and moment when it has a column `asked_at`.
        user_features: raw values of the user view, likewise by reader.
        user_category_features: raw values by reader and category, likewise.
        articles: `article_id`, `category`, `language`, `published_at`; likewise, the version known
            at the moment when it has a column `asked_at`.
        users: `user_id`, `language`, `preferred_categories`, likewise.
        params: resolution, half-life and priors.

    Returns:
        The pairs in their order, with the columns PAIR_FEATURES as Float64, neither null nor NaN.
        Rows of features stamped after `asked_at` count as unknown.
    """
    wide = (
        pairs.select("user_id", "article_id", "asked_at")
        .join(
            articles.select(
                *_keys(articles, "article_id"),
                "category",
                "published_at",
                _as("language", "article"),
            ),
            on=_keys(articles, "article_id"),
            how="left",
            maintain_order="left",
        )
        .join(
            users.select(
                *_keys(users, "user_id"), "preferred_categories", _as("language", "reader")
            ),
            on=_keys(users, "user_id"),
            how="left",
            maintain_order="left",
        )
    )
    for entity in (
        _articles(wide, article_features, params),
        _readers(wide, user_features, params),
        _categories(wide, user_category_features, params),
    ):
        keys = [c for c in ("user_id", "article_id", "category", "asked_at") if c in entity.columns]
        wide = wide.join(entity, on=keys, how="left", maintain_order="left", nulls_equal=True)
    return pairs.drop(PAIR_FEATURES, strict=False).hstack(wide.select(_features(params)))


def _keys(frame: pl.DataFrame, *keys: str) -> list[str]:
    return [*keys, "asked_at"] if "asked_at" in frame.columns else [*keys]


def _as(column: str, owner: str) -> pl.Expr:
    return pl.col(column).alias(f"{owner}_{column}")


def _features(params: Params) -> list[pl.Expr]:
    zero = {name: pl.col(name).fill_null(0.0) for name in (*WINDOWS, "user_reads", "user_dwell")}
    prior = params.features
    ctr = (zero["clicks_24h"] + prior.ctr_prior_clicks) / (
        zero["exposures_24h"] + prior.ctr_prior_exposures
    )
    # Shares of one whole read, as the confidence of a scorer: a click alone says little.
    weight = params.training.full_dwell_seconds
    click = params.training.click_weight
    of_reader = zero["user_dwell"] / weight + click * zero["user_reads"]
    of_category = pl.col("category_dwell").fill_null(0.0) / weight + click * pl.col(
        "category_reads"
    ).fill_null(0.0)
    values = zero | {
        "age_hours": _hours(pl.col("asked_at") - pl.col("published_at"))
        .clip(0.0)
        .fill_null(UNKNOWN_AGE_HOURS),
        # Data without impressions has clicks and no exposures.
        "ctr_24h": ctr.clip(upper_bound=1.0),
        "mean_dwell_24h": zero["dwell_24h"] / (zero["reads_24h"] + 1.0),
        "hours_since_last_read": pl.col("hours_since_last_read")
        .clip(0.0, LONGEST_ABSENCE_HOURS)
        .fill_null(LONGEST_ABSENCE_HOURS),
        "category_affinity": of_category / (of_reader + 1.0),
        "preferred_category": pl.col("category").is_in(pl.col("preferred_categories")),
        "language_match": pl.col("article_language") == pl.col("reader_language"),
    }
    return [values[name].cast(pl.Float64).fill_null(0.0).alias(name) for name in PAIR_FEATURES]


def _articles(wide: pl.DataFrame, features: pl.DataFrame, params: Params) -> pl.DataFrame:
    """`article_id`, `asked_at` and the windows."""
    asked = _asked(wide, features, ["article_id"])
    return article_windows(asked, "asked_at", params.features).select(
        "article_id", "asked_at", *WINDOWS
    )


def _readers(wide: pl.DataFrame, features: pl.DataFrame, params: Params) -> pl.DataFrame:
    left = _left(params)
    return _asked(wide, features, ["user_id"]).select(
        "user_id",
        "asked_at",
        (pl.col("reads_decayed") * left).alias("user_reads"),
        (pl.col("dwell_decayed") * left).alias("user_dwell"),
        pl.when(left.is_not_null())
        .then(_hours(pl.col("asked_at") - pl.col("last_read_at")))
        .alias("hours_since_last_read"),
    )


def _categories(wide: pl.DataFrame, features: pl.DataFrame, params: Params) -> pl.DataFrame:
    left = _left(params)
    return _asked(wide, features, ["user_id", "category"]).select(
        "user_id",
        "category",
        "asked_at",
        (pl.col("reads_decayed") * left).alias("category_reads"),
        (pl.col("dwell_decayed") * left).alias("category_dwell"),
    )


def _asked(wide: pl.DataFrame, features: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """The raw row of each entity for each moment asked, null when there is none."""
    asked = wide.select(*keys, "asked_at").unique(maintain_order=True)
    return asked.join(features, on=_keys(features, *keys), how="left", maintain_order="left")


def _left(params: Params) -> pl.Expr:
    """What is left of a decayed sum at the moment asked; null when it was stamped later."""
    days = _hours(pl.col("asked_at") - pl.col("stamped_at")) / 24
    return pl.when(days >= 0).then(0.5 ** (days / params.features.user_half_life_days))


def _hours(difference: pl.Expr) -> pl.Expr:
    return difference.dt.total_microseconds() / 3.6e9
