"""What is kept of a run: places and columns in Parquet, whole once its manifest is there."""

import hashlib
import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from jsonschema import Draft202012Validator, FormatChecker

from newsrec_pipelines.errors import DataError
from newsrec_pipelines.scoring.evidence import Evidence, RunManifest
from newsrec_pipelines.scoring.publish import Run
from newsrec_pipelines.store import Store
from support.fake_model import AS_OF, FakeModel
from support.postgres import REPOSITORY
from support.slates import REQUEST, fake_origin

RUN = Run("run-1", AS_OF.date(), AS_OF, "fake")
SCHEMA = json.loads((REPOSITORY / "contracts/runs/manifest.schema.json").read_text())


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path.as_uri())


def _keep(
    store: Store, rows_per_file: int = 200_000, run: Run = RUN, variant: str = "champion"
) -> RunManifest:
    evidence = Evidence(store, rows_per_file)
    with evidence.keeping(run, variant, fake_origin(), REQUEST.articles) as places:
        for block in FakeModel().predict_blocks(REQUEST, 2):
            places.write(block.placed)
        places.write(pl.DataFrame())  # a block without any candidate
    return RunManifest.read(store, run.date, run.run_id, variant)


def _rows(store: Store, manifest: RunManifest) -> pl.DataFrame:
    keys = [f"runs/2026-03-06/run-1/champion/{file.name}" for file in manifest.files]
    return pl.concat(pl.read_parquet(store.read_bytes(key)) for key in keys)


def test_every_place_is_kept_with_the_columns_of_the_ranker(store: Store) -> None:
    manifest = _keep(store)

    rows = _rows(store, manifest)
    expected = FakeModel().block(REQUEST).placed
    assert rows.drop("publisher").equals(expected.select(rows.drop("publisher").columns))
    assert rows["publisher"][0] == "publisher 6"
    assert rows.schema["newness"] == pl.Float32
    assert manifest.ranker.columns == ("newness", "chosen")
    assert (manifest.run_id, manifest.variant) == ("run-1", "champion")
    assert (manifest.model_version, manifest.as_of, manifest.data_hash) == (
        "fake",
        AS_OF,
        "data-of-the-fake",
    )


def test_files_have_a_bounded_size_and_say_whose_places_they_hold(store: Store) -> None:
    manifest = _keep(store, rows_per_file=60)

    assert [(f.name, f.rows, f.first_user, f.last_user) for f in manifest.files] == [
        ("placed-0.parquet", 80, "u00", "u03"),
        ("placed-1.parquet", 80, "u04", "u07"),
        ("placed-2.parquet", 20, "u08", "u08"),
    ]
    assert _rows(store, manifest).equals(_rows(store, _keep(store)))


def test_the_manifest_keeps_its_contract(store: Store) -> None:
    _keep(store)

    manifest = store.read_json("runs/2026-03-06/run-1/champion/manifest.json")
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA, format_checker=FormatChecker()).validate(manifest)


def test_the_example_of_the_contract_is_a_manifest(store: Store) -> None:
    example = json.loads((REPOSITORY / "contracts/runs/example.json").read_text())
    Draft202012Validator(SCHEMA, format_checker=FormatChecker()).validate(example)
    run_id, variant = example["run_id"], example["variant"]
    store.write_json(f"runs/2026-03-08/{run_id}/{variant}/manifest.json", example)

    manifest = RunManifest.read(store, date(2026, 3, 8), run_id, variant)

    assert manifest.model_dump(mode="json") == example


def test_the_trees_are_kept_beside_the_places(store: Store) -> None:
    origin = replace(fake_origin(), trees="tree\n")
    with Evidence(store).keeping(RUN, "champion", origin, REQUEST.articles):
        pass

    manifest = RunManifest.read(store, RUN.date, "run-1")
    assert manifest.ranker.trees == hashlib.sha256(b"tree\n").hexdigest()
    assert store.read_bytes("runs/2026-03-06/run-1/champion/trees.txt") == b"tree\n"
    assert manifest.files == ()


def test_a_variant_that_fails_leaves_nothing_and_the_others_alone(store: Store) -> None:
    _keep(store)
    before = store.keys("runs")
    evidence = Evidence(store, rows_per_file=1)

    def fail() -> None:
        with evidence.keeping(RUN, "b", fake_origin(), REQUEST.articles) as places:
            places.write(FakeModel().block(REQUEST).placed)
            assert set(store.keys("runs")) > set(before)
            raise RuntimeError("the model fell over")

    with pytest.raises(RuntimeError, match="fell over"):
        fail()

    assert store.keys("runs") == before


def test_a_run_that_fails_leaves_nothing(store: Store) -> None:
    def fail() -> None:
        with Evidence(store).whole(RUN):
            _keep(store)
            _keep(store, variant="b")
            raise RuntimeError("the database fell over")

    with pytest.raises(RuntimeError, match="fell over"):
        fail()

    assert store.keys("runs") == []


def test_variants_of_a_run_have_their_own_places_and_origin(store: Store) -> None:
    champion = _keep(store)
    origin = fake_origin(model_version="other")
    with Evidence(store).keeping(RUN, "b", origin, REQUEST.articles) as places:
        places.write(FakeModel(depth=10).block(REQUEST).placed)

    other = RunManifest.read(store, RUN.date, "run-1", "b")
    assert (other.variant, other.model_version) == ("b", "other")
    assert sum(f.rows for f in other.files) < sum(f.rows for f in champion.files)
    assert RunManifest.read(store, RUN.date, "run-1") == champion
    assert Evidence(store).runs() == {"run-1": RUN.date}


def test_without_a_manifest_nothing_counts(store: Store) -> None:
    _keep(store)
    store.remove("runs/2026-03-06/run-1/champion/manifest.json")

    with pytest.raises(DataError, match=r"no file runs/2026-03-06/run-1/champion/manifest\.json"):
        RunManifest.read(store, RUN.date, "run-1")
    assert Evidence(store).runs() == {"run-1": RUN.date}  # it can be swept


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"format": 1}, "format 1; this code reads format 2"),
        ({"run_id": "run-2"}, "says run run-2"),
        ({"variant": "b"}, "says run run-1, variant b"),
        ({"files": [{}]}, r"is no manifest of a run: files\.0\.name"),
    ],
)
def test_a_foreign_manifest_is_refused(
    store: Store, change: dict[str, object], complaint: str
) -> None:
    _keep(store)
    key = "runs/2026-03-06/run-1/champion/manifest.json"
    store.write_json(key, store.read_json(key) | change)

    with pytest.raises(DataError, match=complaint):
        RunManifest.read(store, RUN.date, "run-1")


def test_only_the_runs_asked_for_are_removed(store: Store) -> None:
    _keep(store)
    _keep(store, run=replace(RUN, run_id="run-2"))

    store.write_bytes("runs/notes/run-2/of-somebody", b"")
    Evidence(store).remove({"run-2", "run-3"})

    assert set(Evidence(store).runs()) == {"run-1"}
    assert store.keys("runs/notes")
