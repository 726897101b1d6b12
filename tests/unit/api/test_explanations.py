"""The auditors' route: only for them, and every way in which there is no explanation."""

import sys

import pytest
from flask.testing import FlaskClient

from newsrec_api.errors import (
    ApiError,
    DamagedError,
    GoneError,
    NotInstalledError,
    UnavailableError,
)
from newsrec_api.repositories.evidence import StoreEvidence
from support.api_server import SECRETS
from support.fakes_api import Store
from support.seed import AS_OF, RUN_ID

AUDITOR = {"Authorization": f"Bearer {SECRETS['AUDIT_TOKEN']}"}
WHY = f"/v1/runs/{RUN_ID}/readers/ana/articles/article-00003/explanation"


@pytest.fixture
def store() -> Store:
    made = Store.of(9)
    made.slates["ana"] = list(made.articles)[2:5]
    return made


@pytest.fixture
def client(store: Store) -> FlaskClient:
    return store.app().test_client()


def test_an_auditor_gets_all_steps(client: FlaskClient, store: Store) -> None:
    answer = client.get(f"{WHY}?variant=champion", headers=AUDITOR)

    assert answer.status_code == 200
    assert answer.json == client.get(WHY, headers=AUDITOR).json
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json["date"] == "2026-03-08"
    assert answer.json["as_of"] == "2026-03-08T00:00:00Z"
    assert answer.json["article"] == {
        "article_id": "article-00003",
        "title": store.articles["article-00003"].title,
        "publisher": "The Delta Post",
        "reliability": 0.9,
        "rated": True,
    }
    assert answer.json["ranking"]["contributions"] == [
        {"feature": "age_hours", "value": 2.5, "contribution": 0.75},
        {"feature": "als", "value": None, "contribution": -0.25},
    ]
    assert answer.json["placement"] == {"place": 2, "step": "diversified", "propensity": 1.0}


@pytest.mark.parametrize(
    "header",
    [
        None,
        "Bearer",
        "Bearer wrong",
        f"Basic {SECRETS['AUDIT_TOKEN']}",
        f"Bearer {SECRETS['ADMIN_TOKEN']}",
        "Bearer ünsäglich",
    ],
)
def test_nobody_else_learns_what_somebody_reads(client: FlaskClient, header: str | None) -> None:
    answer = client.get(WHY, headers={"Authorization": header} if header else {})

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert "ranking" not in answer.text


def test_without_a_token_in_the_settings_it_is_off(store: Store) -> None:
    client = store.app(audit_token=None).test_client()

    for header in ({}, AUDITOR, {"Authorization": "Bearer "}):
        answer = client.get(WHY, headers=header)
        assert answer.status_code == 404
        assert "AUDIT_TOKEN is not set" in answer.json["detail"]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/runs/other/readers/ana/articles/article-00003/explanation",
        f"/v1/runs/{RUN_ID}/readers/ben/articles/article-00003/explanation",
        f"/v1/runs/{RUN_ID}/readers/ana/articles/article-00008/explanation",
        f"{WHY}?variant=challenger",
    ],
)
def test_what_nobody_was_told_is_not_found(client: FlaskClient, path: str) -> None:
    assert client.get(path, headers=AUDITOR).status_code == 404


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (GoneError("dropped"), 410),
        (DamagedError("other trees"), 500),
        (NotInstalledError("left out"), 501),
        (UnavailableError("the store cannot be read"), 503),
    ],
)
def test_what_cannot_be_explained_is_a_problem_document(
    store: Store, error: ApiError, status: int
) -> None:
    store.evidence = error

    answer = store.app().test_client().get(WHY, headers=AUDITOR)

    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    assert answer.json["detail"] == error.detail


def test_an_image_without_the_libraries_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "newsrec_api.repositories.run_files", raising=False)
    monkeypatch.setitem(sys.modules, "lightgbm", None)  # its import raises ImportError

    with pytest.raises(NotInstalledError, match=r"newsrec-api\[explain\]"):
        StoreEvidence("file:///nowhere").kept(AS_OF.date(), "run", "champion", "ana", "a")
