"""The loop closes: one click by API and one by email change the slates of tomorrow."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

import pytest
import urllib3
import yaml

from newsrec_pipelines.demo import programs
from newsrec_pipelines.settings import Settings
from support.net import free_port
from support.postgres import REPOSITORY, query

DAY, NEXT = "2026-03-03", "2026-03-04"
SMALL_WORLD = {"readers": 80, "articles_per_day": 60, "history_days": 2, "start": "2026-03-01"}


@dataclass(frozen=True)
class World:
    """A small world after two days of history, with slates for the third."""

    settings: Settings
    database_url: str
    port: int
    stage: Callable[..., None]

    def slates(self, day: str) -> dict[str, list[str]]:
        rows = query(
            self.database_url,
            "SELECT user_id, article_ids FROM recommendations WHERE run_id = (SELECT run_id FROM "
            "recommendation_runs WHERE date = %s AND status = 'published' "
            "ORDER BY published_at DESC LIMIT 1)",
            day,
        )
        return {str(user): list(ids) for user, ids in rows}  # type: ignore[call-overload]


@pytest.fixture
def world(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("NEWSREC_VAR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)
    params = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    params["world"] |= SMALL_WORLD
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    settings = Settings.from_env({"NEWSREC_VAR": str(tmp_path), "DATABASE_URL": database_url})
    programs.ensure_secrets(settings)
    programs.stage("simulate", "days", "--from", "2026-03-01", "--to", "2026-03-02")
    programs.stage("etl", "--from", "2026-03-01", "--to", "2026-03-02")
    programs.stage("train", "--date", "2026-03-02")
    programs.stage("recommend", "--date", DAY)
    return World(settings, database_url, free_port(), programs.stage)


def test_one_click_by_api_and_one_by_email_change_the_next_day(world: World) -> None:
    public = programs.public_url(world.port)
    programs.program("newsrec-mailer", "send", "--date", DAY, env={"PUBLIC_URL": public})
    # What the next day would be like if nobody did anything.
    world.stage("recommend", "--date", NEXT)
    untouched, shown = world.slates(NEXT), world.slates(DAY)
    by_email, link, emailed_article = _first_mailed_link(world, shown, untouched)
    by_api = next(
        u for u in sorted(shown) if u != by_email and set(shown[u][:10]) & set(untouched[u])
    )
    clicked = next(a for a in shown[by_api][:10] if a in untouched[by_api])

    with programs.api(world.settings, world.port, datetime(2026, 3, 3, 12, tzinfo=UTC)):
        served = urllib3.request("GET", f"{public}/v1/readers/{by_api}/recommendations").json()
        assert clicked in [item["article_id"] for item in served["items"]]
        answer = urllib3.request(
            "POST",
            f"{public}/v1/events",
            body=json.dumps({"events": _read(by_api, clicked)}),
            headers={"Content-Type": "application/json"},
        )
        assert (answer.status, answer.json()["accepted"]) == (202, 2)
        assert urllib3.request("GET", link, redirect=False).status == 302

    world.stage("export", "--date", DAY)
    world.stage("etl", "--date", DAY)
    world.stage("recommend", "--date", NEXT)

    after = world.slates(NEXT)
    assert clicked not in after[by_api]
    assert emailed_article not in after[by_email]
    assert query(
        world.database_url,
        "SELECT kind, dwell_seconds FROM reads WHERE user_id = %s AND article_id = %s "
        "ORDER BY kind",
        *(by_api, clicked),
    ) == [("click", None), ("read", 95.0)]


def _read(user: str, article: str) -> list[dict[str, object]]:
    common = {"type": "read", "user_id": user, "article_id": article, "view_id": "view-1"}
    return [
        {**common, "event_id": "e-1", "kind": "click", "read_at": "2026-03-03T11:50:00+00:00"},
        {
            **common,
            "event_id": "e-2",
            "kind": "read",
            "read_at": "2026-03-03T11:50:00+00:00",
            "dwell_seconds": 95,
        },
    ]


def _first_mailed_link(
    world: World, shown: dict[str, list[str]], untouched: dict[str, list[str]]
) -> tuple[str, str, str]:
    """A reader, the link of an article in her email, and that article, which tomorrow has again."""
    emails = dict(query(world.database_url, "SELECT email, user_id FROM users"))
    for file in sorted((world.settings.outbox / DAY).glob("*.eml")):
        message = message_from_bytes(file.read_bytes(), policy=policy.default)
        user = str(emails[message["To"].addresses[0].addr_spec])
        body = message.get_body(("plain",))
        assert body is not None
        links = re.findall(r"http://\S+/r/\S+", body.get_content())
        for link, article in zip(links, shown[user], strict=False):
            if article in untouched[user]:
                return user, link, article
    raise AssertionError("no email has an article that the next day would show again")
