"""What pair features are gathered from: rows of articles and of readers, each at its moment."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from newsrec_pipelines.features.raw import FEATURES, KEYS
from newsrec_pipelines.features.sparse import Cells, Codes
from newsrec_pipelines.features.types import FeatureRows
from newsrec_pipelines.features.windows import WINDOWS, article_windows, ring_columns
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.schemas import REGIONS

# What a pair gets when nothing is known. An article that we know nothing of is no fresh one, and
# a reader who never read is one who has not read for a month.
UNKNOWN_AGE_HOURS: Final = 24.0 * 7
LONGEST_ABSENCE_HOURS: Final = 24.0 * 30
CTR_SPANS: Final = ("1h", "3h", "24h", "7d", "30d")
MEAN_DWELL_SPANS: Final = ("24h", "7d")
# Of raw rows that are joined together: all at once would take several times their memory.
_ROWS_AT_ONCE: Final = 1 << 21
_NO_ROWS: Final = np.zeros(0, np.int64)

Table = NDArray[np.float32]


def article_table(articles: pl.DataFrame, rows: FeatureRows, params: Params) -> pl.DataFrame:
    """Features of articles, one row an article and moment, as Float64; neither null nor NaN.

    Args:
        articles: `article_id`, `asked_at` and `published_at` (may be null).
        rows: raw rows, by article or by article and moment.
        params: resolution of the buckets and priors.

    Returns:
        `age_hours`, the windows, `ctr_…` and `mean_dwell_…`.
    """
    asked = articles.select("article_id", "asked_at", "published_at")
    rings = ring_columns()
    wide = _with(asked, "article", rows.article, ["stamped_at", *rings])
    wide = _with(wide, "article_day", rows.article_day, ["stamped_at", *rings], "day_stamped_at")
    windows = article_windows(wide, "asked_at", params.features)
    prior = params.features
    ctr = {
        # Data without impressions has clicks and no exposures.
        f"ctr_{span}": (
            (pl.col(f"clicks_{span}") + prior.ctr_prior_clicks)
            / (pl.col(f"exposures_{span}") + prior.ctr_prior_exposures)
        ).clip(upper_bound=1.0)
        for span in CTR_SPANS
    }
    mean_dwell = {
        f"mean_dwell_{span}": pl.col(f"dwell_{span}") / (pl.col(f"reads_{span}") + 1.0)
        for span in MEAN_DWELL_SPANS
    }
    age = _hours(pl.col("asked_at") - pl.col("published_at")).clip(0.0)
    return windows.select(
        age.fill_null(UNKNOWN_AGE_HOURS).alias("age_hours"),
        *WINDOWS,
        **ctr,
        **mean_dwell,
    )


def reader_table(users: pl.DataFrame, rows: FeatureRows, params: Params) -> pl.DataFrame:
    """Features of readers, one row a reader and moment, as Float64; neither null nor NaN.

    Args:
        users: `user_id`, `asked_at`, and `region` (may be null).
        rows: raw rows, by reader or by reader and moment.
        params: the half-life.

    Returns:
        `user_reads`, `user_dwell`, `hours_since_last_read`, `hour_of_day`, `day_of_week`, `region`.
    """
    asked = users.select("user_id", "asked_at", "region")
    wide = _with(asked, "user", rows.user, list(FEATURES["user"]))
    left = _left(params)
    absent = pl.when(left.is_not_null()).then(
        _hours(pl.col("asked_at") - pl.col("last_read_at")).clip(0.0, LONGEST_ABSENCE_HOURS)
    )
    regions = {name: float(code) for code, name in enumerate(REGIONS)}
    return wide.select(
        (pl.col("reads_decayed") * left).fill_null(0.0).alias("user_reads"),
        (pl.col("dwell_decayed") * left).fill_null(0.0).alias("user_dwell"),
        absent.fill_null(LONGEST_ABSENCE_HOURS).alias("hours_since_last_read"),
        pl.col("asked_at").dt.hour().cast(pl.Float64).alias("hour_of_day"),
        pl.col("asked_at").dt.weekday().cast(pl.Float64).alias("day_of_week"),
        pl.col("region")
        .replace_strict(regions, default=-1.0, return_dtype=pl.Float64)
        .alias("region"),
    )


def affinity(
    users: pl.DataFrame,
    read: pl.DataFrame,
    names: pl.Series,
    column: str,
    weight: NDArray[np.float64],
    params: Params,
) -> Cells:
    """How much of what a reader read is of a category (or publisher).

    Args:
        users: `user_id` and `asked_at`, one row a reader and moment.
        read: raw rows by reader and `column`, or by reader, `column` and moment.
        names: the categories, without repetition, in the order of their codes.
        column: ``category`` or ``publisher``.
        weight: shape (readers,): all that each reader read, as `read_weight` says.
        params: the half-life, and what a click weighs.

    Returns:
        Cells of reader and code, one value each: the weight of the category / (that of the reader
        + 1).
    """
    codes = _like(read, _codes(names, column), [column])
    left = _left(params)
    rows, places, values = [], [], []
    for part in read.iter_slices(_ROWS_AT_ONCE):
        cells = _of_readers(users, part).join(codes, on=column, how="inner", maintain_order="left")
        sums = cells.select(
            "user_row",
            pl.col("code").cast(pl.Int64),
            (pl.col("reads_decayed") * left).alias("reads"),
            (pl.col("dwell_decayed") * left).alias("dwell"),
        ).drop_nulls()
        row = sums["user_row"].to_numpy()
        share = read_weight(sums["reads"], sums["dwell"], params) / (weight[row] + 1.0)
        rows.append(row)
        places.append(sums["code"].to_numpy())
        values.append(share.astype(np.float32)[:, None])
    return Cells.of(
        np.concatenate([_NO_ROWS, *rows]),
        np.concatenate([_NO_ROWS, *places]),
        names.len() + 1,
        np.concatenate([np.zeros((0, 1), np.float32), *values]),
        [0.0],
    )


def read_weight(reads: pl.Series, dwell: pl.Series, params: Params) -> NDArray[np.float64]:
    """Shares of one whole read, as the confidence of a scorer: a click alone says little."""
    training = params.training
    weight: NDArray[np.float64] = (
        dwell.to_numpy() / training.full_dwell_seconds + training.click_weight * reads.to_numpy()
    )
    return weight


def chosen(users: pl.DataFrame, categories: pl.Series) -> Cells:
    """Cells of reader and category with the value 1 where the reader chose the category."""
    cells = (
        users.select(category="preferred_categories")
        .with_row_index("user_row")
        .explode("category")
        .unique()
        .join(_codes(categories, "category"), on="category", how="inner")
        .cast({"user_row": pl.Int64, "code": pl.Int64})
    )
    return Cells.of(
        cells["user_row"].to_numpy(),
        cells["code"].to_numpy(),
        categories.len() + 1,
        np.ones((cells.height, 1), np.float32),
        [0.0],
    )


def exposure_history(
    users: pl.DataFrame, articles: pl.DataFrame, rows: pl.DataFrame, params: Params
) -> Cells:
    """What a reader saw of an article before: times shown, hours since then, whether opened.

    Args:
        users: `user_id` and `asked_at`, one row a reader and moment.
        articles: `article_id` and `asked_at`, one row an article and moment.
        rows: raw rows by reader and article, or by reader, article and moment.
        params: how long an exposure is remembered.

    Returns:
        Cells of reader and article with `exposures_to_reader`, `hours_since_exposure` and
        `opened_before`.
    """
    longest = params.features.exposure_history_days * 24.0
    keys = _keys(rows, "article_id")
    numbered = _like(rows, articles.select(keys), keys).with_row_index("article_row")
    readers, candidates, values = [], [], []
    for part in rows.iter_slices(_ROWS_AT_ONCE):
        known = (
            _of_readers(users, part)
            .join(numbered, on=keys, how="inner", maintain_order="left")
            .filter(
                pl.col("stamped_at").is_between(
                    pl.col("asked_at") - pl.duration(days=params.features.exposure_history_days),
                    pl.col("asked_at"),
                )
            )
        )
        said = known.select(
            pl.col("exposures_total").cast(pl.Float32),
            _hours(pl.col("asked_at") - pl.col("last_seen_at"))
            .clip(0.0, longest)
            .fill_null(longest)
            .cast(pl.Float32),
            (pl.col("opens_total") > 0).cast(pl.Float32),
        )
        readers.append(known["user_row"].to_numpy())
        candidates.append(known["article_row"].cast(pl.Int64).to_numpy())
        values.append(said.to_numpy())
    return Cells.of(
        np.concatenate([_NO_ROWS, *readers]),
        np.concatenate([_NO_ROWS, *candidates]),
        max(articles.height, 1),
        np.concatenate([np.zeros((0, 3), np.float32), *values]),
        [0.0, longest, 0.0],
    )


def codes(names: pl.Series, vocabulary: pl.Series) -> Codes:
    """The place of each name in the vocabulary; one more than the last when it is not in it."""
    coded = names.to_frame("name").join(
        _codes(vocabulary, "name"), on="name", how="left", maintain_order="left"
    )
    return coded["code"].cast(pl.Int64).fill_null(vocabulary.len()).to_numpy()


def _codes(names: pl.Series, column: str) -> pl.DataFrame:
    return names.alias(column).to_frame().with_row_index("code")


def _of_readers(users: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of these readers, with `user_row` and `asked_at`."""
    keys = _keys(rows, "user_id")
    numbered = _like(rows, users.select("user_id", "asked_at"), keys).with_row_index("user_row")
    return rows.join(
        numbered.cast({"user_row": pl.Int64}), on=keys, how="inner", maintain_order="left"
    )


def _with(
    asked: pl.DataFrame,
    view: str,
    rows: pl.DataFrame,
    columns: Sequence[str],
    stamp: str = "stamped_at",
) -> pl.DataFrame:
    """The raw row of each key for each moment asked, null when there is none."""
    keys = _keys(rows, *KEYS[view])
    wanted = [c for c in columns if c in rows.columns]
    return _like(rows, asked, keys).join(
        rows.select(*keys, *wanted).rename({"stamped_at": stamp}),
        on=keys,
        how="left",
        maintain_order="left",
    )


def _like(rows: pl.DataFrame, frame: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """The frame with keys of the same types as in the raw rows: null where those name no such."""
    return frame.cast({key: rows.schema[key] for key in keys}, strict=False)


def _keys(frame: pl.DataFrame, *keys: str) -> list[str]:
    return [*keys, "asked_at"] if "asked_at" in frame.columns else [*keys]


def _left(params: Params) -> pl.Expr:
    """What is left of a decayed sum at the moment asked; null when it was stamped later."""
    days = _hours(pl.col("asked_at") - pl.col("stamped_at")) / 24
    return pl.when(days >= 0).then(0.5 ** (days / params.features.user_half_life_days))


def _hours(difference: pl.Expr) -> pl.Expr:
    return difference.dt.total_microseconds() / 3.6e9
