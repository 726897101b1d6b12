"""Slates of variants: beside the champion's, of their own version, and never at its cost."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from newsrec_pipelines.errors import ModelError
from newsrec_pipelines.features.types import Request
from newsrec_pipelines.rollout.variants import Variant, assign
from newsrec_pipelines.scoring.evidence import RunManifest
from newsrec_pipelines.scoring.versions import Version
from newsrec_pipelines.store import Store
from support.fake_model import AS_OF, FakeBlock, FakeModel, FittedModel
from support.postgres import query
from support.slates import current_run, fake_version, publish, rows_of
from support.variants import READERS, REQUEST, OldNews, other

B = Variant("b", "other", Decimal(40))
MINE = {u for u, name in zip(READERS, assign(pl.Series(READERS), [B]), strict=True) if name == "b"}


def slates_of(url: str, run_id: str, variant: str) -> list[tuple[object, ...]]:
    return [row for row in rows_of(url, run_id)["recommendations"] if row[1] == variant]


def test_readers_of_a_variant_get_its_slate_beside_the_champions(
    database_url: str, tmp_path: Path
) -> None:
    store = Store(tmp_path.as_uri())
    alone = publish(database_url, request=REQUEST)

    summary = publish(database_url, request=REQUEST, store=store, variants={B: other})

    champion = slates_of(database_url, summary.run_id, "champion")
    assert champion == slates_of(database_url, alone.run_id, "champion")
    assert len(champion) == 30
    mine = slates_of(database_url, summary.run_id, "b")
    assert {row[0] for row in mine} == MINE
    assert 5 < len(MINE) < 25
    assert {row[6] for row in mine} == {"other"}
    assert {row[6] for row in champion} == {"fake"}
    expected = dict(OldNews().block(REQUEST).slates[:, :2].iter_rows())
    assert {str(row[0]): row[2] for row in mine} == {u: expected[u] for u in MINE}
    assert current_run(database_url) == (summary.run_id, 30)
    assert (summary.readers, summary.variants[B].readers, summary.skipped) == (30, len(MINE), {})
    kept = RunManifest.read(store, AS_OF.date(), summary.run_id, "b")
    assert (kept.model_version, sum(f.rows for f in kept.files)) == ("other", 20 * len(MINE))


def test_the_same_model_gives_the_same_slates_in_a_variant_whatever_the_blocks(
    database_url: str,
) -> None:
    summary = publish(
        database_url, request=REQUEST, variants={B: lambda: fake_version()}, readers_per_block=7
    )

    mine = {row[0]: row[2:] for row in slates_of(database_url, summary.run_id, "b")}
    champion = {row[0]: row[2:] for row in slates_of(database_url, summary.run_id, "champion")}
    assert mine == {u: champion[u] for u in MINE}


def test_several_variants_share_nobody_and_an_empty_one_is_no_fault(
    database_url: str, tmp_path: Path
) -> None:
    nobody = Variant("nobody", "other", Decimal("0.01"))
    c = Variant("c", "third", Decimal(60))
    variants = {B: other, c: lambda: fake_version(FittedModel(), "third"), nobody: other}

    summary = publish(database_url, request=REQUEST, variants=variants)

    rows = rows_of(database_url, summary.run_id)["recommendations"]
    assert sorted(str(row[0]) for row in rows if row[1] != "champion") == READERS
    assert summary.variants[B].readers + summary.variants[c].readers == 30
    assert summary.variants[nobody].readers == 0
    assert summary.skipped == {}


def _not_there() -> Version:
    raise ModelError("there is no model other in file:///store")


@dataclass
class _FallsOver(OldNews):
    calls: int = 0

    def block(self, request: Request) -> FakeBlock:
        self.calls += 1
        if self.calls == 2:
            raise ValueError("shapes (3,4)\nand (2,2) differ")
        return super().block(request)


class _Forgets(FakeModel):
    def block(self, request: Request) -> FakeBlock:
        return super().block(replace(request, history=request.history.clear()))


class _Unexplained(OldNews):
    """Its fault shows at the end, when all its slates are written."""

    def block(self, request: Request) -> FakeBlock:
        block = super().block(request)
        return replace(block, placed=block.placed.drop("newness"))


@pytest.mark.parametrize(
    ("load", "why"),
    [
        (_not_there, "there is no model other in file:///store"),
        (lambda: fake_version(_FallsOver(), "other"), "shapes (3,4) and (2,2) differ"),
        (lambda: fake_version(_Forgets(), "other"), "places for articles already read"),
        (lambda: fake_version(_Unexplained(), "other"), "newness"),
        (lambda: (_ for _ in ()).throw(MemoryError()), "MemoryError"),
    ],
    ids=["not there", "falls over", "not fit", "not explained", "out of memory"],
)
def test_a_variant_that_fails_is_left_out_and_costs_nobody_anything(
    database_url: str, tmp_path: Path, load: Callable[[], Version], why: str
) -> None:
    store = Store(tmp_path.as_uri())
    everybody = Variant("a", "other", Decimal(60))
    alone = publish(database_url, request=REQUEST)

    summary = publish(
        database_url, request=REQUEST, store=store, variants={everybody: load, B: other}
    )

    assert current_run(database_url) == (summary.run_id, 30)
    before, after = (rows_of(database_url, run.run_id) for run in (alone, summary))
    assert [r for r in after["recommendations"] if r[1] == "champion"] == before["recommendations"]
    assert after["popular_slates"] == before["popular_slates"]
    assert {row[1] for row in after["recommendations"]} == {"champion", "b"}
    assert {key.split("/")[3] for key in store.keys("runs")} == {"champion", "b"}
    assert list(summary.skipped) == [everybody]
    assert why in summary.skipped[everybody]
    assert "\n" not in summary.skipped[everybody]


def test_a_champion_that_fails_still_publishes_nothing(database_url: str, tmp_path: Path) -> None:
    store = Store(tmp_path.as_uri())

    with pytest.raises(ModelError, match="already read"):
        publish(database_url, _Forgets(), REQUEST, store=store, variants={B: other})

    assert current_run(database_url) is None
    assert query(database_url, "SELECT count(*) FROM recommendations") == [(0,)]
    assert store.keys("runs") == []
