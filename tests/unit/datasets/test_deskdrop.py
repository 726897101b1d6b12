import gzip
import os
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from newsrec_pipelines.datasets import deskdrop
from newsrec_pipelines.datasets.landing import Import, importing
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.store import Store
from support import official_files
from support.landing import landed, landed_files
from support.postgres import REPOSITORY

Convert = Callable[..., Import]
HER = "deskdrop:u:-8845298781299428018"
HIS = "deskdrop:u:77"


@pytest.fixture
def convert(tmp_path: Path) -> Convert:
    def run(source: Path, into: str = "store") -> Import:
        with importing("deskdrop") as found:
            deskdrop.convert(source, found)
            found.publish(Store((tmp_path / into).as_uri()))
        return found

    return run


def test_deskdrop_events_come_once_each_and_views_are_clicks_without_dwell(
    tmp_path: Path, convert: Convert
) -> None:
    found = convert(official_files.deskdrop(tmp_path / "in"))
    reads = landed(tmp_path / "store", "reads")
    assert sorted((r["user_id"], r["article_id"], r["read_at"], r["kind"]) for r in reads) == [
        (HER, "deskdrop:-3499919498720038879", "2016-06-08T19:10:32+00:00", "click"),
        (HER, "deskdrop:-3499919498720038879", "2016-06-08T19:10:32+00:00", "click"),
        (HER, "deskdrop:-3499919498720038879", "2016-06-09T19:20:00+00:00", "like"),
        ("deskdrop:u:77", "deskdrop:42", "2016-06-08T19:02:40+00:00", "comment"),
        ("deskdrop:u:77", "deskdrop:42", "2016-06-10T23:06:40+00:00", "bookmark"),
        ("deskdrop:u:78", "deskdrop:43", "2016-06-10T23:06:41+00:00", "follow"),
    ]
    assert {r["dwell_seconds"] for r in reads} == {None}
    assert all((r["view_id"] is not None) == (r["kind"] == "click") for r in reads)
    assert len({r["event_id"] for r in reads}) == 6
    assert +found.notes == {"repeated events merged, of which 1 are exact copies": 2}
    assert not landed(tmp_path / "store", "impressions")


def test_deskdrop_readers_get_a_region_when_the_log_first_says_one(
    tmp_path: Path, convert: Convert
) -> None:
    convert(official_files.deskdrop(tmp_path / "in"))
    users = landed(tmp_path / "store", "users")
    assert [(u["user_id"], u["region"], u["joined_at"], u["received_at"]) for u in users] == [
        (HIS, "unknown", "2016-06-08T19:02:40+00:00", "2016-06-08T19:02:40+00:00"),
        # One of the two copies of her first event has a country.
        (HER, "latin_america", "2016-06-08T19:10:32+00:00", "2016-06-08T19:10:32+00:00"),
        (HIS, "north_america", "2016-06-08T19:02:40+00:00", "2016-06-10T23:06:40+00:00"),
        # Japan is in none of our regions.
        ("deskdrop:u:78", "unknown", "2016-06-10T23:06:41+00:00", "2016-06-10T23:06:41+00:00"),
    ]
    assert {(u["language"], u["timezone"], u["consents"]) for u in users} == {
        ("unknown", "UTC", "{}")
    }


def test_deskdrop_without_texts_knows_articles_by_id(tmp_path: Path, convert: Convert) -> None:
    convert(official_files.deskdrop(tmp_path / "in"))
    articles = landed(tmp_path / "store", "articles")
    assert [(a["article_id"], a["published_at"]) for a in articles] == [
        ("deskdrop:42", "2016-06-08T19:02:40+00:00"),
        ("deskdrop:-3499919498720038879", "2016-06-08T19:10:32+00:00"),
        ("deskdrop:43", "2016-06-10T23:06:41+00:00"),
    ]
    texts = {(a["title"], a["publisher"], a["language"], a["category"]) for a in articles}
    assert texts == {("", "unknown", "unknown", "unknown")}


def test_deskdrop_with_texts_takes_each_from_the_moment_when_it_was_shared(
    tmp_path: Path, convert: Convert
) -> None:
    found = convert(official_files.deskdrop(tmp_path / "in", shared=True))
    fields = ("article_id", "published_at", "received_at", "publisher", "title", "language")
    articles = landed(tmp_path / "store", "articles")
    assert [tuple(a[f] for f in fields) for a in articles] == [
        (
            "deskdrop:-3499919498720038879",
            "2016-06-08T18:53:20+00:00",
            "2016-06-08T18:53:20+00:00",
            "nytimes.com",
            'Ethereum, a "currency"',
            "en",
        ),
        # Somebody commented on it before it was shared: by id until then.
        (
            "deskdrop:42",
            "2016-06-08T19:02:40+00:00",
            "2016-06-08T19:02:40+00:00",
            "unknown",
            "",
            "unknown",
        ),
        (
            "deskdrop:42",
            "2016-06-08T19:02:40+00:00",
            "2016-06-09T19:20:00+00:00",
            "blog.example.org",
            "B",
            "pt",
        ),
        (
            "deskdrop:43",
            "2016-06-10T23:06:41+00:00",
            "2016-06-10T23:06:41+00:00",
            "unknown",
            "",
            "unknown",
        ),
    ]
    assert articles[0]["body"] == "Two\nlines"
    assert +found.dropped == {"article records of type CONTENT REMOVED": 1}
    assert found.counts["articles"] == 3


def test_deskdrop_comes_alike_as_csv_gz_or_zip(tmp_path: Path, convert: Convert) -> None:
    folder = official_files.deskdrop(tmp_path / "in")
    csv = folder / "users_interactions.csv"
    (tmp_path / "gz").mkdir()
    packed = tmp_path / "gz" / "users_interactions.csv.gz"
    packed.write_bytes(gzip.compress(csv.read_bytes()))
    archive = tmp_path / "archive.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.write(csv, "users_interactions.csv")
    convert(folder)
    expected = landed_files(tmp_path / "store")
    for source in (csv, packed.parent, packed, archive):
        convert(source, into="other")
        assert landed_files(tmp_path / "other") == expected


def test_deskdrop_counts_lines_that_it_cannot_use(tmp_path: Path, convert: Convert) -> None:
    folder = official_files.deskdrop(tmp_path / "in")
    with (folder / "users_interactions.csv").open("a") as lines:
        lines.write("yesterday,VIEW,42,77,3,,,\n1465600000,VIEW,,77,3,,,\n")
        lines.write("1465600000,VIEW,42,,3,,,\n1465600000,HUG,42,77,3,,,\n")
    found = convert(folder)
    assert +found.dropped == {
        "events without time or article": 2,
        "events without person": 1,
        "events of type HUG": 1,
    }
    assert found.counts["reads"] == 6


def test_broken_deskdrop_is_one_line_and_nothing_is_written(
    tmp_path: Path, convert: Convert
) -> None:
    folder = official_files.deskdrop(tmp_path / "in")
    file = folder / "users_interactions.csv"
    text = file.read_bytes()

    def fails(message: str) -> None:
        with pytest.raises(DataError, match=message) as error:
            convert(folder)
        assert "\n" not in str(error.value)
        assert not (tmp_path / "store").exists()

    file.write_bytes(b"a,b\n1,2\n")
    fails("users_interactions.csv has no column contentId, eventType, personId, sessionId")
    file.write_bytes(b"")
    fails("users_interactions.csv is empty")
    file.write_bytes(text.splitlines()[0] + b"\n")
    fails("nothing in these files can be used")
    file.unlink()
    fails("no users_interactions.csv in")
    packed = folder / "users_interactions.csv.gz"
    packed.write_bytes(gzip.compress(text)[:-20])
    fails("users_interactions.csv.gz cannot be read: ")
    packed.write_bytes(text)
    fails("users_interactions.csv.gz cannot be read: ")


REAL = Path(os.environ.get("NEWSREC_REAL_DATA", REPOSITORY.parent / "shared" / "data")) / "deskdrop"


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the real Deskdrop is not at {REAL}")
def test_the_real_deskdrop_gives_the_numbers_counted_by_hand(
    tmp_path: Path, convert: Convert
) -> None:
    """Expected: counted with Python's csv module, row by row, apart from the adapter."""
    found = convert(REAL)
    assert +found.notes == {"repeated events merged, of which 11 are exact copies": 2284}
    assert not +found.dropped
    assert found.counts == {"reads": 70028, "users": 1895, "articles": 2987}
    assert (len(found.days), str(min(found.days)), str(max(found.days))) == (
        342,
        "2016-03-14",
        "2017-02-28",
    )
    reads = landed(tmp_path / "store", "reads", check_every=40)
    assert Counter(r["kind"] for r in reads) == {
        "click": 61086 - 2284,
        "like": 5745,
        "bookmark": 2463,
        "comment": 1611,
        "follow": 1407,
    }
    assert len({r["event_id"] for r in reads}) == 72312 - 2284
    assert len({r["user_id"] for r in reads}) == 1895
    assert len({r["article_id"] for r in reads}) == 2987
