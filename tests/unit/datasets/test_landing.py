from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsrec_pipelines.datasets.landing import digest, first_seen, importing
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.schemas import READS
from newsrec_pipelines.store import Store
from support.landing import landed, landed_files

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def reads(n: int, start: int = 0) -> pl.DataFrame:
    """A read every six hours."""
    numbers = range(start, start + n)
    return pl.DataFrame(
        {
            "event_id": [f"e{i}" for i in numbers],
            "user_id": "u",
            "article_id": "a",
            "kind": "click",
            "read_at": [NOON + timedelta(hours=6 * i) for i in numbers],
        },
        schema_overrides={"read_at": pl.Datetime("us", "UTC")},
    )


def bring(folder: Path, *frames: pl.DataFrame, source: str = "mind") -> None:
    with importing(source) as into:
        for frame in frames:
            into.add("reads", frame, "read_at")
        into.publish(Store(folder.as_uri()))


def test_rows_land_on_their_day_with_the_entitys_columns(tmp_path: Path) -> None:
    bring(tmp_path, reads(7))
    assert [len(landed(tmp_path, "reads", f"2026-03-0{d}")) for d in (1, 2, 3)] == [2, 4, 1]
    file = next((tmp_path / "landing" / "reads" / "dt=2026-03-01").iterdir())
    schema = pq.read_schema(file)
    assert schema.names == READS.schema.names
    assert str(schema.field("read_at").type) == "timestamp[us, tz=UTC]"
    assert pq.ParquetFile(file).metadata.row_group(0).column(0).compression == "ZSTD"


def test_file_names_depend_on_source_and_content_not_on_the_order_of_rows(tmp_path: Path) -> None:
    bring(tmp_path / "a", reads(7))
    bring(tmp_path / "b", reads(7).reverse())
    assert landed_files(tmp_path / "a") == landed_files(tmp_path / "b")
    assert all("/mind-" in name for name in landed_files(tmp_path / "a"))


def test_what_other_imports_brought_stays(tmp_path: Path) -> None:
    bring(tmp_path, reads(2), source="ebnerd")
    before = landed_files(tmp_path)
    bring(tmp_path, reads(2, start=1))
    after = landed_files(tmp_path)
    assert before.items() < after.items()
    bring(tmp_path, reads(2, start=1))
    assert landed_files(tmp_path) == after


def test_a_failure_before_the_end_leaves_the_landing_zone_untouched(tmp_path: Path) -> None:
    with importing("mind") as into:
        into.add("reads", reads(5), "read_at")
        assert any(into.folder.iterdir())
    assert not into.folder.exists()
    with pytest.raises(DataError, match="nothing in these files can be used"):
        bring(tmp_path / "store")
    assert not any(tmp_path.iterdir())


def test_what_was_dropped_is_told_in_words() -> None:
    with importing("mind") as into:
        assert into.summary() == "nothing dropped"
        into.notes["merged"] += 1000
        into.dropped["rows without time"] += 2
        into.dropped["rows without id"] += 0
        assert into.summary() == "1,000 merged; 2 dropped: rows without time"


@given(st.lists(st.text()))
def test_equal_texts_and_only_they_have_equal_ids(texts: list[str]) -> None:
    ids = digest(pl.Series("id", texts, dtype=pl.String)).to_list()
    assert len(set(ids)) == len(set(texts))
    assert digest(pl.Series("id", texts, dtype=pl.String)).to_list() == ids
    assert all(len(i) == 32 for i in ids)


def test_the_id_of_a_text_never_changes() -> None:
    """Else a new import would count everything twice."""
    assert digest(pl.Series(["newsrec"])).to_list() == ["e9f179c7b8631774b7f125f5db437a6a"]


def test_the_first_time_of_each_is_kept() -> None:
    seen = first_seen(
        reads(3).with_columns(user_id=pl.Series(["a", "b", "a"])), "user_id", "read_at"
    )
    assert sorted(seen.rows()) == [("a", NOON), ("b", NOON + timedelta(hours=6))]
