"""Brings what the API received on a day, and what readers chose, into the landing zone."""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import orjson

from newsrec_pipelines.db import Connection, connect
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.progress import track
from newsrec_pipelines.store import Store

Record = dict[str, Any]

_KEYS: Final = {"impressions": "impression_id", "reads": "event_id"}
_RECORDS_PER_FILE: Final = 100_000
_ROWS_PER_FETCH: Final = 5_000

# In the order of arrival, so that events which come after an export of the same day come last.
# A slate is `<run_id>:<variant>:<user_id>`; a reader's id may hold anything, the others no colon.
_EVENTS: Final = """
SELECT i.payload, i.received_at, slate.article_ids, slate.propensities
FROM event_inbox i
LEFT JOIN LATERAL (
    SELECT r.article_ids, r.propensities
    FROM recommendations r
    WHERE r.user_id = i.payload->>'user_id'
      AND r.run_id = split_part(i.payload->>'slate_id', ':', 1)
      AND r.variant = split_part(i.payload->>'slate_id', ':', 2)
      AND i.payload->>'slate_id' = r.run_id || ':' || r.variant || ':' || r.user_id
) slate ON i.entity = 'impressions'
WHERE i.entity = %(entity)s AND i.received_on = %(day)s
ORDER BY i.received_at, i.event_id
"""

_SETTINGS: Final = """
SELECT coalesce(u.extra, '{}') || jsonb_build_object(
    'user_id', s.user_id,
    'region', coalesce(s.region, u.region, 'unknown'),
    'language', coalesce(s.language, u.language, 'unknown'),
    'email', coalesce(s.email, u.email),
    'timezone', coalesce(s.timezone, u.timezone, 'UTC'),
    'preferred_categories', coalesce(s.preferred_categories, u.preferred_categories, '{}'),
    'consents', coalesce(u.consents, '{}') || CASE WHEN s.email_digest IS NULL THEN '{}'
        ELSE jsonb_build_object('email_digest', s.email_digest) END
), coalesce(u.joined_at, s.created_at), s.updated_at
FROM reader_settings s LEFT JOIN users u USING (user_id)
WHERE s.updated_at >= %(begin)s AND s.updated_at < %(end)s
ORDER BY s.user_id
"""


def export_day(store: Store, database_url: str, day: date) -> dict[str, int]:
    """Write ``landing/<entity>/dt=day/api*.jsonl.gz`` of impressions, reads and users.

    Every record carries ``received_at``. An impression of one of our slates carries the slate's
    propensities, if all of its articles come from there. Readers who changed their settings on the
    day come as users, with what they chose in place of what `users` says.

    The same day can be exported again: what came since then is added, and what the database has
    forgotten meanwhile (propensities of old runs, settings that were changed again) stays as it was
    exported. A day without any record writes nothing.

    Returns:
        The number of records by entity.

    Raises:
        DatabaseError: when PostgreSQL cannot be reached.
        DataError: when an earlier export is broken.
    """
    counts = {}
    with TemporaryDirectory(prefix="newsrec-export-") as waiting:
        files: dict[str, Path] = {}
        with connect(database_url, "newsrec_reader") as conn:
            conn.set_session(isolation_level="REPEATABLE READ", readonly=True)
            for entity, key in _KEYS.items():
                folder = f"landing/{entity}/dt={day}"
                earlier = _earlier(store, folder, "api-")
                records = _keep_propensities(_events(conn, entity, day), earlier, key)
                counts[entity] = 0
                for number, part in enumerate(_parts(records)):
                    path = Path(waiting) / f"{entity}-{number}"
                    counts[entity] += _write(path, part)
                    files[f"{folder}/api-{number:04d}.jsonl.gz"] = path
            chosen = _settings(conn, day)
        counts["users"] = len(chosen)
        if chosen:
            folder = f"landing/users/dt={day}"
            users = {r["user_id"]: r for r in [*_earlier(store, folder, "api."), *chosen]}
            path = Path(waiting) / "users"
            _write(path, (users[user_id] for user_id in sorted(users)))
            files[f"{folder}/api.jsonl.gz"] = path
        for file, path in files.items():
            store.upload(file, path)
    return counts


def _events(conn: Connection, entity: str, day: date) -> Iterator[Record]:
    wanted = {"entity": entity, "day": day}
    with conn.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM event_inbox WHERE entity = %(entity)s AND received_on = %(day)s",
            wanted,
        )
        total = cursor.fetchone()
    with conn.cursor(name=f"export_{entity}") as rows:
        rows.itersize = _ROWS_PER_FETCH
        rows.execute(_EVENTS, wanted)
        for payload, received_at, ids, propensities in track(
            rows, f"exported {entity}", total[0] if total else 0
        ):
            record = {**payload, "received_at": received_at}
            slate = dict(zip(ids or (), propensities or (), strict=True))
            shown = payload.get("article_ids", ())
            if slate and all(article in slate for article in shown):
                record["propensities"] = [slate[article] for article in shown]
            yield record


def _keep_propensities(
    records: Iterable[Record], earlier: Iterator[Record], key: str
) -> Iterator[Record]:
    """What an earlier export of the day knew of slates; it lists the same events in this order."""
    known = next(earlier, None)
    for record in records:
        if known is not None and known[key] == record[key]:
            if "propensities" in known:
                record.setdefault("propensities", known["propensities"])
            known = next(earlier, None)
        yield record


def _settings(conn: Connection, day: date) -> list[Record]:
    begin = datetime.combine(day, time(), UTC)
    with conn.cursor() as cursor:
        cursor.execute(_SETTINGS, {"begin": begin, "end": begin + timedelta(days=1)})
        return [
            {**_known(user), "joined_at": joined_at, "received_at": updated_at}
            for user, joined_at, updated_at in cursor.fetchall()
        ]


def _known(user: Record) -> Record:
    return {field: value for field, value in user.items() if value is not None}


def _parts(records: Iterator[Record]) -> Iterator[Iterator[Record]]:
    for first in records:
        yield islice(chain([first], records), _RECORDS_PER_FILE)


def _write(path: Path, records: Iterable[Record]) -> int:
    """Compressed JSON lines; the same records give the same bytes. Returns how many they were."""
    n = 0
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as lines:
        for record in records:
            lines.write(orjson.dumps(record, option=orjson.OPT_SORT_KEYS) + b"\n")
            n += 1
    return n


def _earlier(store: Store, folder: str, name: str) -> Iterator[Record]:
    for key in store.keys(folder):
        if key.removeprefix(f"{folder}/").startswith(name):
            try:
                lines = gzip.decompress(store.read_bytes(key)).splitlines()
                yield from (orjson.loads(line) for line in lines)
            except (OSError, EOFError, zlib.error, orjson.JSONDecodeError) as e:
                raise DataError(f"{key} of an earlier export is broken: {e}") from e
