"""The API explains runs that the pipelines wrote, in the words and numbers of the command."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import psycopg2
import pytest
from flask.testing import FlaskClient

from newsrec_api.app import create_app
from newsrec_api.repositories.evidence import StoreEvidence
from newsrec_api.repositories.postgres import postgres, postgres_pool
from newsrec_api.repositories.run_files import Manifest
from newsrec_pipelines.db import connect
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.rollout.variants import Variant
from newsrec_pipelines.scoring import slates
from newsrec_pipelines.scoring.explain import explain
from newsrec_pipelines.scoring.versions import Version
from newsrec_pipelines.store import Store
from support.api_server import SECRETS
from support.fake_model import FakeModel, FittedModel, fitted_ranker
from support.fakes_api import SETTINGS
from support.postgres import REPOSITORY
from support.seed import NOW
from support.slates import REQUEST, fake_version, publish

AUDITOR = {"Authorization": f"Bearer {SECRETS['AUDIT_TOKEN']}"}


@dataclass
class Service:
    """An application over a database and a store."""

    client: FlaskClient
    url: str
    store: Store

    def publish(self, model: slates.Model) -> str:
        return publish(self.url, model, store=self.store).run_id

    def get(
        self, run: str, user: str = "u00", article: str = "a006", query: str = ""
    ) -> tuple[int, Any]:
        path = f"/v1/runs/{run}/readers/{user}/articles/{article}/explanation{query}"
        answer = self.client.get(path, headers=AUDITOR)
        return answer.status_code, answer.json


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[Service]:
    store = Store((tmp_path / "a store").as_uri())
    pool = postgres_pool(database_url, 1)
    app = create_app(SETTINGS, postgres(pool, StoreEvidence(store.url)), lambda: NOW)
    yield Service(app.test_client(), database_url, store)
    pool.close()


@pytest.mark.parametrize("model", [FittedModel(), FakeModel()], ids=["fitted", "unfitted"])
def test_it_says_what_the_command_says(service: Service, model: FakeModel) -> None:
    run = service.publish(model)

    for user, article in (("u00", "a006"), ("u02", "a003"), ("u08", "a004")):
        status, found = service.get(run, user, article)
        with connect(service.url, "newsrec_reader") as conn:
            expected = explain(conn, service.store, run, user, article)
        assert status == 200
        assert found == json.loads(expected.model_dump_json())
        parts = [part["contribution"] for part in found["ranking"]["contributions"]]
        assert found["ranking"]["base"] + sum(parts) == pytest.approx(
            found["ranking"]["score"], abs=1e-6
        )


def test_slates_of_a_variant_are_explained_by_its_own_ranker(service: Service) -> None:
    everybody = Variant("b", "other", Decimal(100))
    run = publish(
        service.url, store=service.store, variants={everybody: lambda: fitted(depth=12)}
    ).run_id

    def both(article: str, variant: str | None = None) -> Any:
        status, found = service.get(run, "u00", article, f"?variant={variant}" if variant else "")
        with connect(service.url, "newsrec_reader") as conn:
            expected = explain(conn, service.store, run, "u00", article, variant)
        assert status == 200
        assert found == json.loads(expected.model_dump_json())
        return found

    # In both slates: she is in the variant. Further down only the champion's goes on.
    lowest = FakeModel().block(REQUEST).slates["article_ids"][0][-1]
    first, last = both("a006"), both(lowest)
    assert (first["variant"], first["model_version"]) == ("b", "other")
    assert first["ranking"]["base"] != 0
    assert (last["variant"], last["model_version"]) == ("champion", "fake")
    assert both("a006", "b") == first
    champions = both("a006", "champion")
    assert (champions["variant"], champions["ranking"]["base"]) == ("champion", 0)
    assert service.get(run, "u00", lowest, "?variant=b")[0] == 404
    assert service.get(run, "u00", "a006", "?variant=c")[0] == 404
    with (
        connect(service.url, "newsrec_reader") as conn,
        pytest.raises(DataError, match="of variant c"),
    ):
        explain(conn, service.store, run, "u00", "a006", "c")
    service.store.remove(f"runs/2026-03-06/{run}/b/manifest.json")
    assert service.get(run, "u00", "a006")[0] == 410
    assert both("a006", "champion") == champions


def fitted(depth: int) -> Version:
    return fake_version(FittedModel(depth), "other")


def test_two_runs_have_their_own_trees(service: Service) -> None:
    fitted, unfitted = service.publish(FittedModel()), service.publish(FakeModel())

    bases = [service.get(run)[1]["ranking"]["base"] for run in (fitted, unfitted, fitted)]

    assert bases[0] == bases[2] != 0
    assert bases[1] == 0


def test_a_kind_that_does_not_tell_is_not_found(service: Service) -> None:
    run = service.publish(FakeModel())
    key = f"runs/2026-03-06/{run}/champion/manifest.json"
    manifest = service.store.read_json(key)
    nothing = {"columns": [], "used": [], "trees": None, "summed": []}
    service.store.write_json(key, manifest | {"ranker": nothing})

    status, problem = service.get(run)
    assert status == 404
    assert problem["detail"] == "a model of this kind does not tell how its scores come about"


def test_what_is_not_there_is_told_apart(service: Service) -> None:
    run = service.publish(FittedModel())
    folder = f"runs/2026-03-06/{run}/champion"

    assert service.get("none")[0] == 404
    assert service.get(run, user="u99")[0] == 404
    assert service.get(run, article="a000")[0] == 404
    service.store.remove(f"{folder}/manifest.json")
    assert service.get(run)[0] == 410
    owner = psycopg2.connect(service.url)
    with owner, owner.cursor() as cursor:
        cursor.execute("SELECT drop_run_partitions(%s)", (run,))
    owner.close()
    status, problem = service.get(run)
    assert (status, problem["detail"]) == (410, "what this run was made of has been dropped")


def test_damaged_files_are_never_explained_away(service: Service) -> None:
    run = service.publish(FittedModel())
    folder = f"runs/2026-03-06/{run}/champion"
    rows = service.store.read_bytes(f"{folder}/placed-0.parquet")
    trees = fitted_ranker().text

    service.store.write_bytes(f"{folder}/trees.txt", trees.replace("=-", "=").encode())
    assert service.get(run)[0] == 500
    service.store.write_bytes(f"{folder}/trees.txt", trees.encode())
    assert service.get(run)[0] == 200

    frame = pl.read_parquet(rows).with_columns(pl.col("newness") - 1)
    frame.write_parquet(Path(service.store.path(f"{folder}/placed-0.parquet")))
    assert "another score" in service.get(run)[1]["detail"]
    service.store.write_bytes(f"{folder}/placed-0.parquet", rows[:1000])
    assert "cannot be read" in service.get(run)[1]["detail"]
    service.store.remove(f"{folder}/placed-0.parquet")
    assert "missing" in service.get(run)[1]["detail"]


def test_the_api_reads_the_example_of_the_contract() -> None:
    example = (REPOSITORY / "contracts/runs/example.json").read_text()

    manifest = Manifest.model_validate_json(example)

    assert manifest.ranker.used == ["age_hours", "als"]
    assert manifest.reliability.publishers == {"The Delta Post": 0.9}
