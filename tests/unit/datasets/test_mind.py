from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from newsrec_pipelines.datasets import mind
from newsrec_pipelines.datasets.landing import Import, importing
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.store import Store
from support import official_files
from support.landing import landed, landed_files

Convert = Callable[..., Import]


@pytest.fixture
def convert(tmp_path: Path) -> Convert:
    def run(source: Path, into: str = "store") -> Import:
        with importing("mind") as found:
            mind.convert(source, found)
            found.publish(Store((tmp_path / into).as_uri()))
        return found

    return run


@pytest.fixture
def store(tmp_path: Path, convert: Convert) -> Path:
    convert(official_files.mind(tmp_path / "MIND"))
    return tmp_path / "store"


def by(records: list[dict[str, Any]], key: str) -> dict[str, dict[str, Any]]:
    return {r[key]: r for r in records}


def test_mind_lists_are_impressions_of_unknown_order(store: Path) -> None:
    shown = landed(store, "impressions")
    assert [(r["user_id"], r["shown_at"], r["article_ids"]) for r in shown] == [
        ("mind:U1", "2019-11-11T09:05:58+00:00", ["mind:N3", "mind:N4"]),
        ("mind:U1", "2019-11-12T00:00:01+00:00", ["mind:N5", "mind:N6"]),
        ("mind:U2", "2019-11-12T18:11:30+00:00", ["mind:N4", "mind:N5", "mind:N3"]),
        ("mind:U1", "2019-11-15T23:59:59+00:00", ["mind:N7", "mind:N4"]),
    ]
    assert {r["order_known"] for r in shown} == {False}
    assert len({r["impression_id"] for r in shown}) == 4


def test_mind_clicks_follow_their_impression_by_a_second_without_dwell(store: Path) -> None:
    shown = by(landed(store, "impressions"), "impression_id")
    clicks = [r for r in landed(store, "reads") if r["impression_id"]]
    assert [(r["user_id"], r["article_id"], r["read_at"], r["dwell_seconds"]) for r in clicks] == [
        ("mind:U1", "mind:N3", "2019-11-11T09:05:59+00:00", None),
        ("mind:U2", "mind:N3", "2019-11-12T18:11:31+00:00", None),
        ("mind:U2", "mind:N5", "2019-11-12T18:11:31+00:00", None),
        ("mind:U1", "mind:N4", "2019-11-16T00:00:00+00:00", None),
    ]
    for click in clicks:
        impression = shown[click["impression_id"]]
        assert click["article_id"] in impression["article_ids"]
        assert (click["user_id"], click["kind"]) == (impression["user_id"], "click")
    assert landed(store, "reads", "2019-11-16") == clicks[-1:]


def test_mind_histories_end_before_the_first_day_and_repeat_no_click(store: Path) -> None:
    past = [r for r in landed(store, "reads") if r["impression_id"] is None]
    # N3 is in the history of dev because of the click in train.
    assert [(r["user_id"], r["article_id"], r["read_at"]) for r in past] == [
        ("mind:U1", "mind:N1", "2019-11-10T23:59:57+00:00"),
        ("mind:U1", "mind:N2", "2019-11-10T23:59:58+00:00"),
    ]


def test_mind_news_is_published_when_first_seen_and_never_fresh_from_histories(store: Path) -> None:
    articles = by(landed(store, "articles"), "article_id")
    assert {i.removeprefix("mind:"): a["published_at"][:16] for i, a in articles.items()} == {
        "N1": "2019-10-14T00:00",
        "N2": "2019-10-14T00:00",
        "N3": "2019-11-11T09:05",
        "N4": "2019-11-11T09:05",
        "N5": "2019-11-12T00:00",
        "N6": "2019-11-12T00:00",
        "N7": "2019-11-15T23:59",
    }
    assert articles["mind:N1"]["received_at"] == "2019-11-10T23:59:57+00:00"
    assert (articles["mind:N3"]["title"], articles["mind:N3"]["abstract"]) == ('It is "N3', None)
    assert (articles["mind:N3"]["category"], articles["mind:N3"]["subcategory"]) == (
        "sports",
        "soccer",
    )
    assert (articles["mind:N6"]["title"], articles["mind:N6"]["category"]) == ("", "unknown")


def test_mind_readers_join_when_first_seen(store: Path) -> None:
    users = landed(store, "users")
    assert [(u["user_id"], u["joined_at"]) for u in users] == [
        ("mind:U1", "2019-11-10T23:59:57+00:00"),
        ("mind:U2", "2019-11-12T18:11:30+00:00"),
    ]
    assert {(u["language"], u["region"], u["consents"]) for u in users} == {("en", "unknown", "{}")}


def test_mind_counts_what_it_leaves_out(tmp_path: Path, convert: Convert) -> None:
    folder = official_files.mind(tmp_path / "MIND")
    rows = [
        ("1", "U9", "11/15/2019 8:55:22 AM", "N1", "N7 N4"),
        ("2", "U9", "15.11.2019", "N1", "N7-0"),
        ("3", "", "11/15/2019 8:55:22 AM", "N1", "N7-0"),
        ("4", "U9", "11/15/2019 8:55:22 AM", "N1", ""),
    ]
    official_files.mind_split(folder / "test", rows, ["N1"])
    found = convert(folder)
    assert found.dropped == {
        "impressions without labels": 2,
        "impressions without reader or time": 2,
        "news that nobody was shown": 1,
    }
    assert found.counts == {"articles": 7, "impressions": 4, "reads": 6, "users": 2}


def test_mind_small_within_large_and_train_within_both_merge(
    tmp_path: Path, convert: Convert
) -> None:
    """The same rows, numbered and shuffled otherwise, give the same ids."""
    train = official_files.MIND_TRAIN
    again = [("77", *row[1:4], " ".join(reversed(row[4].split()))) for row in train]
    folder = tmp_path / "MIND"
    official_files.mind_split(folder / "MINDsmall_train", train, ["N1"])
    official_files.mind_split(folder / "MINDlarge_train", again, ["N1"])
    found = convert(folder)
    assert found.notes["repeated impressions merged"] == 3
    assert (found.counts["impressions"], found.counts["reads"]) == (3, 5)

    alone = convert(folder / "MINDsmall_train", into="alone")
    assert alone.counts["reads"] == 5
    keys = ("event_id", "read_at")
    both, one = (landed(tmp_path / s, "reads") for s in ("store", "alone"))
    assert [[r[k] for k in keys] for r in both] == [[r[k] for k in keys] for r in one]


def test_mind_imported_twice_gives_the_same_files(tmp_path: Path, convert: Convert) -> None:
    folder = official_files.mind(tmp_path / "MIND")
    convert(folder)
    before = landed_files(tmp_path / "store")
    convert(folder)
    assert landed_files(tmp_path / "store") == before


def test_mind_histories_are_read_some_readers_at_a_time(
    tmp_path: Path, convert: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [(str(n), f"U{n}", "11/11/2019 9:05:58 AM", "N1 N2 N1", "N3-0") for n in range(5)]
    folder = official_files.mind_split(tmp_path / "MIND", rows, ["N1"])
    convert(folder)
    monkeypatch.setattr(mind, "_READERS_PER_STEP", 2)
    convert(folder, into="steps")
    whole, steps = (
        sorted(r["event_id"] for r in landed(tmp_path / s, "reads")) for s in ("store", "steps")
    )
    assert whole == steps
    assert len(whole) == 10


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("behaviors.tsv", "1\tU1\tnow\n", "MIND/behaviors.tsv has 3 columns, not the 5"),
        ("news.tsv", "N1\tsports\n", "MIND/news.tsv has 2 columns, not the 8"),
        ("news.tsv", "", "MIND/news.tsv is empty"),
        ("behaviors.tsv", None, "no behaviors.tsv in"),
        ("news.tsv", None, "no news.tsv in"),
        ("behaviors.tsv", "1\tU1\t11/11/2019 9:05:58 AM\t\tN1\n", "no usable impression in"),
        (
            "behaviors.tsv",
            "1\tU1\t11/11/2019 9:05:58 AM\t\tN1\udcff-0\n",
            "MIND/behaviors.tsv cannot be read: ",
        ),
    ],
)
def test_broken_mind_is_one_line_and_nothing_is_written(
    tmp_path: Path, convert: Convert, name: str, content: str | None, message: str
) -> None:
    official_files.mind_split(tmp_path / "in" / "MIND", official_files.MIND_TRAIN, ["N1"])
    file = tmp_path / "in" / "MIND" / name
    file.unlink() if content is None else file.write_text(content, errors="surrogateescape")
    with pytest.raises(DataError, match=message) as error:
        convert(tmp_path / "in")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "store").exists()
