"""The ETL accepts what the landing contract allows, refuses what it forbids, and what we import."""

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest

from newsrec_pipelines import cli
from newsrec_pipelines.etl.checks import Rules, check
from newsrec_pipelines.etl.jsonl import parse_lines
from newsrec_pipelines.etl.parquet import parse_table
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.schemas import ENTITIES
from support import official_files
from support.landing import contract
from support.postgres import REPOSITORY

ETL = Params.load(REPOSITORY / "params.yaml").etl
AT = datetime(2026, 3, 1, 7, 30, tzinfo=UTC).isoformat()
WHOLE: dict[str, dict[str, Any]] = {
    "articles": {
        "article_id": "a", "publisher": "p", "title": "t", "abstract": "a", "body": "b",
        "category": "c", "subcategory": "s", "language": "en", "url": "https://example.org",
        "published_at": AT, "image_url": "https://example.org/i", "tags": ["x"],
        "regions": ["africa"],
    },
    "users": {
        "user_id": "u", "region": "africa", "language": "fr", "email": "a@example.org",
        "timezone": "UTC", "preferred_categories": ["c"], "joined_at": AT, "consents": {"x": True},
    },
    "impressions": {
        "impression_id": "i", "user_id": "u", "shown_at": AT, "surface": "site",
        "article_ids": ["a"], "order_known": True, "slate_id": "r:champion:u",
        "propensities": [0.5],
    },
    "reads": {
        "event_id": "e", "user_id": "u", "article_id": "a", "read_at": AT, "kind": "read",
        "dwell_seconds": 1.5, "scroll": 0.5, "view_id": "v", "impression_id": "i",
    },
}  # fmt: skip
VALUES = (
    *(None, True, -1, 7, 0.5, 1.5),
    *("", "a\x00b", "yes", "x" * 1001, "2026-03-01", "2026-03-01T07:30:00", AT),
    *([], [""], ["a"], [1], [None], {}, {"a": 1}, {"a": True}),
)
CASES = [
    (entity, field) for entity in ENTITIES for field in (*WHOLE[entity], "received_at", "new_field")
]


@pytest.mark.parametrize(("name", "field"), CASES)
def test_contract_and_etl_agree_on_every_value_of_every_field(name: str, field: str) -> None:
    rules = Rules(date(2026, 3, 1), ETL)
    for value in VALUES:
        if (name, field, value) == ("impressions", "propensities", []):
            continue  # as many as article_ids: what JSON Schema cannot say
        record = WHOLE[name] | {field: value}
        raw = parse_lines(ENTITIES[name], [orjson.dumps(record)], before=0)
        dead = check(ENTITIES[name], raw, rules)[1]
        assert contract(name).is_valid(record) == dead.is_empty(), (value, dead)


@pytest.mark.parametrize("source", ["mind", "ebnerd", "deskdrop"])
def test_the_etl_finds_no_dead_letter_in_what_we_import(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSREC_VAR", str(tmp_path))
    monkeypatch.delenv("STORE_URL", raising=False)
    folder = getattr(official_files, source)(tmp_path / source)
    with pytest.raises(SystemExit):
        cli.main(["import", source, str(folder)])
    files = sorted((tmp_path / "store" / "landing").rglob("*.parquet"))
    assert {f.parts[-3] for f in files} >= {"articles", "users", "reads"}
    for file in files:
        entity = ENTITIES[file.parts[-3]]
        day = re.fullmatch(r"dt=(.*)", file.parts[-2])
        assert day
        table = pq.read_table(file)
        rules = Rules(date.fromisoformat(day[1]), ETL)
        good, dead = check(entity, parse_table(entity, table, before=0), rules)
        assert dead.is_empty(), dead
        assert len(good) == table.num_rows
        # Nothing is known before its time, nor on another day than it arrived.
        assert (good["available_at"].dt.date() >= rules.day).all()
        if entity.name != "reads":
            assert (good["available_at"].dt.date() == rules.day).all()
