"""What a reader saw before, against a recount, whatever the stream."""

from datetime import datetime, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from newsrec_pipelines.features.exposure_history import exposure_events, exposure_history
from newsrec_pipelines.features.views import views
from support.feature_events import DAY, MIDNIGHT, at, frame

DAYS = [DAY + timedelta(days=n) for n in range(3)]
events = st.lists(
    st.tuples(
        st.sampled_from("uv"),
        st.sampled_from("ab"),
        st.integers(0, 3 * 24 - 1),
        st.sampled_from(["shown", "opened"]),
    ),
    max_size=30,
)


def moment(hours: float) -> datetime:
    return MIDNIGHT + timedelta(hours=hours)


@settings(max_examples=40, deadline=None)
@given(events)
def test_the_last_row_before_a_moment_is_a_recount_of_all_before_it(
    drawn: list[tuple[str, str, int, str]],
) -> None:
    shown = frame(
        "impressions",
        [
            {"impression_id": f"{n}", "user_id": u, "shown_at": moment(h), "article_ids": [a, a]}
            for n, (u, a, h, kind) in enumerate(drawn)
            if kind == "shown"
        ],
    )
    opened = views(
        frame(
            "reads",
            [
                {"event_id": f"{n}", "user_id": u, "article_id": a, "read_at": moment(h)}
                for n, (u, a, h, kind) in enumerate(drawn)
                if kind == "opened"
            ],
        )
    )
    rows, state = [], None
    for day in DAYS:
        today = exposure_history(exposure_events(opened, shown, day), state)
        rows.append(today)
        state = pl.concat(rows).unique(["user_id", "article_id"], keep="last", maintain_order=True)
    found = pl.concat(rows)
    for user in "uv":
        for article in "ab":
            mine = [(h, kind) for u, a, h, kind in drawn if (u, a) == (user, article)]
            for asked in (0, 1, 24, 25, 50, 72):
                row = found.filter(
                    (pl.col("user_id") == user)
                    & (pl.col("article_id") == article)
                    & (pl.col("event_timestamp") <= moment(asked))
                ).tail(1)
                before = [(h, kind) for h, kind in mine if h < asked]
                seen = [moment(h) for h, kind in before if kind == "shown"]
                if not before:
                    assert row.is_empty()
                    continue
                assert row["exposures_total"].item() == len(seen)
                assert row["opens_total"].item() == len(before) - len(seen)
                assert row["last_seen_at"].item() == (max(seen) if seen else None)


def test_nothing_knows_of_the_moment_that_it_happened_at() -> None:
    shown = frame("impressions", [{"impression_id": "1", "shown_at": at(1), "article_ids": ["a"]}])
    rows = exposure_history(exposure_events(views(frame("reads", [])), shown, DAY), None)
    assert rows["event_timestamp"].to_list() == [at(1) + timedelta(microseconds=1)]
