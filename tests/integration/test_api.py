"""The API over a real PostgreSQL: what is kept, what is shown, and what the database refuses."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg2
import pytest
from flask.testing import FlaskClient
from itsdangerous import URLSafeSerializer

from newsrec_api.app import create_app
from newsrec_api.errors import UnavailableError
from newsrec_api.repositories.evidence import StoreEvidence
from newsrec_api.repositories.pool import Pool
from newsrec_api.repositories.postgres import postgres, postgres_pool
from newsrec_api.repositories.slates import PostgresSlates
from support.api_server import SECRETS
from support.fakes_api import SETTINGS
from support.postgres import query
from support.seed import AS_OF, NOW, RUN_ID, Seed, seed

OPERATOR = {"Authorization": f"Bearer {SECRETS['ADMIN_TOKEN']}"}
ANA = "reader-00000"
NO_EVIDENCE = StoreEvidence("file:///nonexistent")


@pytest.fixture
def seeded(database_url: str) -> Seed:
    return seed(database_url)


@pytest.fixture
def pool(database_url: str) -> Iterator[Pool]:
    made = postgres_pool(database_url, 2)
    yield made
    made.close()


@pytest.fixture
def client(pool: Pool, seeded: Seed) -> FlaskClient:
    app = create_app(replace(SETTINGS, demo=True), postgres(pool, NO_EVIDENCE), lambda: NOW)
    return app.test_client()


def read(event_id: str = "e-1", **changes: Any) -> dict[str, Any]:
    event = {
        "type": "read",
        "event_id": event_id,
        "user_id": ANA,
        "article_id": "article-00001",
        "read_at": NOW.isoformat(),
        "kind": "click",
    }
    return event | changes


def shown(client: FlaskClient, path: str) -> list[str]:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return [i["article_id"] for i in answer.json["items"]]


def test_a_reader_gets_her_stored_slate_in_its_order(client: FlaskClient, seeded: Seed) -> None:
    slate = client.get(f"/v1/readers/{ANA}/recommendations").json
    assert [i["article_id"] for i in slate["items"]] == seeded.slates[ANA][:10]
    assert slate["slate_id"] == f"{RUN_ID}:champion:{ANA}"
    assert slate["as_of"] == "2026-03-08T00:00:00Z"
    assert not slate["fallback"]
    first = slate["items"][0]
    assert first["reason"] == {"code": "content", "text": "Like articles you read for long"}
    assert first["score"] == 1.0


def test_a_limit_above_the_stored_depth_is_filled_with_popular_articles(
    client: FlaskClient, seeded: Seed
) -> None:
    items = client.get(f"/v1/readers/{ANA}/recommendations?limit=50").json["items"]
    ids = [i["article_id"] for i in items]
    assert ids[:20] == seeded.slates[ANA]
    assert {i["reason"]["code"] for i in items[20:]} == {"popular"}
    assert len(set(ids)) == len(ids) > 20


def test_the_current_run_is_the_published_one_of_the_latest_date(
    client: FlaskClient, database_url: str
) -> None:
    _execute(
        database_url,
        "INSERT INTO recommendation_runs (run_id, date, as_of, model_version, status, published_at)"
        " VALUES ('older', '2026-03-07', '2026-03-07', 'm', 'published', '2026-03-09'),"
        " ('half', '2026-03-09', '2026-03-09', 'm', 'running', NULL)",
    )
    assert client.get(f"/v1/readers/{ANA}/recommendations").json["run_id"] == RUN_ID


def test_a_new_run_shows_after_a_second_and_not_before(
    pool: Pool, seeded: Seed, database_url: str
) -> None:
    seconds = [100.0]
    slates = PostgresSlates(pool, lambda: seconds[0])
    assert slates.stored(ANA, 10) is not None
    _execute(
        database_url,
        "INSERT INTO recommendation_runs (run_id, date, as_of, model_version, status, published_at)"
        " VALUES ('newer', '2026-03-09', '2026-03-09', 'm', 'published', '2026-03-09')",
    )
    runs = []
    for now in (100.9, 101.1):
        seconds[0] = now
        current = slates.current_run()
        runs.append(current and current.run_id)
    assert runs == [RUN_ID, "newer"]


def test_a_stranger_gets_popular_articles_in_the_language_she_asks_for(
    client: FlaskClient,
) -> None:
    slate = client.get("/v1/readers/nobody/recommendations?language=es").json
    assert (slate["fallback"], slate["slate_id"]) == (True, None)
    assert {i["language"] for i in slate["items"]} == {"es"}


def test_events_are_kept_once_with_the_day_of_their_arrival(
    client: FlaskClient, database_url: str
) -> None:
    yesterday = (NOW - timedelta(days=1)).isoformat()
    batch = {"events": [read(read_at=yesterday, colour="green"), {"type": "read"}, read("e-2")]}
    answers = [client.post("/v1/events", json=batch).json for _ in range(2)]
    assert [(a["accepted"], a["duplicates"]) for a in answers] == [(2, 0), (0, 2)]
    assert [r["index"] for r in answers[0]["rejected"]] == [1]
    rows = query(
        database_url,
        "SELECT event_id, entity, source, received_at, received_on, payload->>'colour' "
        "FROM event_inbox ORDER BY 1",
    )
    assert rows == [
        ("e-1", "reads", "api", NOW, NOW.date(), "green"),
        ("e-2", "reads", "api", NOW, NOW.date(), None),
    ]


def test_an_event_sent_again_the_next_day_is_still_a_duplicate(
    client: FlaskClient, pool: Pool
) -> None:
    client.post("/v1/events", json={"events": [read()]})
    tomorrow = create_app(
        SETTINGS, postgres(pool, NO_EVIDENCE), lambda: NOW + timedelta(days=1)
    ).test_client()
    assert tomorrow.post("/v1/events", json={"events": [read()]}).json["duplicates"] == 1


def test_a_thousand_events_fit_into_one_request(client: FlaskClient) -> None:
    batch = {"events": [read(f"e-{n}") for n in range(1000)]}
    assert client.post("/v1/events", json=batch).json["accepted"] == 1000


def test_a_blocked_article_leaves_every_list_at_once_and_comes_back_when_lifted(
    pool: Pool, seeded: Seed, database_url: str
) -> None:
    ticks = itertools.count()
    app = create_app(
        SETTINGS, postgres(pool, NO_EVIDENCE), lambda: NOW + timedelta(seconds=next(ticks))
    )
    client = app.test_client()
    bad = seeded.slates[ANA][0]
    lists = (
        f"/v1/readers/{ANA}/recommendations?limit=50",
        "/v1/readers/nobody/recommendations?limit=50",
        "/v1/trending?limit=50",
        f"/v1/articles/{seeded.articles[2]}/similar?limit=50",
    )
    before = [shown(client, path) for path in lists]
    assert all(bad in ids for ids in before)
    path = f"/v1/articles/{bad}/block"
    made = client.put(path, json={"reason": "invented", "blocked_by": "ben"}, headers=OPERATOR)
    assert made.status_code == 201
    assert all(bad not in shown(client, path) for path in lists)
    assert len(shown(client, lists[0])) == len(before[0]) - 1
    assert shown(client, f"/v1/readers/{ANA}/recommendations")[0] == before[0][1]
    client.delete(f"{path}?lifted_by=ana", headers=OPERATOR)
    assert [shown(client, path) for path in lists] == before
    again = client.put(path, json={"reason": "again", "blocked_by": "ben"}, headers=OPERATOR)
    assert again.status_code == 201
    assert query(
        database_url, "SELECT blocked_by, reason, lifted_by FROM article_blocks ORDER BY reason"
    ) == [("ben", "again", None), ("ben", "invented", "ana")]


def test_a_new_reader_sees_her_categories_until_the_next_run(
    client: FlaskClient, database_url: str
) -> None:
    choice = {
        "user_id": "new",
        "region": "africa",
        "language": "es",
        "timezone": "Africa/Nairobi",
        "preferred_categories": ["sport", "science"],
        "email": "new@example.org",
    }
    answer = client.post("/v1/readers?limit=5", json=choice)
    assert answer.status_code == 201
    assert {(i["category"], i["language"]) for i in answer.json["items"]} == {
        ("sport", "es"),
        ("science", "es"),
    }
    assert client.get("/v1/readers/new/recommendations").json["fallback"]
    assert client.post("/v1/readers", json=choice).status_code == 409
    assert client.post("/v1/readers", json=choice | {"user_id": ANA}).status_code == 409
    assert query(database_url, "SELECT email, email_digest FROM reader_settings") == [
        ("new@example.org", True)
    ]


def test_what_a_reader_chooses_overrides_what_the_publisher_says(client: FlaskClient) -> None:
    path = f"/v1/readers/{ANA}/preferences"
    before = client.get(path).json
    assert (before["language"], before["email_digest"]) == ("en", True)
    client.put(path, json={"language": "es"})
    client.put(path, json={"email_digest": False})
    assert client.get(path).json == before | {"language": "es", "email_digest": False}
    assert client.get("/v1/readers/nobody/preferences").status_code == 404


def test_unsubscribing_is_kept_for_a_reader_without_settings_and_twice_is_once(
    client: FlaskClient, database_url: str
) -> None:
    sign = URLSafeSerializer(SECRETS["LINK_SECRET"], salt="newsrec.links.v1").dumps
    link = f"/u/{sign({'k': 'unsubscribe', 'u': ANA})}"
    for _ in range(2):
        assert client.post(link, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert query(database_url, "SELECT user_id, email_digest, language FROM reader_settings") == [
        (ANA, False, None)
    ]
    assert client.get(f"/v1/readers/{ANA}/preferences").json["language"] == "en"


def test_a_click_in_an_email_becomes_one_event_of_the_inbox(
    client: FlaskClient, database_url: str
) -> None:
    sign = URLSafeSerializer(SECRETS["LINK_SECRET"], salt="newsrec.links.v1").dumps
    link = f"/r/{sign({'k': 'click', 'u': ANA, 'a': 'article-00004', 'd': '2026-03-08'})}"
    client.head(link)
    locations = [client.get(link).headers["Location"] for _ in range(2)]
    assert locations == ["https://news.example/culture/4?a=1&b=%C3%A9"] * 2
    ((source, payload),) = query(database_url, "SELECT source, payload FROM event_inbox")
    assert source == "email"
    assert isinstance(payload, dict)
    assert (payload["user_id"], payload["article_id"], payload["kind"]) == (
        *(ANA, "article-00004"),
        "click",
    )
    assert payload["view_id"] == payload["event_id"]


def test_the_api_may_write_its_own_tables_only(pool: Pool) -> None:
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        pool.rows("DELETE FROM articles RETURNING 1")


def test_the_demo_page_knows_readers_their_reads_and_what_they_opened(
    client: FlaskClient, seeded: Seed
) -> None:
    readers = client.get("/demo/readers").json["readers"]
    assert {r["user_id"] for r in readers} == set(seeded.readers)
    assert all(r["name"] and r["preferred_categories"] for r in readers)
    client.post("/v1/events", json={"events": [read()]})
    ana = client.get(f"/demo/readers/{ANA}").json
    assert ana["opened"] == ["article-00001"]
    assert ana["now"] == "2026-03-08T08:00:00Z"
    assert ana["recent_reads"][0]["dwell_seconds"] == 20.0
    assert ana["reader"]["reads"] == len(ana["recent_reads"])


def test_a_connection_that_the_server_closed_is_replaced(
    client: FlaskClient, database_url: str
) -> None:
    assert client.get("/readyz").status_code == 200
    for _ in range(2):
        _execute(
            database_url,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'newsrec_api' AND datname = current_database()",
        )
        assert client.get(f"/v1/readers/{ANA}/recommendations").status_code == 200
        assert client.post("/v1/events", json={"events": [read()]}).status_code == 202


def test_a_slow_statement_is_ended_and_the_connection_kept(pool: Pool) -> None:
    pool.rows("SELECT set_config('statement_timeout', '20', false)")
    with pytest.raises(UnavailableError, match="in time"):
        pool.rows("SELECT pg_sleep(5)")
    assert pool.rows("SELECT 1") == [(1,)]


def test_no_run_yet_means_the_newest_articles(pool: Pool, seeded: Seed, database_url: str) -> None:
    _execute(database_url, "UPDATE recommendation_runs SET status = 'failed'")
    client = create_app(SETTINGS, postgres(pool, NO_EVIDENCE), lambda: NOW).test_client()
    slate = client.get("/v1/readers/nobody/recommendations?limit=3").json
    assert (slate["run_id"], slate["fallback"]) == (None, True)
    assert [i["article_id"] for i in slate["items"]] == seeded.articles[:3]
    assert client.get("/v1/trending").json["run_id"] is None


def test_an_article_from_the_future_is_not_new_yet(pool: Pool, seeded: Seed) -> None:
    past = postgres(pool, NO_EVIDENCE).articles.newest((), None, AS_OF - timedelta(hours=5), 3)
    assert all(a.published_at <= AS_OF - timedelta(hours=5) for a in past)


def test_a_database_without_our_tables_is_not_ready(empty_database_url: str) -> None:
    pool = postgres_pool(empty_database_url, 1)
    client = create_app(SETTINGS, postgres(pool, NO_EVIDENCE), lambda: NOW).test_client()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert client.get("/healthz").status_code == 200
    pool.close()


def _execute(url: str, sql: str) -> None:
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(sql)
    finally:
        connection.close()
