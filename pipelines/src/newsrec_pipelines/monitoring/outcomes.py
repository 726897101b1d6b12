"""The prediction history: every published slate of a day, and what became of it."""

from datetime import date, timedelta
from typing import Final

from newsrec_pipelines.db import Connection

_LOCK: Final = 0x6F757463  # any number that nobody else uses in this database

# What the API calls a slate, taken apart: `<run_id>:<variant>:<user_id>`, and the older
# `<run_id>:<user_id>` of the champion. A reader's id may hold anything, a run's id no colon. A
# client that reports somebody else's slate reports none. The only place that knows this form.
_SLATE: Final = """
    SELECT split_part(named.rest, ':', 1) AS run_id,
           coalesce(nullif(split_part(named.rest, ':', 2), ''), 'champion') AS variant
    FROM (SELECT left(i.slate_id, -1 - length(i.user_id)) AS rest
          WHERE right(i.slate_id, 1 + length(i.user_id)) = ':' || i.user_id) AS named
"""

# Impressions of these slates, on the day itself and later: yesterday's email is opened today.
_SHOWN: Final = f"""
CREATE TEMPORARY TABLE shown ON COMMIT DROP AS
SELECT i.impression_id, i.user_id, i.shown_at, i.article_ids, s.run_id, s.variant
FROM impressions i CROSS JOIN LATERAL ({_SLATE}) s
WHERE i.day BETWEEN %(day)s AND %(last)s AND i.slate_id IS NOT NULL AND s.run_id IN (
    SELECT run_id FROM recommendation_runs WHERE date = %(day)s AND status = 'published')
"""

# One row a view, as in features/views.py: a click and its read share `view_id`, and the first dwell
# that was known counts. A view whose reports name no impression belongs to the last list that
# showed the reader the article within a day, if that was one of our slates (features/labels.py).
_VIEWS: Final = """
CREATE TEMPORARY TABLE viewed ON COMMIT DROP AS
WITH views AS (
    SELECT user_id, article_id, coalesce(view_id, 'event:' || event_id) AS view,
           min(impression_id) AS impression_id, min(read_at) AS read_at,
           (array_agg(round(dwell_seconds::numeric, 3) ORDER BY available_at, event_id)
            FILTER (WHERE dwell_seconds IS NOT NULL))[1] AS dwell
    FROM reads
    WHERE day BETWEEN %(day)s AND %(last)s AND kind IN ('click', 'read')
    GROUP BY user_id, article_id, view
)
SELECT shown.impression_id, v.dwell FROM views v JOIN shown USING (impression_id, user_id)
UNION ALL
SELECT impression_id, dwell FROM (
    SELECT DISTINCT ON (v.user_id, v.article_id, v.view) i.impression_id, v.dwell
    FROM views v JOIN impressions i ON i.user_id = v.user_id AND i.day BETWEEN %(day)s AND %(last)s
      AND v.article_id = ANY(i.article_ids)
      AND i.shown_at <= v.read_at AND i.shown_at >= v.read_at - interval '1 day'
    WHERE v.impression_id IS NULL
    ORDER BY v.user_id, v.article_id, v.view, i.shown_at DESC, i.impression_id DESC
) last
WHERE impression_id IN (SELECT impression_id FROM shown)
"""

# All slates: those whose rows are there, those that were kept before, and of runs whose rows were
# pruned before anybody kept them at least those that were shown, as they were shown.
_MERGE: Final = """
WITH runs AS (
    SELECT run_id, model_version, published_at,
           to_regclass('recommendations_' || md5(run_id)) IS NOT NULL AS there
    FROM recommendation_runs WHERE date = %(day)s AND status = 'published'
), slates AS (
    SELECT r.run_id, r.user_id, r.variant, r.model_version, r.article_ids
    FROM recommendations r WHERE r.run_id = ANY(%(there)s)
    UNION ALL
    SELECT o.run_id, o.user_id, o.variant, o.model_version, o.article_ids
    FROM slate_outcomes o WHERE o.day = %(day)s AND NOT o.run_id = ANY(%(there)s)
    UNION ALL
    (SELECT DISTINCT ON (s.run_id, s.user_id, s.variant) s.run_id, s.user_id, s.variant,
            CASE WHEN s.variant = 'champion' THEN runs.model_version
                 ELSE coalesce(v.model_version, 'unknown') END, s.article_ids
     FROM shown s JOIN runs ON runs.run_id = s.run_id AND NOT runs.there
     LEFT JOIN variants v ON v.name = s.variant AND v.set_at <= runs.published_at
          AND coalesce(v.ended_at, 'infinity') > runs.published_at
     WHERE NOT EXISTS (
         SELECT FROM slate_outcomes o WHERE o.day = %(day)s AND o.run_id = s.run_id
         AND o.user_id = s.user_id AND o.variant = s.variant)
     ORDER BY s.run_id, s.user_id, s.variant, s.shown_at, s.impression_id)
), opened AS (
    SELECT impression_id, count(*) AS clicks, sum(dwell) AS dwell FROM viewed GROUP BY impression_id
), happened AS (
    SELECT s.run_id, s.user_id, s.variant, count(*) AS impressions,
           coalesce(sum(o.clicks), 0) AS clicks, sum(o.dwell) AS dwell
    FROM shown s LEFT JOIN opened o USING (impression_id) GROUP BY s.run_id, s.user_id, s.variant
)
INSERT INTO slate_outcomes AS kept (day, run_id, user_id, variant, model_version, article_ids,
                                    impressions, clicks, dwell_seconds)
SELECT %(day)s, s.run_id, s.user_id, s.variant, s.model_version, s.article_ids,
       coalesce(h.impressions, 0), coalesce(h.clicks, 0),
       CASE WHEN coalesce(h.clicks, 0) = 0 THEN 0 ELSE h.dwell END
FROM slates s LEFT JOIN happened h USING (run_id, user_id, variant)
ON CONFLICT (day, run_id, user_id, variant) DO UPDATE
SET impressions = excluded.impressions, clicks = excluded.clicks,
    dwell_seconds = excluded.dwell_seconds
WHERE (kept.impressions, kept.clicks, kept.dwell_seconds)
      IS DISTINCT FROM (excluded.impressions, excluded.clicks, excluded.dwell_seconds)
"""


def keep(conn: Connection, day: date, late_days: int) -> int | None:
    """Join the slates that were published for `day` with what happened to them.

    May be repeated: what comes late is added, a slate that was kept is never lost, and what is the
    same is not written again.

    Args:
        conn: of the role newsrec_monitoring.
        day: that the slates are for.
        late_days: an impression so many days later still belongs to a slate.

    Returns:
        Rows that were added or changed; None when the events of the day were dropped, so that its
        history must stay as it is.
    """
    with conn, conn.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", (f"impressions_{day:%Y%m%d}",))
        events = cursor.fetchone()
        cursor.execute("SELECT to_regclass(%s)", (f"slate_outcomes_{day:%Y%m%d}",))
        history = cursor.fetchone()
        if history != (None,) and events == (None,):
            return None
        cursor.execute("SELECT ensure_day_partition('slate_outcomes', %s)", (day,))
    values = {"day": day, "last": day + timedelta(days=late_days)}
    with conn, conn.cursor() as cursor:
        # Of two monitors the second finds everything done.
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", (_LOCK, day.toordinal()))
        cursor.execute(
            "SELECT run_id FROM recommendation_runs WHERE date = %s AND status = 'published' "
            "AND to_regclass('recommendations_' || md5(run_id)) IS NOT NULL",
            (day,),
        )
        there = [row[0] for row in cursor.fetchall()]
        cursor.execute(_SHOWN, values)
        cursor.execute("CREATE INDEX ON shown (impression_id); ANALYZE shown")
        cursor.execute(_VIEWS, values)
        cursor.execute("ANALYZE viewed")
        cursor.execute(_MERGE, {**values, "there": there})
        return cursor.rowcount


def drop_old(conn: Connection, first: date) -> list[date]:
    """Drop the history of all days before `first`; the days."""
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "SELECT to_date(right(inhrelid::regclass::text, 8), 'YYYYMMDD') FROM pg_inherits "
            "WHERE inhparent = 'slate_outcomes'::regclass ORDER BY 1"
        )
        old = [row[0] for row in cursor.fetchall() if row[0] < first]
        for day in old:
            cursor.execute("SELECT drop_outcomes_partition(%s)", (day,))
    return old
