"""Readers react to slates of an API that only this test knows."""

import json
import threading
from collections.abc import Iterator
from datetime import date
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from newsrec_pipelines.datasets.world.articles import articles_of
from newsrec_pipelines.datasets.world.days import write_day
from newsrec_pipelines.datasets.world.react import react_to_slates
from newsrec_pipelines.datasets.world.readers import readers_on
from newsrec_pipelines.datasets.world.taxonomy import SUBCATEGORIES
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.parameters import WorldParams
from newsrec_pipelines.store import Store
from support.net import free_port

DAY = date(2026, 3, 3)


class FakeApi(ThreadingHTTPServer):
    """Answers as the contract says; remembers what it was told."""

    daemon_threads = True

    def __init__(self, article_ids: list[str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.article_ids = article_ids
        self.slate_of: dict[str, list[str]] = {}
        self.events: dict[str, dict[str, Any]] = {}
        self.posts: list[int] = []
        self.followed: list[str] = []
        self.status = 200
        self.rejected: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: FakeApi
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet, else each answer waits for an acknowledgement

    def do_GET(self) -> None:
        if self.path.startswith("/r/"):
            self.server.followed.append(self.path)
            self._answer(302, None, {"Location": "http://127.0.0.1:1/never"})
            return
        reader = self.path.split("/")[3]
        ids = self.server.slate_of.get(reader, self.server.article_ids)
        body = {"slate_id": f"run:champion:{reader}", "items": [{"article_id": i} for i in ids]}
        self._answer(self.server.status, body)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.posts.append(len(body["events"]))
        duplicates = 0
        for event in body["events"]:
            key = event.get("event_id") or event["impression_id"]
            duplicates += key in self.server.events
            self.server.events[key] = event
        accepted = len(body["events"]) - duplicates
        answer = {"accepted": accepted, "duplicates": duplicates, "rejected": self.server.rejected}
        self._answer(202, answer)

    def _answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def api(params: WorldParams) -> Iterator[FakeApi]:
    articles = articles_of(params, date(2026, 3, 2))
    ids = [i for i, language in zip(articles.ids(), articles.language, strict=True) if not language]
    server = FakeApi(ids[-10:])
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def front_page(store: Store, entity: str) -> pl.DataFrame:
    path = store.path(f"landing/{entity}/dt={DAY}/world.parquet")
    return pl.read_parquet(path, hive_partitioning=False)


def test_front_page_and_slates_make_one_day(
    store: Store, params: WorldParams, api: FakeApi
) -> None:
    write_day(store, params, DAY, 0.5)
    counts = react_to_slates(store, params, DAY, api.url)
    shown = [e for e in api.events.values() if e["type"] == "impression"]
    reads = [e for e in api.events.values() if e["type"] == "read"]
    assert counts["visits"] == len(shown)
    assert counts["events"] == counts["accepted"] == len(shown) + len(reads)
    assert counts["duplicates"] == 0
    before = front_page(store, "impressions")["impression_id"]
    assert not set(before) & {e["impression_id"] for e in shown}
    assert 0.7 < len(shown) / len(before) < 1.4
    for event in shown:
        assert event["article_ids"] == api.article_ids
        assert event["slate_id"] == f"run:champion:{event['user_id']}"
    times = [e["shown_at" if e["type"] == "impression" else "read_at"] for e in api.events.values()]
    assert min(times) >= "2026-03-03T00:00:00"
    assert max(times) < "2026-03-03T23:26"
    impressions = {e["impression_id"] for e in shown}
    assert reads
    assert all(e["impression_id"] in impressions for e in reads)
    assert {"click", "read"} <= {e["kind"] for e in reads}


def test_a_second_reaction_reports_duplicates_only(
    store: Store, params: WorldParams, api: FakeApi
) -> None:
    write_day(store, params, DAY, 0.5)
    first = react_to_slates(store, params, DAY, api.url)
    known = dict(api.events)
    second = react_to_slates(store, params, DAY, api.url)
    assert (second["accepted"], second["duplicates"]) == (0, first["events"])
    assert api.events == known


def test_readers_click_slates_that_suit_them_more_often(
    store: Store, params: WorldParams, api: FakeApi
) -> None:
    many = params.model_copy(update={"readers": 1500, "articles_per_day": 600})
    write_day(store, many, DAY, 0.2)
    articles = articles_of(many, date(2026, 3, 2))
    ids, readers = articles.ids(), readers_on(many, DAY)
    clicks = {}
    for name, sign in (("good", -1), ("bad", 1)):
        for i in range(len(readers)):
            order = (sign * readers.interests[i]).argsort()
            rank = {int(s): r for r, s in enumerate(order)}
            ours = [k for k in range(len(ids)) if articles.language[k] == readers.language[i]]
            best = sorted(ours, key=lambda k: rank[int(articles.subcategory[k])])[:10]
            api.slate_of[readers.id(i)] = [ids[k] for k in best]
        api.events.clear()
        react_to_slates(store, many, DAY, api.url)
        clicks[name] = sum(e.get("kind") == "click" for e in api.events.values())
    assert len(SUBCATEGORIES) == 30
    assert clicks["good"] > 3 * clicks["bad"]


def test_nobody_opens_again_what_she_read_on_the_front_page(
    store: Store, params: WorldParams, api: FakeApi
) -> None:
    write_day(store, params, DAY, 0.5)
    popular = front_page(store, "reads").filter(pl.col("kind") == "click")
    api.article_ids = popular["article_id"].value_counts(sort=True)["article_id"].to_list()[:30]
    react_to_slates(store, params, DAY, api.url)
    ours = {
        (e["user_id"], e["article_id"]) for e in api.events.values() if e.get("kind") == "click"
    }
    repeated = front_page(store, "impressions").filter(pl.col("impression_id").str.contains("r-i"))[
        "impression_id"
    ]
    main = popular.filter(~pl.col("impression_id").is_in(repeated.to_list()))
    assert ours
    assert not ours & set(main.select("user_id", "article_id").iter_rows())


def test_an_unknown_article_is_shown_and_ignored(
    store: Store, params: WorldParams, api: FakeApi
) -> None:
    write_day(store, params, DAY, 0.5)
    api.article_ids = ["elsewhere-1", *api.article_ids]
    react_to_slates(store, params, DAY, api.url)
    events = api.events.values()
    assert all(e["article_ids"][0] == "elsewhere-1" for e in events if e["type"] == "impression")
    assert not any(e["article_id"] == "elsewhere-1" for e in events if e["type"] == "read")


def test_some_readers_follow_one_link_of_their_email(
    store: Store, params: WorldParams, api: FakeApi, tmp_path: Path
) -> None:
    folder = tmp_path / "outbox" / str(DAY)
    folder.mkdir(parents=True)
    for i in range(40):
        message = EmailMessage()
        message["To"] = f"reader-{i:06d}@example.org"
        message["Subject"] = "Ten articles"
        links = "\n".join(f"* Título {n}: https://news.example.org/r/t{i}.{n}" for n in range(10))
        message.set_content(f"{links}\nhttps://news.example.org/u/stop{i}\n")
        message.add_alternative("<a href='https://news.example.org/r/html'>x</a>", subtype="html")
        (folder / f"{i}.eml").write_bytes(message.as_bytes())
    write_day(store, params, DAY, 0.5)
    counts = react_to_slates(store, params, DAY, api.url, tmp_path / "outbox")
    first = sorted(api.followed)
    assert counts["links followed"] == len(first)
    assert 4 <= len(first) <= 22
    assert all(path.startswith("/r/t") for path in first)
    assert len({path.partition(".")[0] for path in first}) == len(first)
    api.followed.clear()
    react_to_slates(store, params, DAY, api.url, tmp_path / "outbox")
    assert sorted(api.followed) == first


def test_a_day_without_digests_is_no_error(
    store: Store, params: WorldParams, api: FakeApi, tmp_path: Path
) -> None:
    write_day(store, params, DAY, 0.5)
    counts = react_to_slates(store, params, DAY, api.url, tmp_path / "nowhere")
    assert counts["links followed"] == 0


def test_a_file_that_is_no_message_is_named(
    store: Store, params: WorldParams, api: FakeApi, tmp_path: Path
) -> None:
    folder = tmp_path / str(DAY)
    folder.mkdir()
    (folder / "x.eml").write_bytes(b"\x00\xff nonsense")
    write_day(store, params, DAY, 0.5)
    with pytest.raises(DataError, match=r"x\.eml is no digest"):
        react_to_slates(store, params, DAY, api.url, tmp_path)


def test_a_day_must_be_simulated_first(store: Store, params: WorldParams, api: FakeApi) -> None:
    with pytest.raises(DataError, match="2026-03-03 was not simulated"):
        react_to_slates(store, params, DAY, api.url)
    assert store.keys("landing") == []


def test_a_day_given_to_the_front_page_leaves_nobody(
    store: Store, params: WorldParams, api: FakeApi
) -> None:
    write_day(store, params, DAY)
    with pytest.raises(DataError, match="all visits of 2026-03-03 saw the front page"):
        react_to_slates(store, params, DAY, api.url)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"status": 503}, "answered 503"),
        ({"article_ids": []}, "empty slate for reader-"),
        ({"rejected": [{"index": 0, "detail": "no such kind"}]}, "rejected 1 events.*no such kind"),
    ],
)
def test_an_api_in_trouble_is_one_clear_line(
    store: Store, params: WorldParams, api: FakeApi, change: dict[str, Any], says: str
) -> None:
    for name, value in change.items():
        setattr(api, name, value)
    write_day(store, params, DAY, 0.5)
    with pytest.raises(DataError, match=says) as caught:
        react_to_slates(store, params, DAY, api.url)
    assert "\n" not in str(caught.value)


def test_a_dead_api_is_one_clear_line(store: Store, params: WorldParams) -> None:
    write_day(store, params, DAY, 0.5)
    with pytest.raises(DataError, match=r"the API at .* does not answer"):
        react_to_slates(store, params, DAY, f"http://127.0.0.1:{free_port()}")


def test_an_address_without_scheme_is_refused(store: Store, params: WorldParams) -> None:
    write_day(store, params, DAY, 0.5)
    with pytest.raises(DataError, match="--api must start with http"):
        react_to_slates(store, params, DAY, "localhost:8000")
