"""API and mailer give a reader the same slate: her variant's while it holds, or the champion's."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import polars as pl
import psycopg2
import pytest
from psycopg2.extras import execute_values

from newsrec_api.app import create_app
from newsrec_api.repositories import slates as api_slates
from newsrec_api.repositories.evidence import StoreEvidence
from newsrec_api.repositories.postgres import postgres, postgres_pool
from newsrec_mailer import cli as mailer
from newsrec_pipelines.db import connect
from newsrec_pipelines.rollout.variants import active, assign, end_variant, set_variants
from newsrec_pipelines.store import Store
from support.fake_model import AS_OF
from support.fakes_api import SETTINGS
from support.postgres import query
from support.seed import NOW
from support.slates import publish
from support.variants import READERS, REQUEST, other

Lists = dict[str, list[str]]
Served = Callable[[], tuple[dict[str, str], Lists, Lists]]
WANTS = '{"email_digest": true}'


@pytest.fixture
def filled(database_url: str) -> str:
    """A database with the articles and readers of the request."""
    owner = psycopg2.connect(database_url)
    articles = REQUEST.articles.select("article_id", "publisher", "category", "language")
    with owner, owner.cursor() as cursor:
        execute_values(
            cursor,
            "INSERT INTO articles (article_id, publisher, title, category, language, url, "
            "published_at, available_at, batch_id) VALUES %s",
            [
                (i, publisher, i, category, language, "https://n.example", AS_OF, AS_OF, "b")
                for i, publisher, category, language in articles.iter_rows()
            ],
        )
        execute_values(
            cursor,
            "INSERT INTO users (user_id, region, language, email, timezone, "
            "preferred_categories, joined_at, consents, available_at, batch_id) VALUES %s",
            [
                (u, "africa", "en", f"{u}@r.example", "UTC", [], AS_OF, WANTS, AS_OF, "b")
                for u in READERS
            ],
        )
    owner.close()
    return database_url


@pytest.fixture
def served(filled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """What the API and then the mailer give to each reader: variant and article ids."""
    monkeypatch.setattr(api_slates, "RUN_SECONDS", 0.0)
    for name in ("SMTP_URL", "SMTP_URL_FILE", "MAIL_FROM", "LINK_SECRET_FILE", "PUBLIC_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", filled)
    monkeypatch.setenv("LINK_SECRET", "a secret of the tests")
    monkeypatch.setenv("OUTBOX", str(tmp_path))
    pool = postgres_pool(filled, 1)
    evidence = StoreEvidence(Store(tmp_path.as_uri()).url)
    client = create_app(SETTINGS, postgres(pool, evidence), lambda: NOW).test_client()

    def ask() -> tuple[dict[str, str], Lists, Lists]:
        answers = {u: client.get(f"/v1/readers/{u}/recommendations").json for u in READERS}
        for u, answer in answers.items():
            assert answer["slate_id"] == f"{answer['run_id']}:{answer['variant']}:{u}"
        by_api = {u: [i["article_id"] for i in a["items"]] for u, a in answers.items()}
        _execute(filled, "SELECT ensure_day_partition('deliveries', %s)", AS_OF.date())
        _execute(filled, "DELETE FROM deliveries")
        mailer.main(["send", "--date", f"{AS_OF:%Y-%m-%d}"])
        by_mail = dict(query(filled, "SELECT user_id, article_ids FROM deliveries"))
        return {u: a["variant"] for u, a in answers.items()}, by_api, by_mail  # type: ignore[return-value]

    yield ask
    pool.close()


def _execute(url: str, sql: str, *values: object) -> None:
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute(sql, values)
    connection.close()


def test_both_serve_the_variant_while_it_holds_and_the_champion_at_once_after(
    filled: str, served: Served
) -> None:
    with connect(filled, "newsrec_operations") as conn:
        set_variants(conn, {"b": ("other", Decimal(40))}, by="ana", why="a look")
        shares = dict(zip(READERS, assign(pl.Series(READERS), active(conn)), strict=True))
        run_id = publish(
            filled, request=REQUEST, variants=dict.fromkeys(active(conn), other)
        ).run_id

        variants, by_api, by_mail = served()

        assert variants == shares
        assert by_api == by_mail
        stored = _stored(filled, run_id)
        assert by_api == {u: stored[u, shares[u]] for u in READERS}
        changed = {u for u in READERS if by_api[u] != stored[u, "champion"]}
        assert len(changed) > 5

        end_variant(conn, "b", "ana", "seen enough")  # and no new run

    variants, by_api, by_mail = served()
    assert set(variants.values()) == {"champion"}
    assert by_api == by_mail == {u: stored[u, "champion"] for u in READERS}


def test_a_version_that_was_replaced_is_served_no_more(filled: str, served: Served) -> None:
    with connect(filled, "newsrec_operations") as conn:
        set_variants(conn, {"b": ("other", Decimal(40))}, by="ana", why="a look")
        variants = dict.fromkeys(active(conn), other)
        run_id = publish(filled, request=REQUEST, variants=variants).run_id
        # Both without a new run: more percent change nobody's slate yet, another version does.
        set_variants(conn, {"b": ("other", Decimal(80))}, by="ana", why="a longer look")
        before = served()
        assert "b" in before[0].values()
        assert before[1] == before[2]
        set_variants(conn, {"b": ("better", Decimal(80))}, by="ana", why="a mistake in other")

    names, by_api, by_mail = served()
    assert set(names.values()) == {"champion"}
    stored = _stored(filled, run_id)
    assert by_api == by_mail == {u: stored[u, "champion"] for u in READERS}


def test_the_api_looks_at_variants_as_often_as_at_runs(filled: str) -> None:
    now = [100.0]
    pool = postgres_pool(filled, 1)
    slates = api_slates.PostgresSlates(pool, lambda: now[0])

    def variants() -> set[str]:
        found = (slates.stored(u, 10) for u in READERS)
        return {slate.variant for slate in found if slate}

    with connect(filled, "newsrec_operations") as conn:
        set_variants(conn, {"b": ("other", Decimal(40))}, by="ana", why="a look")
        publish(filled, request=REQUEST, variants=dict.fromkeys(active(conn), other))
        assert variants() == {"champion", "b"}
        end_variant(conn, "b", "ana", "seen enough")
    now[0] += api_slates.RUN_SECONDS / 2
    assert variants() == {"champion", "b"}
    now[0] += api_slates.RUN_SECONDS
    assert variants() == {"champion"}
    pool.close()


def _stored(url: str, run_id: str) -> dict[tuple[str, str], list[str]]:
    rows = query(
        url,
        "SELECT user_id, variant, article_ids[:10] FROM recommendations WHERE run_id = %s",
        run_id,
    )
    return {(str(u), str(v)): ids for u, v, ids in rows}  # type: ignore[misc]
