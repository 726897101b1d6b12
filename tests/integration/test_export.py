"""Export: what the API received on a day becomes landing records that keep their contract."""

import gzip
import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2.extras import Json

from newsrec_pipelines import cli
from newsrec_pipelines.datasets import export
from newsrec_pipelines.datasets.export import export_day
from newsrec_pipelines.errors import DatabaseError, DataError
from newsrec_pipelines.store import Store
from support.landing import contract, landed, landed_files
from support.net import free_port

DAY = date(2026, 3, 8)
NOON = datetime.fromisoformat("2026-03-08T12:00:00+00:00")
Execute = Callable[..., None]


@pytest.fixture
def execute(database_url: str) -> Execute:
    def run(*statements: tuple[str, tuple[object, ...]]) -> None:
        connection = psycopg2.connect(database_url)
        try:
            with connection, connection.cursor() as cursor:
                for sql, values in statements:
                    cursor.execute(sql, values)
        finally:
            connection.close()

    return run


@pytest.fixture
def again(database_url: str, tmp_path: Path) -> Callable[[], dict[str, int]]:
    return lambda: export_day(Store((tmp_path / "store").as_uri()), database_url, DAY)


def received(
    entity: str, payload: dict[str, Any], at: datetime = NOON, source: str = "api"
) -> list[tuple[str, tuple[object, ...]]]:
    key = payload["impression_id" if entity == "impressions" else "event_id"]
    return [
        ("SELECT ensure_day_partition('event_inbox', %s)", (at.date(),)),
        (
            "INSERT INTO event_inbox VALUES (%s, %s, %s, %s, %s, %s)",
            (entity, key, at.date(), at, source, Json(payload)),
        ),
    ]


def impression(number: int, *articles: str, user: str = "ebnerd:u:1", **rest: Any) -> Any:
    return {
        "impression_id": f"i{number}",
        "user_id": user,
        "shown_at": "2026-03-08T11:59:00+00:00",
        "surface": "app",
        "article_ids": list(articles),
        "order_known": True,
        **rest,
    }


def read(number: int, **rest: Any) -> Any:
    return {
        "event_id": f"e{number}",
        "user_id": "ebnerd:u:1",
        "article_id": "a1",
        "read_at": "2026-03-08T11:59:30+00:00",
        "kind": "click",
        **rest,
    }


def slate(
    run: str, user: str, propensities: list[float], variant: str = "champion"
) -> list[tuple[str, tuple[object, ...]]]:
    articles = [f"a{n}" for n in range(1, len(propensities) + 1)]
    return [
        ("SELECT create_run_partitions(%s)", (run,)),
        (
            "INSERT INTO recommendations VALUES (%s, %s, %s, %s, %s, %s, '[]', 'm1')",
            (run, user, variant, articles, propensities, propensities),
        ),
    ]


def settings(
    user: str, at: datetime, created: datetime | None = None, **chosen: Any
) -> tuple[str, tuple[object, ...]]:
    names = ", ".join(["user_id", "created_at", "updated_at", *chosen])
    values = (user, created or at, at, *chosen.values())
    marks = ", ".join(["%s"] * len(values))
    return f"INSERT INTO reader_settings ({names}) VALUES ({marks})", values


def test_events_land_on_the_day_they_were_received_in_order_of_arrival(
    execute: Execute, again: Callable[[], dict[str, int]], tmp_path: Path
) -> None:
    execute(
        *received("reads", read(2, dwell_seconds=95, view_id="v", kind="read")),
        *received("reads", read(1, view_id="v"), NOON - timedelta(hours=1), source="email"),
        *received("reads", read(3, new_field={"x": [1]}), NOON),
        *received("reads", read(4), NOON - timedelta(days=1)),
        *received("impressions", impression(1, "a1", "a2")),
    )
    assert again() == {"impressions": 1, "reads": 3, "users": 0}
    reads = landed(tmp_path / "store", "reads")
    assert reads == [
        read(1, view_id="v", received_at="2026-03-08T11:00:00+00:00"),
        read(2, dwell_seconds=95, view_id="v", kind="read", received_at=NOON.isoformat()),
        read(3, new_field={"x": [1]}, received_at=NOON.isoformat()),
    ]
    assert set(landed_files(tmp_path / "store")) == {
        "impressions/dt=2026-03-08/api-0000.jsonl.gz",
        "reads/dt=2026-03-08/api-0000.jsonl.gz",
    }


def test_an_impression_of_our_slate_gets_its_propensities_in_the_order_shown(
    execute: Execute, again: Callable[[], dict[str, int]], tmp_path: Path
) -> None:
    user = "ebnerd:u:1"
    execute(
        *slate("run-1", user, [0.5, 0.25, 0.125]),
        *slate("run-2", user, [0.5]),
        *slate("run-2", user, [0.75], "b"),
        *slate("run-3", "ebnerd:u:2", [0.5]),
        *received("impressions", impression(1, "a3", "a1", slate_id=f"run-1:champion:{user}")),
        *received("impressions", impression(2, "a1", "top-up", slate_id=f"run-1:champion:{user}")),
        *received("impressions", impression(3, "a1", slate_id=f"run-2:b:{user}")),
        *received("impressions", impression(4, "a1", slate_id="run-3:champion:ebnerd:u:2")),
        *received("impressions", impression(5, "a1", slate_id=f"gone:champion:{user}")),
        *received("impressions", impression(6, "a1", slate_id="1")),
        *received("impressions", impression(7, "a1")),
        *received("impressions", impression(8, "a1", slate_id="gone", propensities=[0.1])),
        *received("impressions", impression(9, "a1", slate_id=f"run-2:champion:{user}")),
        *received("impressions", impression(10, "a1", slate_id=f"run-1:b:{user}")),
        *received("impressions", impression(11, "a1", slate_id=f"run-1:{user}")),
    )
    assert again()["impressions"] == 11
    known = {
        r["impression_id"]: r["propensities"]
        for r in landed(tmp_path / "store", "impressions")
        if "propensities" in r
    }
    # i2: a place from elsewhere; i3 and i9: each variant has its own; i4: another reader's slate;
    # i10: a variant that the run does not have; i11: no variant.
    assert known == {"i1": [0.125, 0.5], "i3": [0.75], "i8": [0.1], "i9": [0.5]}


def test_exporting_again_gives_the_same_bytes_also_when_the_run_is_gone(
    execute: Execute, again: Callable[[], dict[str, int]], tmp_path: Path
) -> None:
    user = "ebnerd:u:1"
    execute(
        *slate("run-1", user, [0.5]),
        *received("impressions", impression(1, "a1", slate_id=f"run-1:champion:{user}")),
        *received("impressions", impression(2, "a1", slate_id=f"run-1:champion:{user}")),
        *received("reads", read(1)),
        settings(user, NOON, region="africa"),
    )
    again()
    before = landed_files(tmp_path / "store")
    assert len(before) == 3
    again()
    assert landed_files(tmp_path / "store") == before
    execute(("SELECT drop_run_partitions(%s)", ("run-1",)))
    again()
    assert landed_files(tmp_path / "store") == before
    # Late in the day: what was there comes first and unchanged.
    execute(*received("impressions", impression(0, "a1"), NOON + timedelta(hours=1)))
    assert again()["impressions"] == 3
    shown = landed(tmp_path / "store", "impressions")
    assert [r["impression_id"] for r in shown] == ["i1", "i2", "i0"]
    assert [r.get("propensities") for r in shown] == [[0.5], [0.5], None]


def test_many_events_become_several_files(
    execute: Execute,
    again: Callable[[], dict[str, int]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(export, "_RECORDS_PER_FILE", 2)
    monkeypatch.setattr(export, "_ROWS_PER_FETCH", 1)
    execute(*(s for n in range(5) for s in received("reads", read(n))))
    assert again()["reads"] == 5
    sizes = [
        len(gzip.decompress(data).splitlines())
        for _, data in sorted(landed_files(tmp_path / "store").items())
    ]
    assert sizes == [2, 2, 1]
    assert [r["event_id"] for r in landed(tmp_path / "store", "reads")] == [
        f"e{n}" for n in range(5)
    ]


def test_readers_who_changed_their_settings_land_as_users(
    execute: Execute, again: Callable[[], dict[str, int]], tmp_path: Path
) -> None:
    joined = NOON - timedelta(days=100)
    execute(
        (
            "INSERT INTO users VALUES (%s, 'africa', 'fr', %s, 'Africa/Dakar', %s, %s, %s, %s, "
            "%s, 'b')",
            (
                "known",
                "ada@example.org",
                ["sport"],
                joined,
                Json({"email_digest": True, "survey": True}),
                Json({"plan": "gold"}),
                joined,
            ),
        ),
        settings("known", NOON, language="en", preferred_categories=[], email_digest=False),
        settings("new", NOON, preferred_categories=["climate"]),
        settings("earlier", NOON - timedelta(days=1), region="africa"),
        settings("later", NOON + timedelta(days=1), created=NOON, region="africa"),
    )
    assert again()["users"] == 2
    assert landed(tmp_path / "store", "users") == [
        {
            "user_id": "known",
            "region": "africa",
            "language": "en",
            "email": "ada@example.org",
            "timezone": "Africa/Dakar",
            "preferred_categories": [],
            "joined_at": joined.isoformat(),
            "consents": {"email_digest": False, "survey": True},
            "plan": "gold",
            "received_at": NOON.isoformat(),
        },
        {
            "user_id": "new",
            "region": "unknown",
            "language": "unknown",
            "timezone": "UTC",
            "preferred_categories": ["climate"],
            "joined_at": NOON.isoformat(),
            "consents": {},
            "received_at": NOON.isoformat(),
        },
    ]


def test_settings_exported_once_stay_when_they_are_changed_on_a_later_day(
    execute: Execute, again: Callable[[], dict[str, int]], tmp_path: Path
) -> None:
    execute(settings("b", NOON, region="africa"), settings("a", NOON, region="africa"))
    again()
    before = landed_files(tmp_path / "store")
    tomorrow = NOON + timedelta(days=1)
    execute(
        (
            "UPDATE reader_settings SET region = 'x', updated_at = %s WHERE user_id = 'a'",
            (tomorrow,),
        )
    )
    again()
    assert landed_files(tmp_path / "store") == before


def test_a_day_without_events_writes_nothing_and_says_so(
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("NEWSREC_VAR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.delenv("STORE_URL", raising=False)
    with pytest.raises(SystemExit) as end:
        cli.main(["export", "--date", "2026-03-08"])
    assert end.value.code == 0
    assert capsys.readouterr().out == "2026-03-08: nothing was received\n"
    # Only what every stage leaves for Prometheus.
    assert [path.name for path in tmp_path.iterdir()] == ["metrics"]


def test_the_command_says_how_many_records_it_brought(
    execute: Execute,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("NEWSREC_VAR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.delenv("STORE_URL", raising=False)
    execute(*received("reads", read(1)))
    with pytest.raises(SystemExit):
        cli.main(["export", "--date", "2026-03-08"])
    told = "2026-03-08: 0 impressions, 1 reads, 0 users into the landing zone\n"
    assert capsys.readouterr().out == told


def test_several_days_are_exported_one_by_one(
    execute: Execute,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("NEWSREC_VAR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.delenv("STORE_URL", raising=False)
    execute(*received("reads", read(1)))
    with pytest.raises(SystemExit):
        cli.main(["export", "--from", "2026-03-07", "--to", "2026-03-08"])
    assert capsys.readouterr().out == (
        "2026-03-07: nothing was received\n"
        "2026-03-08: 0 impressions, 1 reads, 0 users into the landing zone\n"
    )


def test_a_dead_database_and_a_broken_earlier_export_leave_everything_untouched(
    execute: Execute, again: Callable[[], dict[str, int]], tmp_path: Path
) -> None:
    execute(*received("reads", read(1)), *received("impressions", impression(1, "a1")))
    again()
    file = tmp_path / "store" / "landing" / "reads" / "dt=2026-03-08" / "api-0000.jsonl.gz"
    file.write_bytes(file.read_bytes()[:-9])
    before = landed_files(tmp_path / "store")
    with pytest.raises(DataError, match=r"api-0000\.jsonl\.gz of an earlier export is broken"):
        again()
    assert landed_files(tmp_path / "store") == before
    dead = f"postgresql://postgres@127.0.0.1:{free_port()}/none"
    with pytest.raises(DatabaseError, match="cannot connect"):
        export_day(Store((tmp_path / "store").as_uri()), dead, DAY)
    assert landed_files(tmp_path / "store") == before


def test_exported_lines_are_utf_8_and_keep_the_contract(
    execute: Execute, again: Callable[[], dict[str, int]], tmp_path: Path
) -> None:
    execute(*received("reads", read(1, note="acción\u2028\n"), source="email"))
    again()
    (data,) = landed_files(tmp_path / "store").values()
    (line,) = gzip.decompress(data).split(b"\n")[:-1]
    record = json.loads(line)
    contract("reads").validate(record)
    assert record["note"] == "acción\u2028\n"
