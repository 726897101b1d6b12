"""Popular slates: what is read now, by region and language, for readers without a slate."""

from collections.abc import Iterator

import polars as pl

from newsrec_pipelines.features.types import Request
from newsrec_pipelines.models.feedback import Weights, feedback
from newsrec_pipelines.models.reliability import standing
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.schemas import UNKNOWN

ANY = ""  # region or language of a slate for all of them
# A region's few reads are mixed with everybody's, so that a silent night leaves no random order.
_SHARE_OF_ALL = 0.1
# Sums of whole numbers do not depend on the order of the rows, as sums of floats do: the same reads
# give the same slates.
_PARTS = 1_000_000_000


def popular_slates(request: Request, params: Params) -> pl.DataFrame:
    """The most read candidates: a row per region and language, and per `ANY` of them.

    A slate of a language holds only articles that its readers can read, one of a region none that
    are meant for other regions, and one for any region only what is meant for all: it fills up the
    others. Where nothing is left there is no row. Publishers that are held back or not recommended
    have no place at all. Articles nobody has read yet come last, the newest first.

    Returns:
        ``region``, ``language``, ``article_ids``, ``scores``: weighted reads, decayed.
    """
    publishers = standing(request.articles["publisher"], params.slate)
    reliable = pl.Series(publishers.recommended & ~publishers.held_back)
    candidates = request.articles.filter(reliable).select(
        "article_id", "language", "published_at", "regions"
    )
    reads = _weighted_reads(request, params)
    regions = [ANY, *request.users["region"].unique().sort()]
    written = candidates["language"].unique()
    languages = [ANY, *pl.concat([written, request.users["language"]]).unique().sort()]
    slates = [
        top.with_columns(region=pl.lit(region), language=pl.lit(language))
        for region in regions
        for language, top in _by_language(_ranked(candidates, reads, region), languages, params)
    ]
    return pl.concat(slates).select("region", "language", "article_ids", "scores")


def _weighted_reads(request: Request, params: Params) -> pl.DataFrame:
    opened = request.history.join(
        request.articles.select("article_id"), on="article_id", how="semi"
    )
    age_hours = (pl.lit(request.as_of) - pl.col("last_read_at")).dt.total_microseconds() / 3.6e9
    decay = 0.5 ** (age_hours / params.popularity.half_life_hours)
    return (
        feedback(opened, Weights.of(request.history, params))
        .filter(pl.col("weight") > 0)
        .join(request.users.select("user_id", "region"), on="user_id")
        .with_columns((pl.col("weight") * decay * _PARTS).cast(pl.Int64))
        .group_by("region", "article_id")
        .agg(pl.col("weight").sum())
    )


def _ranked(candidates: pl.DataFrame, reads: pl.DataFrame, region: str) -> pl.DataFrame:
    weight = pl.col("weight")
    score = weight.sum() / _PARTS
    if region != ANY:
        here = weight.filter(pl.col("region") == region).sum() / _PARTS
        score = here + _SHARE_OF_ALL * score
    scores = reads.group_by("article_id").agg(score=score)
    regions = pl.col("regions")
    meant_for = regions.list.len().fill_null(0) == 0
    if region == UNKNOWN:
        meant_for = pl.lit(True)
    elif region != ANY:
        meant_for |= regions.list.contains(region)
    return (
        candidates.filter(meant_for)
        .join(scores, on="article_id", how="left")
        .with_columns(pl.col("score").fill_null(0.0).cast(pl.Float32))
        .sort("score", "published_at", "article_id", descending=[True, True, False])
    )


def _by_language(
    ranked: pl.DataFrame, languages: list[str], params: Params
) -> Iterator[tuple[str, pl.DataFrame]]:
    for language in languages:
        readable = ranked
        if language not in (ANY, UNKNOWN):
            readable = ranked.filter(pl.col("language").is_in([language, UNKNOWN]))
        top = readable.head(params.slate.depth)
        if top.height:
            yield (
                language,
                top.select(
                    article_ids=pl.col("article_id").implode(), scores=pl.col("score").implode()
                ),
            )
