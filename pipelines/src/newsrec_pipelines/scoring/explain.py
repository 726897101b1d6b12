"""Why an article is where it is in a reader's slate, out of what was kept of the run."""

import hashlib
import math
from datetime import date as Day  # noqa: N812 - a field is called date
from datetime import datetime
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict

from newsrec_pipelines.db import Connection
from newsrec_pipelines.errors import DataError, ModelError
from newsrec_pipelines.models.ranker import Ranker
from newsrec_pipelines.rollout.variants import CHAMPION
from newsrec_pipelines.scoring.evidence import PLACE_SCHEMA, TREES, RunManifest, folder
from newsrec_pipelines.store import Store

# Contributions sum up to the score that the slate was made with, or something was exchanged.
_TOLERANCE: Final = 1e-6


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Contribution(_Part):
    """What one column adds to the score; `value` is what the ranker saw there, None for NaN."""

    feature: str
    value: float | None
    contribution: float


class Ranking(_Part):
    """The raw score: `base`, the expected one, and what each column adds to it, largest first."""

    score: float
    base: float
    contributions: tuple[Contribution, ...]


class Placement(_Part):
    """What became of the score: `step` is ranked, diversified or explored."""

    place: int
    step: str
    propensity: float


class ExplainedArticle(_Part):
    """The article; `rated` says whether somebody has rated its publisher."""

    article_id: str
    title: str | None
    publisher: str
    reliability: float
    rated: bool


class Reason(_Part):
    """The sentence for the reader."""

    code: str
    text: str


class Explanation(_Part):
    """Everything an auditor may ask about one place; `Explanation` in contracts/openapi.yaml."""

    run_id: str
    date: Day
    as_of: datetime
    model_version: str
    data_hash: str
    variant: str
    user_id: str
    article: ExplainedArticle
    reason: Reason
    sources: tuple[str, ...]
    ranking: Ranking
    placement: Placement


class _Said(NamedTuple):
    """What the reader was told."""

    variant: str
    reason: Reason
    title: str | None


def explain(
    conn: Connection,
    store: Store,
    run_id: str,
    user_id: str,
    article_id: str,
    variant: str | None = None,
) -> Explanation:
    """Explain one place of one slate.

    Of the slates that a run has for a reader it is the variant's; where none is named, the one that
    holds the article, or if both do, the one of the reader's variant rather than the champion's.

    The columns are those that were kept when the slate was made. SHAP values are computed now, of
    this row alone: LightGBM makes some 1,000 rows of them a second, too slow for every place.

    Raises:
        DataError: when there is no such run, reader or article in it, its files were dropped,
            or its kind of model does not tell how its scores come about.
        ModelError: when the files do not give the score that the slate was made with.
    """
    day = _day_of(conn, run_id)
    said = _said(conn, run_id, user_id, article_id, variant)
    manifest = RunManifest.read(store, day, run_id, said.variant)
    if not manifest.ranker.columns:
        raise DataError(
            f"model {manifest.model_version} is of a kind whose scores cannot be explained"
        )
    place = _place(store, manifest, user_id, article_id)
    ranking = _ranking(_ranker(store, manifest), place)
    rated = manifest.reliability.publishers
    return Explanation(
        run_id=run_id,
        date=manifest.date,
        as_of=manifest.as_of,
        model_version=manifest.model_version,
        data_hash=manifest.data_hash,
        variant=said.variant,
        user_id=user_id,
        article=ExplainedArticle(
            article_id=article_id,
            title=said.title,
            publisher=place["publisher"],
            reliability=rated.get(place["publisher"], manifest.reliability.unrated),
            rated=place["publisher"] in rated,
        ),
        reason=said.reason,
        sources=tuple(place["sources"]),
        ranking=ranking,
        placement=Placement(
            place=place["place"], step=place["step"], propensity=place["propensity"]
        ),
    )


def _day_of(conn: Connection, run_id: str) -> Day:
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "SELECT date, status, to_regclass('recommendations_' || md5(run_id)) IS NOT NULL "
            "FROM recommendation_runs WHERE run_id = %s",
            (run_id,),
        )
        row = cursor.fetchone()
    if row is None:
        raise DataError(f"there is no run {run_id}")
    day, status, has_rows = row
    if status != "published":
        raise DataError(f"run {run_id} was not published: it is {status}")
    if not has_rows:
        raise DataError(f"what run {run_id} was made of has been dropped: see slate.keep_runs")
    found: Day = day
    return found


def _said(
    conn: Connection, run_id: str, user_id: str, article_id: str, variant: str | None
) -> _Said:
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "SELECT variant, reasons -> (array_position(article_ids, %(article)s) - 1), "
            "(SELECT title FROM articles WHERE article_id = %(article)s) "
            "FROM recommendations WHERE run_id = %(run)s AND user_id = %(user)s "
            "AND variant = coalesce(%(variant)s, variant) "
            "ORDER BY %(article)s <> ALL(article_ids), variant = %(champion)s LIMIT 1",
            {
                "run": run_id,
                "user": user_id,
                "article": article_id,
                "variant": variant,
                "champion": CHAMPION,
            },
        )
        row = cursor.fetchone()
    if row is None:
        of = f" of variant {variant}" if variant else ""
        raise DataError(f"run {run_id} has no slate{of} for reader {user_id}")
    found, reason, title = row
    if reason is None:
        raise DataError(f"article {article_id} is not in the slate of reader {user_id}")
    return _Said(found, Reason.model_validate(reason), title)


def _place(store: Store, manifest: RunManifest, user_id: str, article_id: str) -> dict[str, Any]:
    where = f"{folder(manifest.date, manifest.run_id)}/{manifest.variant}"
    for file in manifest.files:
        if not file.first_user <= user_id <= file.last_user:
            continue
        try:
            rows = pq.read_table(
                store.path(f"{where}/{file.name}"),
                columns=[*PLACE_SCHEMA, *manifest.ranker.columns],
                filters=[("user_id", "=", user_id), ("article_id", "=", article_id)],
                filesystem=store.fs,
                partitioning=None,
            )
        except (OSError, ValueError) as e:
            raise DataError(f"{where}/{file.name} cannot be read: {e}") from e
        for row in rows.to_pylist():
            found: dict[str, Any] = row
            return found
    raise DataError(f"{where} does not tell of article {article_id} for reader {user_id}")


def _ranker(store: Store, manifest: RunManifest) -> Ranker:
    notes, text = manifest.ranker, ""
    if notes.trees is not None:
        key = f"{folder(manifest.date, manifest.run_id)}/{manifest.variant}/{TREES}"
        content = store.read_bytes(key)
        if hashlib.sha256(content).hexdigest() != notes.trees:
            raise ModelError(f"{key} is not the file that was kept")
        text = content.decode()
    return Ranker(notes.columns, notes.used, notes.summed, text)


def _ranking(ranker: Ranker, place: dict[str, Any]) -> Ranking:
    values = np.array([[place[name] for name in ranker.names]], np.float32)
    (shares,) = ranker.contributions(values)
    if not math.isclose(shares.sum(), place["score"], rel_tol=_TOLERANCE, abs_tol=_TOLERANCE):
        raise ModelError(
            f"the columns that were kept give the score {shares.sum():.6f}, "
            f"but the slate was made with {place['score']:.6f}"
        )
    seen = ranker.used if ranker.text else ranker.scorers
    parts = [
        Contribution(
            feature=name,
            value=float(value) if math.isfinite(value) else None,
            contribution=float(share),
        )
        for name, value, share in zip(ranker.names, values[0], shares[:-1], strict=True)
        if name in seen
    ]
    parts.sort(key=lambda part: (-abs(part.contribution), part.feature))
    return Ranking(score=place["score"], base=float(shares[-1]), contributions=tuple(parts))
