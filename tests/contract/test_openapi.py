"""contracts/openapi.yaml and the application say the same."""

import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import URLSafeSerializer
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import validate
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from newsrec_api import openapi
from newsrec_api.values import Profile
from support.api_server import SECRETS
from support.fakes_api import Store
from support.postgres import REPOSITORY
from support.seed import RUN_ID

DOCUMENT: dict[str, Any] = yaml.safe_load((REPOSITORY / "contracts/openapi.yaml").read_text())
URI = "urn:newsrec:openapi"
REGISTRY = Registry().with_resource(URI, Resource(contents=DOCUMENT, specification=DRAFT202012))
OPERATOR = {"Authorization": f"Bearer {SECRETS['ADMIN_TOKEN']}"}
AUDITOR = {"Authorization": f"Bearer {SECRETS['AUDIT_TOKEN']}"}


def pointed(pointer: str) -> Draft202012Validator:
    """A validator for the schema at a pointer into the document."""
    return Draft202012Validator(
        {"$ref": f"{URI}#{pointer}"}, registry=REGISTRY, format_checker=FormatChecker()
    )


def escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")


@pytest.fixture
def app() -> Flask:
    store = Store.of(30)
    keys = list(store.articles)
    store.slates["ana"] = keys[:20]
    store.popular[("", "")] = keys[:20]
    store.similar[keys[0]] = keys[1:4]
    store.profiles["ana"] = Profile("ana", "africa", "en", "UTC", ["climate"], True)
    return store.app()


def test_the_document_is_valid_openapi() -> None:
    validate(DOCUMENT)


def test_every_route_is_in_the_document_and_every_path_has_a_route(app: Flask) -> None:
    routes = {
        (re.sub(r"<(?:id:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if not rule.rule.startswith("/static/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    documented = {
        (path, method)
        for path, item in DOCUMENT["paths"].items()
        for method in item
        if method != "parameters"
    }
    assert routes == documented


def media(part: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """Every example of the document, with the pointer to its schema."""
    if isinstance(part, dict):
        if "example" in part and "schema" in part:
            yield f"{pointer}/schema", part["example"]
        for key, inner in part.items():
            yield from media(inner, f"{pointer}/{escaped(key)}")
    elif isinstance(part, list):
        for n, inner in enumerate(part):
            yield from media(inner, f"{pointer}/{n}")


@pytest.mark.parametrize(("pointer", "example"), list(media(DOCUMENT)))
def test_every_example_follows_its_schema(pointer: str, example: Any) -> None:
    pointed(pointer).validate(example)


def calls() -> list[tuple[str, str, str, dict[str, Any]]]:
    """Method, path of the document, address, and what is sent."""
    token = URLSafeSerializer(SECRETS["LINK_SECRET"], salt="newsrec.links.v1").dumps
    click = token({"k": "click", "u": "ana", "a": "article-00001", "d": "2026-03-08"})
    end = token({"k": "unsubscribe", "u": "ana"})
    slate, block = "/v1/readers/{user_id}/recommendations", "/v1/articles/{article_id}/block"
    liked, similar = "/v1/readers/{user_id}/preferences", "/v1/articles/{article_id}/similar"
    body = {"reason": "invented", "blocked_by": "ben"}
    reader = {"region": "africa", "language": "en", "timezone": "UTC"}
    new = reader | {"preferred_categories": ["climate"], "user_id": "new"}
    example = DOCUMENT["paths"]["/v1/events"]["post"]["requestBody"]["content"]
    events = example["application/json"]["example"]
    one = "/v1/articles/article-00000"
    why = "/v1/runs/{run_id}/readers/{user_id}/articles/{article_id}/explanation"
    run = f"/v1/runs/{RUN_ID}/readers/ana/articles"
    return [
        ("get", slate, "/v1/readers/ana/recommendations", {}),
        ("get", slate, "/v1/readers/nobody/recommendations?limit=50", {}),
        ("get", slate, "/v1/readers/ana/recommendations?limit=x", {}),
        ("post", "/v1/readers", "/v1/readers", {"json": new}),
        ("post", "/v1/readers", "/v1/readers", {"json": new}),
        ("post", "/v1/readers", "/v1/readers", {"data": "x"}),
        ("post", "/v1/readers", "/v1/readers", {"json": {}}),
        ("get", liked, "/v1/readers/ana/preferences", {}),
        ("get", liked, "/v1/readers/nobody/preferences", {}),
        ("put", liked, "/v1/readers/ana/preferences", {"json": {"email_digest": False}}),
        ("post", "/v1/events", "/v1/events", {"json": events}),
        ("post", "/v1/events", "/v1/events", {"json": {"events": [{}]}}),
        ("post", "/v1/events", "/v1/events", {"data": "{", "content_type": "application/json"}),
        ("get", similar, f"{one}/similar", {}),
        ("get", similar, "/v1/articles/none/similar", {}),
        ("get", "/v1/trending", "/v1/trending?region=africa", {}),
        ("get", "/v1/categories", "/v1/categories", {}),
        ("put", block, f"{one}/block", {"json": body}),
        ("put", block, f"{one}/block", {"json": body, "headers": OPERATOR}),
        ("put", block, f"{one}/block", {"json": body, "headers": OPERATOR}),
        ("get", block, f"{one}/block", {"headers": OPERATOR}),
        ("delete", block, f"{one}/block?lifted_by=ana", {"headers": OPERATOR}),
        ("delete", block, f"{one}/block?lifted_by=ana", {"headers": OPERATOR}),
        ("get", why, f"{run}/article-00001/explanation", {"headers": AUDITOR}),
        ("get", why, f"{run}/article-00001/explanation", {"headers": OPERATOR}),
        ("get", why, f"{run}/article-00029/explanation", {"headers": AUDITOR}),
        ("get", "/r/{token}", f"/r/{click}", {}),
        ("get", "/r/{token}", "/r/forged", {}),
        ("get", "/u/{token}", f"/u/{end}", {}),
        ("post", "/u/{token}", f"/u/{end}", {"data": {"List-Unsubscribe": "One-Click"}}),
        ("get", "/healthz", "/healthz", {}),
        ("get", "/readyz", "/readyz", {}),
        ("get", "/metrics", "/metrics", {}),
        ("get", "/v1/openapi.json", "/v1/openapi.json", {}),
        ("get", "/docs", "/docs", {}),
    ]


def test_real_answers_follow_the_schemas_of_their_status(app: Flask) -> None:
    client = app.test_client()
    for method, path, address, sent in calls():
        _check(client, method, path, address, sent)
    called = {(path, method) for method, path, _, _ in calls()}
    assert called == {
        (path, method)
        for path, item in DOCUMENT["paths"].items()
        for method in item
        if method != "parameters"
    }


def _check(client: FlaskClient, method: str, path: str, address: str, sent: dict[str, Any]) -> None:
    answer = client.open(address, method=method.upper(), **sent)
    status = str(answer.status_code)
    responses = DOCUMENT["paths"][path][method]["responses"]
    assert status in responses, f"{method} {address} answered {status}: {answer.text}"
    pointer = f"/paths/{escaped(path)}/{method}/responses/{status}"
    if "$ref" in responses[status]:
        pointer = responses[status]["$ref"].removeprefix("#")
        response = DOCUMENT["components"]["responses"][pointer.rsplit("/", 1)[1]]
    else:
        response = responses[status]
    if "content" not in response:
        assert answer.data == b""
        return
    assert answer.mimetype in response["content"]
    if "json" in answer.mimetype:
        pointed(f"{pointer}/content/{escaped(answer.mimetype)}/schema").validate(
            answer.get_json(force=True)
        )


def test_the_package_serves_the_document_of_the_repository(app: Flask) -> None:
    assert openapi.load() == DOCUMENT
    assert app.test_client().get("/v1/openapi.json").json == DOCUMENT


def test_the_wheel_holds_the_document_the_templates_and_the_page(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=REPOSITORY / "services/api",
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as content:
        document = content.read("newsrec_api/openapi.yaml")
        names = set(content.namelist())
    assert document == (REPOSITORY / "contracts/openapi.yaml").read_bytes()
    source = REPOSITORY / "services/api/src"
    files = {str(f.relative_to(source)) for f in source.rglob("*") if f.is_file()}
    assert {f for f in files if "__pycache__" not in f} <= names


def test_the_page_of_the_document_and_all_it_loads_come_from_this_server(app: Flask) -> None:
    client = app.test_client()
    page = client.get("/docs").text
    loaded = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert "/static/swagger-ui/swagger-ui-bundle.js" in loaded
    for address in loaded:
        assert address.startswith("/")
        assert not address.startswith("//")
        with client.get(address) as answer:
            assert answer.status_code == 200
    assert not re.search(r"<style|style=|<script(?! src=)", page)  # our policy forbids these
    assert client.get("/static/swagger-ui/oauth2-redirect.html").status_code == 404
