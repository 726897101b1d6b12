"""The days in the landing zone: always the same bytes, with the dirt that was asked for."""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from newsrec_pipelines.datasets.world.days import write_day
from newsrec_pipelines.datasets.world.taxonomy import PUBLISHERS
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.parameters import DirtParams, WorldParams
from newsrec_pipelines.schemas import ENTITIES, IMPRESSIONS, READS
from newsrec_pipelines.store import Store

KINDS = {"impressions": IMPRESSIONS, "reads": READS}


def day(n: int) -> date:
    return date(2026, 3, 1) + timedelta(days=n)


def content(store: Store, prefix: str = "") -> dict[str, bytes]:
    return {key: store.read_bytes(key) for key in store.keys(prefix)}


def parquet(store: Store, entity: str, n: int) -> pl.DataFrame:
    path = store.path(f"landing/{entity}/dt={day(n)}/world.parquet")
    return pl.read_parquet(path, hive_partitioning=False)


def lines(store: Store, entity: str, n: int) -> list[bytes]:
    name = "world-late" if entity in KINDS else "world"
    data = gzip.decompress(store.read_bytes(f"landing/{entity}/dt={day(n)}/{name}.jsonl.gz"))
    return data.splitlines()


def records(store: Store, entity: str, n: int) -> Iterator[dict[str, Any]]:
    """The good ones."""
    for one in lines(store, entity, n):
        try:
            record = json.loads(one)
        except ValueError:
            continue
        key = record.get(ENTITIES[entity].key)
        if isinstance(key, str) and "ill-typed" not in key:
            yield record


def test_same_seed_and_day_give_same_bytes_however_days_are_split(
    tmp_path: Path, params: WorldParams
) -> None:
    forward, alone = Store((tmp_path / "a").as_uri()), Store((tmp_path / "b").as_uri())
    for n in range(4):
        write_day(forward, params, day(n))
    write_day(alone, params, day(3))
    for entity in ENTITIES:
        prefix = f"landing/{entity}/dt={day(3)}"
        assert content(forward, prefix) == content(alone, prefix)
    assert content(alone, "truth/views") == content(forward, f"truth/views/dt={day(3)}")


def test_another_seed_is_another_world(tmp_path: Path, params: WorldParams) -> None:
    one, other = Store((tmp_path / "a").as_uri()), Store((tmp_path / "b").as_uri())
    write_day(one, params, day(0))
    write_day(other, params.model_copy(update={"seed": 4}), day(0))
    assert not parquet(one, "reads", 0).equals(parquet(other, "reads", 0))


def test_a_day_written_again_keeps_its_bytes(store: Store, params: WorldParams) -> None:
    write_day(store, params, day(0))
    before = content(store)
    write_day(store, params, day(0))
    assert content(store) == before


def test_a_closed_day_takes_no_other_front_page_share(store: Store, params: WorldParams) -> None:
    write_day(store, params, day(0), 0.5)
    before = content(store)
    with pytest.raises(DataError, match=r"front page share of 0\.5: a closed day never changes"):
        write_day(store, params, day(0), 0.6)
    assert content(store) == before


def test_days_of_two_worlds_do_not_mix(store: Store, params: WorldParams) -> None:
    write_day(store, params, day(0))
    with pytest.raises(DataError, match=r"another world \(seed differ\)"):
        write_day(store, params.model_copy(update={"seed": 4}), day(1))


def test_longer_history_is_still_the_same_world(store: Store, params: WorldParams) -> None:
    write_day(store, params, day(0))
    write_day(store, params.model_copy(update={"history_days": 9}), day(1))
    assert store.days("landing/reads") == [day(0), day(1)]


def test_there_is_no_day_before_the_start(store: Store, params: WorldParams) -> None:
    with pytest.raises(DataError, match="the world begins on 2026-03-01"):
        write_day(store, params, date(2026, 2, 28))
    assert store.keys("") == []


@pytest.mark.parametrize("entity", list(KINDS))
def test_bulk_files_have_the_schema_of_the_contract(
    store: Store, params: WorldParams, entity: str
) -> None:
    write_day(store, params, day(0))
    frame = parquet(store, entity, 0)
    assert frame.schema == pl.DataFrame(KINDS[entity].schema.empty_table()).schema
    assert frame[KINDS[entity].key].is_unique().all()
    for name in KINDS[entity].required:
        assert frame[name].null_count() == 0


def test_events_happen_on_their_day_to_known_readers_and_articles(
    store: Store, params: WorldParams
) -> None:
    write_day(store, params, day(0))
    write_day(store, params, day(1))
    published: dict[str, str] = {}
    joined: dict[str, str] = {}
    for n in (0, 1):
        published |= {r["article_id"]: r["published_at"] for r in records(store, "articles", n)}
        joined |= {r["user_id"]: r["joined_at"] for r in records(store, "users", n)}
    shown = parquet(store, "impressions", 1).explode("article_ids")
    begin, end = datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC)
    for user, article, at in shown.select("user_id", "article_ids", "shown_at").iter_rows():
        assert begin <= at < end
        assert datetime.fromisoformat(published[article]) <= at
        assert datetime.fromisoformat(joined[user]) <= at
    reads = parquet(store, "reads", 1)
    opened = reads.filter(pl.col("kind") == "click")
    assert reads["read_at"].is_between(begin, end, closed="left").all()
    assert opened.join(
        shown, left_on=["impression_id", "article_id"], right_on=["impression_id", "article_ids"]
    ).height == len(opened)


def test_a_click_and_its_read_share_the_view_and_dwell_may_be_unknown(
    store: Store, params: WorldParams
) -> None:
    write_day(store, params, day(0))
    reads = parquet(store, "reads", 0)
    clicks = reads.filter(pl.col("kind") == "click")
    ends = reads.filter(pl.col("kind") == "read")
    assert clicks["view_id"].is_unique().all()
    assert set(ends["view_id"]) < set(clicks["view_id"])
    assert clicks["dwell_seconds"].null_count() == len(clicks)
    assert 0 < ends["dwell_seconds"].null_count() < 0.1 * len(ends)
    assert ends["dwell_seconds"].drop_nulls().min() >= 1


def test_both_shares_of_a_day_are_the_whole_day(tmp_path: Path, params: WorldParams) -> None:
    clean = params.model_copy(update={"dirt": DirtParams(repeated=0)})
    ids = {}
    for share in (0.0, 0.3, 1.0):
        store = Store((tmp_path / str(share)).as_uri())
        write_day(store, clean, day(0), share)
        ids[share] = set(parquet(store, "impressions", 0)["impression_id"])
    assert ids[0.0] == set()
    assert ids[0.3] < ids[1.0]
    assert 0.2 < len(ids[0.3]) / len(ids[1.0]) < 0.4


def test_late_and_repeated_events_arrive_as_often_as_params_say(
    store: Store, params: WorldParams
) -> None:
    for n in range(4):
        write_day(store, params, day(n))
    known = {i for n in range(3) for i in parquet(store, "impressions", n)["impression_id"]}
    times = [
        (r["impression_id"], datetime.fromisoformat(r["shown_at"]).date())
        for r in records(store, "impressions", 3)
    ]
    ages = {(day(3) - at).days for _, at in times}
    assert ages == {0, 1, 2, 3}  # doubles of today, late ones, and one too late
    again = [i for i, at in times if i in known]
    assert again
    assert all(at == day(2) for i, at in times if i in known)
    new_late = [i for i, at in times if at < day(3) and i not in known]
    total = len(parquet(store, "impressions", 2))
    assert 0.005 * total < len(new_late) < 0.05 * total


def test_dirt_of_every_kind_is_there(store: Store, params: WorldParams) -> None:
    write_day(store, params, day(0))
    for name, entity in ENTITIES.items():
        seen, malformed, doubled, ill_typed = set(), 0, 0, 0
        if name in KINDS:
            seen = set(parquet(store, name, 0)[entity.key])
        for one in lines(store, name, 0):
            try:
                record = json.loads(one)
            except ValueError:
                malformed += 1
                continue
            key = record.get(entity.key)
            if not isinstance(key, str) or "ill-typed" in key:
                ill_typed += 1
                continue
            doubled += key in seen
            seen.add(key)
        assert min(malformed, doubled, ill_typed) >= 1, name


def test_without_dirt_every_line_is_a_new_good_record(store: Store, params: WorldParams) -> None:
    shares = dict.fromkeys(
        ("malformed", "ill_typed", "duplicates", "late", "too_late", "repeated", "corrections"), 0.0
    )
    clean = params.model_copy(update={"dirt": DirtParams(**shares)})
    for n in (0, 1):
        write_day(store, clean, day(n))
    keys = [k for k in store.keys("landing") if "late" in k]
    assert keys == []
    ids = [r["article_id"] for n in (0, 1) for r in records(store, "articles", n)]
    assert len(ids) == len(set(ids)) == 2 * params.articles_per_day


def test_some_articles_of_local_publishers_are_meant_for_their_home_only(
    store: Store, params: WorldParams
) -> None:
    write_day(store, params, day(0))
    homes = {p.name: p.home for p in PUBLISHERS}
    local = [r for r in records(store, "articles", 0) if "regions" in r]
    assert local
    assert all(r["regions"] == [homes[r["publisher"]]] for r in local)
    of_local_ones = [r for r in records(store, "articles", 0) if homes[r["publisher"]]]
    assert 0.1 < len(local) / len(of_local_ones) < 0.5


def test_an_article_is_corrected_the_next_day(store: Store, params: WorldParams) -> None:
    write_day(store, params, day(0))
    write_day(store, params, day(1))
    first = {r["article_id"]: r for r in records(store, "articles", 0)}
    corrected = [r for r in records(store, "articles", 1) if r["article_id"] in first]
    assert corrected
    for record in corrected:
        before = first[record["article_id"]]
        assert record["published_at"] == before["published_at"]
        assert record["title"].startswith(before["title"])
        assert record["title"] != before["title"]


def test_users_arrive_once_and_again_when_they_change_their_mind(
    store: Store, params: WorldParams
) -> None:
    many = params.model_copy(update={"readers": 3000, "visits_per_day": 0.1})
    for n in (0, 1):
        write_day(store, many, day(n))
    first = {r["user_id"]: r for r in records(store, "users", 0)}
    second = {r["user_id"]: r for r in records(store, "users", 1)}
    changed = second.keys() & first.keys()
    assert changed
    assert second.keys() - first.keys()
    fixed = ("region", "language", "timezone", "joined_at", "consents", "email")
    for user in changed:
        assert [second[user].get(k) for k in fixed] == [first[user].get(k) for k in fixed]


def test_the_truth_tells_of_every_article_reader_and_view(
    store: Store, params: WorldParams
) -> None:
    write_day(store, params, day(0))

    def truth(key: str) -> pl.DataFrame:
        return pl.read_parquet(store.path(f"truth/{key}"), hive_partitioning=False)

    views = truth(f"views/dt={day(0)}/front_page.parquet")
    assert views["view_id"].is_unique().all()
    assert set(parquet(store, "reads", 0)["view_id"]) <= set(views["view_id"])
    assert views["click_probability"].is_between(0, 1).all()
    assert len(truth("readers/from_start.parquet")) == params.readers
    articles = truth(f"articles/dt={day(0)}/articles.parquet")
    assert {r["article_id"] for r in records(store, "articles", 0)} <= set(articles["article_id"])
    assert articles["quality"].is_between(0, 1).all()


def test_spoilt_copies_of_articles_have_keys_of_their_own(
    store: Store, params: WorldParams
) -> None:
    write_day(store, params, day(0))
    ids = {r["article_id"] for r in records(store, "articles", 0)}
    assert len(ids) == params.articles_per_day
