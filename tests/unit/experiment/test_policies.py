"""What is popular is shown by the rules that hold for the model's slates too."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from newsrec_pipelines.experiment.policies import LISTS, PLACES, ours, popular
from newsrec_pipelines.features.types import SLATE_SCHEMA, Request
from newsrec_pipelines.schemas import ARTICLES, READS, Entity
from support.factories_models import load_params

NOW = datetime(2026, 3, 6, tzinfo=UTC)
USER = ("user_id", "region", "language", "preferred_categories")


def request(
    users: list[tuple[str, str, str]], articles: list[dict[str, Any]], reads: list[dict[str, Any]]
) -> Request:
    return Request(
        as_of=NOW,
        users=pl.DataFrame(
            [(*user, []) for user in users],
            dict.fromkeys(USER, pl.String) | {"preferred_categories": pl.List(pl.String)},
            orient="row",
        ),
        articles=rows(articles, ARTICLES),
        history=rows(reads, READS),
        features=None,  # type: ignore[arg-type]
    )


def rows(records: list[dict[str, Any]], entity: Entity) -> pl.DataFrame:
    schema = pl.DataFrame(entity.clean_schema.empty_table()).schema
    return pl.DataFrame([dict.fromkeys(schema) | r for r in records], schema)


def article(key: str, **changes: Any) -> dict[str, Any]:
    publisher = f"publisher of {key}"
    record = {"article_id": key, "publisher": publisher, "title": key, "category": "sports"}
    return {
        **record,
        "language": "en",
        "url": "",
        "published_at": NOW - timedelta(hours=5),
    } | changes


def read(reader: str, key: str, hours: float = 2.0, dwell: float = 60.0) -> dict[str, Any]:
    return {
        "event_id": f"{reader} {key}",
        "user_id": reader,
        "article_id": key,
        "read_at": NOW - timedelta(hours=hours),
        "kind": "read",
        "dwell_seconds": dwell,
        "available_at": NOW - timedelta(hours=hours),
    }


def shown(asked: Request) -> dict[str, list[str]]:
    lists = popular(asked, load_params())
    assert lists.schema == LISTS
    return {user: ids for user, ids, _ in lists.iter_rows()}


FANS = [(f"fan{n}", "africa", "en") for n in range(6)]


def test_much_and_lately_read_articles_come_first_and_read_ones_never() -> None:
    articles = [article("much"), article("old"), article("bait"), article("none")]
    reads = [read(fan, "much") for fan, *_ in FANS[:4]]
    reads += [read(fan, "old", hours=40) for fan, *_ in FANS[:5]]
    reads += [read(fan, "bait", dwell=2) for fan, *_ in FANS[:5]]
    lists = shown(request([*FANS, ("ada", "africa", "en")], articles, reads))
    assert lists["ada"][0] == "much"
    assert set(lists["ada"]) == {"much", "old", "bait", "none"}
    assert lists["fan0"] == ["none"]
    assert lists["fan5"] == lists["ada"]


def test_only_what_she_reads_and_what_is_meant_for_her_region() -> None:
    articles = [
        article("en"),
        article("es", language="es"),
        article("here", regions=["africa", "north_america"]),
        article("elsewhere", regions=["latin_america"]),
        article("everywhere", regions=[]),
    ]
    lists = shown(request([("ada", "africa", "en"), ("luz", "latin_america", "es")], articles, []))
    assert set(lists["ada"]) == {"en", "here", "everywhere"}
    assert lists["luz"] == ["es"]


def test_a_publisher_beyond_its_limit_comes_last() -> None:
    most = load_params().slate.max_per_publisher
    many = [article(f"x{n:02d}", publisher="X") for n in range(most + 4)]
    reads = [read("fan0", a["article_id"]) for a in many]
    others = [article(f"y{n}", published_at=NOW - timedelta(hours=20)) for n in range(3)]
    ids = shown(request([*FANS, ("ada", "africa", "en")], [*many, *others], reads))["ada"]
    assert len(ids) == PLACES
    assert all(i.startswith("x") for i in ids[:most])
    assert {"y0", "y1", "y2"} == set(ids[most : most + 3])


def test_nothing_is_left_to_chance() -> None:
    asked = request(FANS, [article("a"), article("b")], [])
    lists = popular(asked, load_params())
    assert lists["propensities"].to_list() == [[1.0, 1.0]] * len(FANS)


class _Model:
    def predict(self, request: Request) -> pl.DataFrame:
        ids = [[f"a{n}" for n in range(20)], []]
        return pl.DataFrame(
            {
                "user_id": request.users["user_id"],
                "article_ids": ids,
                "scores": [[0.5] * 20, []],
                "propensities": [[0.25] * 20, []],
                "reasons": [[{"code": "x", "text": "y"}] * 20, []],
            },
            schema=SLATE_SCHEMA,
        )


def test_the_models_slates_are_cut_to_what_is_seen_and_empty_ones_left_out() -> None:
    lists = ours(_Model(), request(FANS[:2], [article("a")], []))
    assert lists["user_id"].to_list() == ["fan0"]
    assert lists["article_ids"].to_list() == [[f"a{n}" for n in range(PLACES)]]
    assert lists["propensities"].to_list() == [pytest.approx([0.25] * PLACES)]
