from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from newsrec_pipelines.datasets import ebnerd, ebnerd_files
from newsrec_pipelines.datasets.landing import Import, importing
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.store import Store
from support import official_files
from support.landing import landed, landed_files
from support.official_files import at, behavior, history

Convert = Callable[..., Import]


@pytest.fixture
def convert(tmp_path: Path) -> Convert:
    def run(source: Path, into: str = "store") -> Import:
        with importing("ebnerd") as found:
            ebnerd.convert(source, found)
            found.publish(Store((tmp_path / into).as_uri()))
        return found

    return run


@pytest.fixture
def store(tmp_path: Path, convert: Convert) -> Path:
    convert(official_files.ebnerd(tmp_path / "ebnerd_demo"))
    return tmp_path / "store"


def told(reads: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [
        (
            r["user_id"].removeprefix("ebnerd:u:"),
            r["article_id"].removeprefix("ebnerd:"),
            r["read_at"].removeprefix("2023-05-").removesuffix("+00:00"),
            r["kind"],
            r["dwell_seconds"],
            r["impression_id"],
        )
        for r in reads
    ]


def test_ebnerd_tells_every_view_once_over_behaviours_pages_and_histories(store: Path) -> None:
    reads = landed(store, "reads")
    assert told(reads) == [
        ("7", "5", "01T10:00:00", "read", 30.0, None),
        ("7", "5", "01T10:09:00", "read", 0.0, None),
        # Impression, page and later history: one view. It opened when the front page was left.
        ("7", "11", "21T19:15:53", "click", None, "ebnerd:1"),
        ("7", "11", "21T19:15:53", "read", 244.0, "ebnerd:1"),
        # The impression does not know the dwell, the history does.
        ("7", "14", "21T19:19:58", "click", None, "ebnerd:2"),
        ("7", "14", "21T19:19:58", "read", 77.0, "ebnerd:2"),
        # Of two clicks in one list nobody knows whose dwell it is.
        ("8", "13", "22T08:00:05", "click", None, "ebnerd:3"),
        ("8", "14", "22T08:00:05", "click", None, "ebnerd:3"),
        ("7", "15", "26T08:00:05", "click", None, "ebnerd:4"),
        ("7", "15", "26T08:00:05", "read", 3.0, "ebnerd:4"),
    ]
    assert len({r["event_id"] for r in reads}) == len(reads)
    assert len({r["view_id"] for r in reads}) == 7
    assert [r["scroll"] for r in reads[:4]] == [0.5, None, None, 1.0]


def test_ebnerd_lists_are_impressions_of_unknown_order_before_their_clicks(store: Path) -> None:
    shown = {r["impression_id"]: r for r in landed(store, "impressions")}
    assert {i: r["article_ids"] for i, r in shown.items()} == {
        "ebnerd:1": ["ebnerd:10", "ebnerd:11", "ebnerd:12"],
        "ebnerd:2": ["ebnerd:13", "ebnerd:14"],
        "ebnerd:3": ["ebnerd:13", "ebnerd:14"],
        "ebnerd:4": ["ebnerd:15"],
    }
    assert {r["order_known"] for r in shown.values()} == {False}
    for read in landed(store, "reads"):
        if read["impression_id"]:
            assert read["read_at"] > shown[read["impression_id"]]["shown_at"]


def test_ebnerd_articles_arrive_when_published_or_seen_and_never_know_their_future(
    store: Path,
) -> None:
    articles = {a["article_id"].removeprefix("ebnerd:"): a for a in landed(store, "articles")}
    times = {i: (a["published_at"][:16], a["received_at"][:16]) for i, a in articles.items()}
    assert times["5"] == ("2021-01-01T12:00", "2023-05-01T00:00")
    assert times["11"] == ("2023-05-21T19:00", "2023-05-21T19:00")
    assert times["14"] == ("2023-05-21T19:15", "2023-05-21T19:15")
    assert times["99"] == ("2023-05-23T09:00", "2023-05-23T09:00")
    assert times["10"] == ("2023-05-21T19:15", "2023-05-21T19:15")
    assert set(articles) == {"5", "10", "11", "12", "13", "14", "15", "99"}
    assert (articles["5"]["title"], articles["5"]["tags"]) == ("Fem", ["Fodbold"])
    assert [articles[i]["category"] for i in ("5", "14", "10")] == ["sport", "unknown", "unknown"]
    assert not any("total" in field for a in articles.values() for field in a)


def test_ebnerd_without_articles_knows_them_by_id_from_when_they_were_first_seen(
    tmp_path: Path, convert: Convert
) -> None:
    found = convert(official_files.ebnerd(tmp_path / "ebnerd_demo", articles=False))
    articles = landed(tmp_path / "store", "articles")
    first = {a["article_id"].removeprefix("ebnerd:"): a["published_at"][8:19] for a in articles}
    assert first == {
        "5": "01T10:00:00",
        "10": "21T19:15:36",
        "11": "21T19:15:36",
        "12": "21T19:15:36",
        "13": "21T19:15:54",
        "14": "21T19:15:54",
        "15": "26T08:00:00",
    }
    assert {(a["title"], a["category"], a["url"]) for a in articles} == {("", "unknown", "")}
    assert found.notes["articles known by id only"] == 7


def test_ebnerd_readers_join_when_first_seen_and_keep_their_age_to_themselves(store: Path) -> None:
    users = landed(store, "users")
    assert [(u["user_id"], u["joined_at"]) for u in users] == [
        ("ebnerd:u:7", "2023-05-01T10:00:00+00:00"),
        ("ebnerd:u:8", "2023-05-22T08:00:00+00:00"),
    ]
    assert {u["language"] for u in users} == {"da"}
    assert not {"age", "gender", "postcode"} & set(users[0])


def test_ebnerd_split_by_split_gives_the_events_of_both_at_once(
    tmp_path: Path, convert: Convert
) -> None:
    folder = official_files.ebnerd(tmp_path / "ebnerd_demo")
    convert(folder, into="both")
    convert(folder / "train", into="apart")
    convert(folder / "validation", into="apart")
    both, apart = (
        {r["event_id"] for r in landed(tmp_path / s, "reads")} for s in ("both", "apart")
    )
    assert apart == both


def test_ebnerd_imported_twice_or_in_many_steps_gives_the_same_events(
    tmp_path: Path, convert: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = official_files.ebnerd(tmp_path / "ebnerd_demo")
    whole = convert(folder)
    before = landed_files(tmp_path / "store")
    convert(folder)
    assert landed_files(tmp_path / "store") == before

    monkeypatch.setattr(ebnerd_files, "_VIEWS_PER_STEP", 3)
    steps = convert(folder, into="steps")
    assert (steps.counts, steps.notes) == (whole.counts, whole.notes)
    for entity, key in (("reads", "event_id"), ("impressions", "impression_id")):
        one, many = (landed(tmp_path / s, entity) for s in ("store", "steps"))
        assert sorted(one, key=lambda r: str(r[key])) == sorted(many, key=lambda r: str(r[key]))


def test_ebnerd_test_set_gives_its_histories_only(tmp_path: Path, convert: Convert) -> None:
    folder = official_files.ebnerd(tmp_path / "ebnerd")
    test = official_files.ebnerd_split(
        folder / "test",
        [behavior(9, 7, at(30, "08:00:00"), "10 11", "")],
        [history(7, (at(28, "08:00:00"), 10, None, None))],
    )
    unlabelled = pl.read_parquet(test / "behaviors.parquet").drop(
        "article_ids_clicked", "next_read_time", "next_scroll_percentage", "article_id"
    )
    unlabelled.write_parquet(test / "behaviors.parquet")
    found = convert(folder)
    assert +found.dropped == {"impressions without labels": 1}
    assert found.counts["impressions"] == 4
    # Nobody measured how long: the page was opened, that is all.
    assert told(landed(tmp_path / "store", "reads", "2023-05-28")) == [
        ("7", "10", "28T08:00:00", "click", None, None)
    ]


def test_ebnerd_counts_impressions_that_lack_something(tmp_path: Path, convert: Convert) -> None:
    rows = [
        behavior(1, 7, at(21, "08:00:00"), "10 11", "10"),
        behavior(1, 7, at(21, "08:00:00"), "10 11", "10"),
        behavior(2, 7, at(21, "08:00:00"), "", ""),
        behavior(3, 7, at(21, "08:00:00"), "10", "", impression_time=None),
        behavior(4, 7, at(21, "08:00:00"), "10", "", user_id=None),
    ]
    folder = official_files.ebnerd_split(tmp_path / "ebnerd" / "train", rows, [history(7)])
    found = convert(folder)
    assert found.dropped["impressions without reader, time or list"] == 3
    assert found.notes["repeated impressions merged"] == 1
    assert found.counts["reads"] == 1


def test_broken_ebnerd_is_one_line_and_nothing_is_written(tmp_path: Path, convert: Convert) -> None:
    folder = official_files.ebnerd(tmp_path / "ebnerd_demo")
    behaviors = folder / "train" / "behaviors.parquet"
    whole = behaviors.read_bytes()
    table = pl.read_parquet(behaviors)

    def fails(message: str) -> None:
        with pytest.raises(DataError, match=message) as error:
            convert(folder)
        assert "\n" not in str(error.value)
        assert not (tmp_path / "store").exists()

    behaviors.write_bytes(whole[: len(whole) // 2])
    fails("train/behaviors.parquet cannot be read: ")
    behaviors.write_bytes(whole[:8] + bytes(200) + whole[208:])
    fails("train/behaviors.parquet cannot be read: ")
    behaviors.write_bytes(b"")
    fails("train/behaviors.parquet is empty")
    table.drop("next_read_time", "user_id").write_parquet(behaviors)
    fails("train/behaviors.parquet has no column next_read_time, user_id")
    table.with_columns(article_ids_inview=pl.lit("10 11")).write_parquet(behaviors)
    fails("train/behaviors.parquet cannot be read: ")
    table.clear().write_parquet(behaviors)
    (folder / "validation" / "behaviors.parquet").unlink()
    fails("no usable impression in")
    (folder / "train" / "history.parquet").unlink()
    (folder / "validation" / "history.parquet").unlink()
    fails("no history.parquet in")
