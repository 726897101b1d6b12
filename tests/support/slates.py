"""What the readers of the API see of published slates, and one run by the fake model."""

import tempfile
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from newsrec_pipelines.db import connect
from newsrec_pipelines.features.types import Request
from newsrec_pipelines.models.ranker import Ranker
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.rollout.variants import Variant
from newsrec_pipelines.scoring import slates
from newsrec_pipelines.scoring.evidence import Evidence, Origin
from newsrec_pipelines.scoring.run import Summary, new_run, write_run
from newsrec_pipelines.scoring.versions import Version
from newsrec_pipelines.store import Store
from support.fake_model import (
    AS_OF,
    RANKER,
    FakeModel,
    make_articles,
    make_reads,
    make_request,
    make_users,
)
from support.postgres import REPOSITORY, query

PARAMS = Params.load(REPOSITORY / "params.yaml")
REQUEST = make_request(
    make_users(9), make_articles(60), make_reads([("u00", "a000"), ("u03", "a003")])
)
# The query by which the API finds the current run.
_CURRENT = (
    "SELECT run_id, readers FROM recommendation_runs WHERE status = 'published' "
    "ORDER BY date DESC, published_at DESC LIMIT 1"
)


def fake_version(model: slates.Model | None = None, name: str = "fake") -> Version:
    """A version of the fake model, or of another one."""
    return Version(model or FakeModel(), fake_origin(getattr(model, "ranker", RANKER), name))


def fake_origin(ranker: Ranker = RANKER, model_version: str = "fake") -> Origin:
    """Where the scores of the fake model come from."""
    return Origin(
        model_version=model_version,
        data_hash="data-of-the-fake",
        columns=ranker.names,
        used=ranker.used,
        trees=ranker.text,
        summed=ranker.scorers,
        reliability={"publisher 3": 0.4},
        unrated=0.7,
    )


def publish(
    url: str,
    model: slates.Model | None = None,
    request: Request = REQUEST,
    as_of: datetime = AS_OF,
    readers_per_block: int = 4,
    params: Params = PARAMS,
    store: Store | None = None,
    variants: Mapping[Variant, Callable[[], Version]] | None = None,
) -> Summary:
    """One run as `newsrec recommend` makes it, for the date of `as_of`; its files go to `store`."""
    with tempfile.TemporaryDirectory() as folder, connect(url, "newsrec_scoring") as conn:
        evidence = Evidence(store or Store(Path(folder).as_uri()))
        run = new_run(as_of.date(), as_of, "fake")
        summary = Summary(run.run_id)
        champion = fake_version(model)
        write_run(
            *(conn, evidence, run, champion, request, params, summary),
            variants=variants or {},
            readers_per_block=readers_per_block,
        )
    return summary


def current_run(url: str) -> tuple[str, int] | None:
    """The run that the API serves now, and how many slates it says to have."""
    rows = query(url, _CURRENT)
    return (str(rows[0][0]), int(str(rows[0][1]))) if rows else None


def rows_of(url: str, run_id: str) -> dict[str, list[tuple[object, ...]]]:
    """Everything that belongs to a run, without its id."""
    columns = {
        "recommendations": "user_id, variant, article_ids, scores, propensities, reasons, "
        "model_version",
        "popular_slates": "region, language, article_ids, scores",
        "similar_articles": "article_id, article_ids, scores",
    }
    return {
        table: query(url, f"SELECT {names} FROM {table} WHERE run_id = %s ORDER BY 1, 2", run_id)
        for table, names in columns.items()
    }


def runs(url: str) -> list[tuple[object, ...]]:
    """Status and readers of all runs, in the order of their start."""
    return query(url, "SELECT status, readers FROM recommendation_runs ORDER BY started_at")


def partitions(url: str) -> int:
    """How many partitions of runs there are."""
    rows = query(
        url,
        "SELECT count(*) FROM pg_inherits WHERE inhparent IN "
        "('recommendations'::regclass, 'similar_articles'::regclass)",
    )
    return int(str(rows[0][0]))
