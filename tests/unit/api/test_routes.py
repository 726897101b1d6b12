"""HTTP around the use cases: statuses, problem documents, headers, metrics, logs."""

import io
import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from itsdangerous import URLSafeSerializer
from structlog.testing import capture_logs

from newsrec_api.errors import ApiError
from newsrec_api.values import Block, Profile
from support.api_server import SECRETS
from support.fakes_api import Store
from support.seed import NOW

OPERATOR = {"Authorization": f"Bearer {SECRETS['ADMIN_TOKEN']}"}
READER = {
    "region": "africa",
    "language": "en",
    "timezone": "Africa/Nairobi",
    "preferred_categories": ["climate"],
}


@pytest.fixture
def store() -> Store:
    made = Store.of(40)
    keys = list(made.articles)
    made.slates["ana"] = keys[10:30]
    made.popular[("", "")] = keys[:20]
    made.profiles["ana"] = Profile("ana", "africa", "en", "UTC", ["climate"], True)
    return made


@pytest.fixture
def client(store: Store) -> FlaskClient:
    return store.app().test_client()


def token(**content: str) -> str:
    signed = URLSafeSerializer(SECRETS["LINK_SECRET"], salt="newsrec.links.v1").dumps(content)
    return signed if isinstance(signed, str) else signed.decode()


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v1/nothing", None, 404),
        ("GET", "/", None, 404),
        ("DELETE", "/v1/events", None, 405),
        ("GET", "/v1/readers/ana/recommendations?limit=0", None, 422),
        ("GET", "/v1/readers/ana/recommendations?limit=51", None, 422),
        ("GET", "/v1/readers/ana/recommendations?limit=ten", None, 422),
        ("GET", "/v1/readers/ana/recommendations?limit=٣", None, 422),
        ("GET", f"/v1/readers/ana/recommendations?limit={'9' * 5000}", None, 422),
        ("GET", "/v1/readers/ana/recommendations?region=%00", None, 422),
        ("GET", f"/v1/readers/{'x' * 257}/recommendations", None, 404),
        ("GET", "/v1/readers/a%00b/recommendations", None, 404),
        ("GET", "/v1/articles/unknown/similar", None, 404),
        ("GET", "/v1/readers/unknown/preferences", None, 404),
        ("PUT", "/v1/readers/unknown/preferences", {}, 404),
        ("PUT", "/v1/readers/ana/preferences", {"timezone": "Mars/Olympus"}, 422),
        ("PUT", "/v1/readers/ana/preferences", {"timezone": "../etc/passwd"}, 422),
        ("PUT", "/v1/readers/ana/preferences", {"colour": "green"}, 422),
        ("PUT", "/v1/readers/ana/preferences", {"email": "a@b.example\nBcc: c@d.example"}, 422),
        ("PUT", "/v1/readers/ana/preferences", {"preferred_categories": ["nonsense"]}, 422),
        ("POST", "/v1/readers", READER | {"user_id": "ana"}, 409),
        ("POST", "/v1/readers", READER | {"user_id": ""}, 422),
        ("POST", "/v1/readers", READER | {"preferred_categories": []}, 422),
        ("POST", "/v1/readers", {}, 422),
        ("POST", "/v1/events", {"events": []}, 422),
        ("POST", "/v1/events", {"events": [{}] * 1001}, 422),
        ("POST", "/v1/events", {"events": "all"}, 422),
        ("POST", "/v1/events", [], 422),
        ("POST", "/v1/events", b"{", 400),
        ("POST", "/v1/events", b"", 400),
        ("POST", "/v1/events", b'{"events": [NaN]}', 400),
        ("POST", "/v1/events", b"[" * 100_000, 400),
        ("POST", "/v1/events", b'{"events": ["\\ud800"]}', 400),
        ("POST", "/v1/events", b"\xff\xfe", 400),
        ("PUT", "/v1/articles/article-00001/block", {"reason": "x", "blocked_by": "y"}, 401),
        ("GET", "/r/forged", None, 404),
        ("GET", "/u/forged", None, 404),
        ("POST", "/u/forged", None, 404),
    ],
)
def test_every_error_is_a_problem_document(
    client: FlaskClient, method: str, path: str, body: Any, status: int
) -> None:
    data = body if isinstance(body, bytes) or body is None else json.dumps(body)
    headers = {"Content-Type": "application/json"} if data is not None else {}
    answer = client.open(path, method=method, data=data, headers=headers)
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    problem = answer.get_json(force=True)
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["X-Request-ID"]
    assert "Traceback" not in answer.text


def test_a_body_that_is_not_declared_as_json_is_refused(client: FlaskClient) -> None:
    assert client.post("/v1/events", data="a=1").status_code == 415


def test_a_body_above_one_mebibyte_is_refused(client: FlaskClient) -> None:
    big = io.BytesIO(b" " * (1024 * 1024 + 1))
    answer = client.post("/v1/events", data=big, content_type="application/json")
    assert answer.status_code == 413
    assert answer.content_type == "application/problem+json"


def test_a_method_that_an_address_does_not_know_names_those_it_knows(client: FlaskClient) -> None:
    assert client.delete("/v1/events").headers["Allow"] == "OPTIONS, POST"


def test_a_dead_database_is_a_503_that_says_when_to_come_back(store: Store) -> None:
    store.down = True
    client = store.app().test_client()
    for path in ("/v1/readers/ana/recommendations", "/readyz"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert client.get("/healthz").status_code == 200


def test_a_bug_is_a_500_without_a_trace_and_its_trace_is_logged(store: Store) -> None:
    store.slates["ana"] = None  # type: ignore[assignment]
    with capture_logs() as logs:
        answer = store.app().test_client().get("/v1/readers/ana/recommendations")
    assert answer.status_code == 500
    assert "TypeError" not in answer.text
    assert [entry["event"] for entry in logs] == ["bug", "request"]
    assert isinstance(logs[0]["exc_info"], TypeError)


def test_logs_hold_neither_readers_nor_tokens_nor_bodies(client: FlaskClient) -> None:
    link = token(k="unsubscribe", u="ana")
    with capture_logs() as logs:
        client.get("/v1/readers/ana/recommendations?limit=0")
        client.post(f"/u/{link}")
        client.post("/v1/events", json={"events": [{"type": "read", "secret": "s3cret"}]})
    text = json.dumps(logs)
    assert len(logs) == 3
    assert not any(word in text for word in ("ana", link, "s3cret"))


def test_a_request_id_is_taken_over_only_when_it_is_harmless(client: FlaskClient) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": "abc-1"}).headers["X-Request-ID"] == (
        "abc-1"
    )
    made = client.get("/healthz", headers={"X-Request-ID": "a b"}).headers["X-Request-ID"]
    assert len(made) == 32


def test_every_answer_carries_the_headers_of_safety(client: FlaskClient) -> None:
    link = f"/r/{token(k='click', u='ana', a='article-00001', d='2026-03-08')}"
    for path in ("/v1/categories", "/v1/nothing", "/docs", "/static/base.css", link):
        with client.get(path) as answer:
            headers = answer.headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"]
        if path != "/v1/categories":
            assert "default-src 'none'" in headers["Content-Security-Policy"]
            assert headers["Referrer-Policy"] == "no-referrer"


def test_opening_the_unsubscribe_page_changes_nothing_and_posting_it_does(
    store: Store, client: FlaskClient
) -> None:
    link = f"/u/{token(k='unsubscribe', u='ana')}"
    page = client.get(link)
    assert page.content_type.startswith("text/html")
    assert '<form method="post">' in page.text
    assert client.head(link).status_code == 200
    assert store.profiles["ana"].email_digest
    for _ in range(2):
        one_click = client.post(link, data={"List-Unsubscribe": "One-Click"})
        assert one_click.status_code == 200
        assert not store.profiles["ana"].email_digest
    assert "Set-Cookie" not in one_click.headers


def test_a_click_leads_to_the_article_and_is_recorded_once(
    store: Store, client: FlaskClient
) -> None:
    link = f"/r/{token(k='click', u='ana', a='article-00001', d='2026-03-08')}"
    assert client.head(link).status_code == 302
    assert store.events == {}
    for _ in range(2):
        answer = client.get(link)
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("https://news.example/")
    ((event, source, at),) = store.events.values()
    assert (source, at, event.payload["kind"]) == ("email", NOW, "click")
    assert event.event_id == event.payload["view_id"]
    assert event.event_id.startswith("email-")


@pytest.mark.parametrize("url", ["javascript:alert(1)", "//evil.example/", "file:///etc/passwd"])
def test_a_link_leads_only_to_the_web(store: Store, url: str) -> None:
    store.articles["bad"] = store.articles["article-00001"]._replace(article_id="bad", url=url)
    answer = store.app().test_client().get(f"/r/{token(k='click', u='ana', a='bad', d='x')}")
    assert answer.status_code == 404
    assert store.events == {}


@pytest.mark.parametrize(
    "content",
    [
        {"k": "unsubscribe", "u": "ana"},
        {"k": "click", "u": "ana"},
        {"k": "click", "u": "ana", "a": "unknown", "d": "x"},
    ],
)
def test_a_link_of_another_kind_or_to_nothing_is_not_followed(
    client: FlaskClient, content: dict[str, str]
) -> None:
    assert client.get(f"/r/{token(**content)}").status_code == 404


def test_a_link_signed_with_another_secret_is_not_followed(client: FlaskClient) -> None:
    forged = URLSafeSerializer("another-secret", salt="newsrec.links.v1").dumps(
        {"k": "unsubscribe", "u": "ana"}
    )
    answer = client.post(f"/u/{forged}", headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert answer.content_type.startswith("text/html")
    assert "not one of ours" in answer.text


def test_the_link_of_a_blocked_article_says_that_it_was_withdrawn(
    store: Store, client: FlaskClient
) -> None:
    store.blocks.append(Block("article-00001", NOW, "ben", "invented"))
    link = token(k="click", u="ana", a="article-00001", d="x")
    assert client.get(f"/r/{link}").status_code == 410


def test_operators_block_and_lift_and_every_step_is_kept(client: FlaskClient) -> None:
    path = "/v1/articles/article-00010/block"
    body = {"reason": "invented quotes", "blocked_by": "ben"}
    assert client.put(path, json=body, headers=OPERATOR).status_code == 201
    again = client.put(path, json=body | {"blocked_by": "eve"}, headers=OPERATOR)
    assert (again.status_code, again.json["blocked_by"]) == (200, "ben")
    slate = client.get("/v1/readers/ana/recommendations").json
    assert "article-00010" not in [i["article_id"] for i in slate["items"]]
    assert client.delete(path, headers=OPERATOR).status_code == 422
    lifted = client.delete(f"{path}?lifted_by=ana", headers=OPERATOR)
    assert (lifted.status_code, lifted.json["lifted_by"]) == (200, "ana")
    assert client.delete(f"{path}?lifted_by=ana", headers=OPERATOR).status_code == 404
    audit = client.get(path, headers=OPERATOR).json
    assert (audit["blocked"], len(audit["history"])) == (False, 1)
    assert client.put("/v1/articles/no/block", json=body, headers=OPERATOR).status_code == 404


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Basic abc", "Bearer é"])
def test_nobody_else_blocks(client: FlaskClient, header: str) -> None:
    answer = client.get("/v1/articles/article-00010/block", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_new_reader_gets_an_id_and_the_newest_of_her_categories(client: FlaskClient) -> None:
    answer = client.post("/v1/readers?limit=3", json=READER)
    assert answer.status_code == 201
    assert [i["category"] for i in answer.json["items"]] == ["climate"] * 3
    assert answer.headers["Location"] == f"/v1/readers/{answer.json['user_id']}/recommendations"
    slate = client.get(answer.headers["Location"]).json
    assert slate["fallback"]
    assert slate["slate_id"] is None


def test_a_changed_preference_leaves_the_others_as_they_were(client: FlaskClient) -> None:
    client.put("/v1/readers/ana/preferences", json={"email_digest": False})
    answer = client.put("/v1/readers/ana/preferences", json={"language": "pt"})
    assert answer.json == {
        "user_id": "ana",
        "region": "africa",
        "language": "pt",
        "timezone": "UTC",
        "preferred_categories": ["climate"],
        "email_digest": False,
    }


def test_metrics_count_requests_slates_and_events_without_readers(client: FlaskClient) -> None:
    client.get("/v1/readers/ana/recommendations")
    client.get("/v1/readers/nobody/recommendations?limit=50")
    client.post("/v1/events", json={"events": [{}]})
    text = client.get("/metrics").text
    for line in (
        'newsrec_api_request_seconds_count{method="GET",'
        'route="/v1/readers/<id:user_id>/recommendations",status="200"} 2.0',
        'newsrec_api_slate_seconds_count{kind="stored",n="10"} 1.0',
        'newsrec_api_slate_seconds_count{kind="fallback",n="50"} 1.0',
        'newsrec_api_events_total{entity="unknown",outcome="rejected"} 1.0',
    ):
        assert line in text
    assert "ana" not in text


def test_the_demo_page_is_there_only_when_asked_for(store: Store, client: FlaskClient) -> None:
    assert client.get("/demo/readers").status_code == 404
    demo = store.app(demo=True).test_client()
    assert "Ten articles" in demo.get("/").text
    assert demo.get("/demo/readers").json["readers"] == []
    assert demo.get("/demo/readers/nobody").status_code == 404


@pytest.mark.parametrize("error", ApiError.__subclasses__())
def test_titles_of_problems_are_words_for_people(error: type[ApiError]) -> None:
    assert "Error" not in error.title
    assert error.title == error.title.capitalize()


def test_a_body_that_breaks_off_is_a_bad_request(client: FlaskClient) -> None:
    class Broken(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise OSError("Invalid chunk size")

        readinto = read

    answer = client.post(
        "/v1/events",
        input_stream=Broken(),
        content_type="application/json",
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert answer.status_code == 400
    assert answer.content_type == "application/problem+json"
