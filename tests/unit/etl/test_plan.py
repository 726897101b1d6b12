"""A file in pieces is the same file, and the batch's id knows what was in it."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsrec_pipelines.errors import DataError
from newsrec_pipelines.etl import plan as plan_module
from newsrec_pipelines.etl.plan import landing_days, make_plan
from newsrec_pipelines.etl.source import LandingSource
from newsrec_pipelines.store import Store
from support.etl import DAY, NEXT, land, params, read


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path.as_uri())


@given(
    lines=st.lists(st.sampled_from(["", "{}", '{"a": 1}', "xx", " " * 30]), max_size=20),
    block=st.integers(1, 40),
    end=st.sampled_from(["\n", "\r\n"]),
    last=st.booleans(),
)
def test_pieces_have_every_line_once_with_its_number(
    lines: list[str], block: int, end: str, last: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = Store(tmp_path_factory.mktemp("store").as_uri())
    text = end.join(lines) + (end if last else "")
    store.write_bytes(f"landing/reads/dt={DAY}/r.jsonl", text.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan_module, "_BLOCK", block)
        patch.setattr(plan_module, "PIECE_BYTES", block)
        pieces = make_plan(store, DAY, params()).pieces

    source = LandingSource(store)
    found = [n for p in pieces for raw in source.read(p) for n in raw.frame["line"]]

    assert found == [n for n, line in enumerate(lines, 1) if line.strip()]


def test_row_groups_keep_their_row_numbers(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_module, "PIECE_ROWS", 2)
    land(store, "reads", DAY, "r.parquet", [read(f"r{n}") for n in range(3)])
    pieces = make_plan(store, DAY, params()).pieces

    rows = [n for p in pieces for raw in LandingSource(store).read(p) for n in raw.frame["line"]]

    assert rows == [1, 2, 3]


def test_the_same_files_give_the_same_batch_and_others_another(store: Store) -> None:
    land(store, "reads", DAY, "a.jsonl", [read("r1")])
    one = make_plan(store, DAY, params()).batch_id
    store.write_bytes(f"landing/reads/dt={DAY}/b.jsonl.1234.part", b"half a fi")
    again = make_plan(store, DAY, params()).batch_id
    land(store, "reads", DAY, "b.jsonl", [read("r1")])

    assert one == again
    assert one.startswith(f"{DAY}-")
    assert make_plan(store, DAY, params()).batch_id != one


def test_other_rules_give_another_batch(store: Store) -> None:
    land(store, "reads", DAY, "a.jsonl", [read("r1")])
    etl = params().etl.model_copy(update={"late_days": 9})
    others = params().model_copy(update={"etl": etl})

    assert make_plan(store, DAY, others).batch_id != make_plan(store, DAY, params()).batch_id


def test_a_cut_parquet_file_is_named(store: Store) -> None:
    key = land(store, "reads", DAY, "r.parquet", [read("r1")])
    store.write_bytes(key, store.read_bytes(key)[:-10])

    with pytest.raises(DataError, match=key):
        make_plan(store, DAY, params())


def test_a_gz_file_may_have_several_members(store: Store) -> None:
    key = f"landing/reads/dt={DAY}/r.jsonl.gz"
    store.write_bytes(key, gzip.compress(b"{}\n") + gzip.compress(b"{}\n"))
    (piece,) = make_plan(store, DAY, params()).pieces

    (raw,) = LandingSource(store).read(piece)

    assert raw.frame["line"].to_list() == [1, 2]


def test_days_of_arrival_are_those_of_any_entity(store: Store) -> None:
    land(store, "reads", NEXT, "r.jsonl", [read("r1")])
    land(store, "articles", DAY, "a.jsonl", [])

    assert landing_days(store) == [DAY, NEXT]
