"""The inbox of events in PostgreSQL."""

from collections.abc import Sequence
from datetime import date, datetime

import orjson
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a class by another name

from newsrec_api.repositories.pool import Pool
from newsrec_api.values import Event

# The table keeps ids unique within a day of arrival. An event older than a week is refused, so an
# id that comes again comes within eight days; the index of each of these days is asked.
_ADD = """
INSERT INTO event_inbox (entity, event_id, received_on, received_at, source, payload)
SELECT e.entity, e.event_id, %(day)s, %(at)s, %(source)s, e.payload::jsonb
FROM unnest(%(entities)s::text[], %(ids)s::text[], %(payloads)s::text[])
    AS e (entity, event_id, payload)
WHERE NOT EXISTS (
    SELECT FROM event_inbox i WHERE i.entity = e.entity AND i.event_id = e.event_id
    AND i.received_on >= %(day)s::date - 8
)
ON CONFLICT DO NOTHING
"""


class PostgresEvents:
    """Writes `event_inbox`; the day's partition is made when its first event comes."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._day: date | None = None

    def add(self, events: Sequence[Event], source: str, received_at: datetime) -> int:
        """Keep the events whose ids are new; returns how many were."""
        if not events:
            return 0
        day = received_at.date()
        if day != self._day:
            self._pool.rows("SELECT ensure_day_partition('event_inbox', %s)", (day,))
            self._day = day

        def work(cursor: Cursor) -> int:
            cursor.execute(
                _ADD,
                {
                    "day": day,
                    "at": received_at,
                    "source": source,
                    "entities": [e.entity for e in events],
                    "ids": [e.event_id for e in events],
                    "payloads": [orjson.dumps(e.payload).decode() for e in events],
                },
            )
            return cursor.rowcount

        return self._pool.run(work)
