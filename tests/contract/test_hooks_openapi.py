"""contracts/hooks.openapi.yaml and the receiver of alerts say the same."""

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from openapi_spec_validator import validate
from pydantic import ValidationError as WrongError
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from newsrec_hooks import openapi
from newsrec_hooks.alerts import Notification
from newsrec_hooks.errors import RefusedError, UnavailableError
from support.fakes_hooks import (
    AUTHORIZED,
    FakeDags,
    FakeGateway,
    alert,
    application,
    notification,
)
from support.postgres import REPOSITORY

CONTRACT = REPOSITORY / "contracts/hooks.openapi.yaml"
DOCUMENT: dict[str, Any] = yaml.safe_load(CONTRACT.read_text())
URI = "urn:newsrec:hooks"
REGISTRY = Registry().with_resource(URI, Resource(contents=DOCUMENT, specification=DRAFT202012))
OPERATIONS = {(path, method) for path, item in DOCUMENT["paths"].items() for method in item}


def pointed(pointer: str) -> Draft202012Validator:
    """A validator for the schema at a pointer into the document."""
    return Draft202012Validator(
        {"$ref": f"{URI}#{pointer}"}, registry=REGISTRY, format_checker=FormatChecker()
    )


def escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")


def test_the_document_is_valid_openapi() -> None:
    validate(DOCUMENT)


def test_every_route_is_in_the_document_and_every_path_has_a_route() -> None:
    routes = {
        (rule.rule, method.lower())
        for rule in application(FakeDags()).url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert routes == OPERATIONS


def media(part: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """Every example of the document, with the pointer to its schema."""
    if isinstance(part, dict):
        if "example" in part and "schema" in part:
            yield f"{pointer}/schema", part["example"]
        for key, inner in part.items():
            yield from media(inner, f"{pointer}/{escaped(key)}")


@pytest.mark.parametrize(("pointer", "example"), list(media(DOCUMENT)))
def test_every_example_follows_its_schema(pointer: str, example: Any) -> None:
    pointed(pointer).validate(example)


def test_the_example_of_an_alert_gives_the_example_of_an_answer() -> None:
    content = DOCUMENT["paths"]["/v1/alerts"]["post"]
    sent = content["requestBody"]["content"]["application/json"]["example"]
    told = content["responses"]["200"]["content"]["application/json"]["example"]
    answer = application(FakeDags()).test_client().post("/v1/alerts", json=sent, headers=AUTHORIZED)
    assert answer.json == told


CALLS: list[tuple[str, str, int, dict[str, Any]]] = [
    ("/v1/alerts", "post", 200, {"json": notification(alert()), "headers": AUTHORIZED}),
    ("/v1/alerts", "post", 200, {"json": notification(alert(action=None)), "headers": AUTHORIZED}),
    ("/v1/alerts", "post", 200, {"json": notification(alert(action="rm")), "headers": AUTHORIZED}),
    ("/v1/alerts", "post", 400, {"json": {}, "headers": AUTHORIZED}),
    (
        *("/v1/alerts", "post", 400),
        {"data": "{", "headers": AUTHORIZED, "content_type": "application/json"},
    ),
    ("/v1/alerts", "post", 401, {"json": notification(alert())}),
    ("/v1/alerts", "post", 413, {"json": {"x": "x" * 2**20}, "headers": AUTHORIZED}),
    ("/v1/alerts", "post", 415, {"data": "x", "headers": AUTHORIZED}),
    ("/v1/alerts", "post", 502, {"json": notification(alert(2)), "headers": AUTHORIZED}),
    ("/v1/alerts", "post", 503, {"json": notification(alert(3)), "headers": AUTHORIZED}),
    ("/healthz", "get", 200, {}),
    ("/readyz", "get", 200, {}),
    ("/metrics", "get", 200, {}),
    ("/v1/openapi.json", "get", 200, {}),
]


@pytest.mark.parametrize(("path", "method", "status", "sent"), CALLS)
def test_a_real_answer_follows_the_schema_of_its_status(
    path: str, method: str, status: int, sent: dict[str, Any]
) -> None:
    dags = FakeDags()
    if status in (502, 503):
        kind = RefusedError if status == 502 else UnavailableError
        dags.failures.append(kind("Airflow"))
    _check(application(dags, FakeGateway()).test_client(), path, method, status, sent)


def test_every_operation_and_status_was_called() -> None:
    assert {(path, method) for path, method, _, _ in CALLS} == OPERATIONS
    documented = {
        (path, method, int(status))
        for path, item in DOCUMENT["paths"].items()
        for method, operation in item.items()
        for status in operation["responses"]
    }
    assert {(path, method, status) for path, method, status, _ in CALLS} == documented


def _check(client: FlaskClient, path: str, method: str, status: int, sent: dict[str, Any]) -> None:
    answer = client.open(path, method=method.upper(), **sent)
    assert answer.status_code == status, answer.text
    pointer = f"/paths/{escaped(path)}/{method}/responses/{status}"
    response = DOCUMENT["paths"][path][method]["responses"][str(status)]
    if "$ref" in response:
        pointer = response["$ref"].removeprefix("#")
        response = DOCUMENT["components"]["responses"][pointer.rsplit("/", 1)[1]]
    assert answer.mimetype in response["content"]
    for header in response.get("headers", {}):
        assert header in answer.headers
    if "json" in answer.mimetype:
        pointed(f"{pointer}/content/{escaped(answer.mimetype)}/schema").validate(
            answer.get_json(force=True)
        )


WRONG: list[dict[str, Any]] = [
    {},
    notification(alert(), version="3"),
    notification(alert(), status="burning"),
    notification(alert(), truncatedAlerts=-1),
    notification(*[alert()] * 1001),
    notification(alert(status="pending")),
    notification(alert(fingerprint="../x")),
    notification(alert(fingerprint="A" * 16)),
    notification(alert(startsAt="today")),
    notification(alert(labels={"n": 1})),
    notification(alert(labels={"n" * 257: "x"})),
    notification(alert(annotations={"n": "x" * 8193})),
    notification({k: v for k, v in alert().items() if k != "startsAt"}),
]


@pytest.mark.parametrize("sent", WRONG)
def test_what_the_document_forbids_the_program_refuses(sent: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        pointed("/components/schemas/Notification").validate(sent)
    with pytest.raises(WrongError):
        Notification.model_validate(sent)


def test_the_package_serves_the_document_of_the_repository() -> None:
    assert openapi.load() == DOCUMENT
    assert application(FakeDags()).test_client().get("/v1/openapi.json").json == DOCUMENT


def test_the_wheel_holds_the_document(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=REPOSITORY / "services/hooks",
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as content:
        document = content.read("newsrec_hooks/openapi.yaml")
        names = set(content.namelist())
    assert document == CONTRACT.read_bytes()
    source = REPOSITORY / "services/hooks/src"
    files = {str(f.relative_to(source)) for f in source.rglob("*") if f.is_file()}
    assert {f for f in files if "__pycache__" not in f} <= names
