"""A planted leak is seen, and honest features are not accused."""

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from newsrec_pipelines import partitions
from newsrec_pipelines.features import snapshots
from newsrec_pipelines.features.counters import update_counters
from newsrec_pipelines.features.examples import examples
from newsrec_pipelines.features.leaks import find_leaks
from newsrec_pipelines.parameters import Params
from newsrec_pipelines.store import Store
from support.feature_events import DAY, at, frame, write_clean
from support.postgres import REPOSITORY

PARAMS = Params.load(REPOSITORY / "params.yaml")
ARTICLES = "abcd"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two readers who see four articles every two hours and read one of them, for three days."""
    store = Store((tmp_path / "store").as_uri())
    reads, shown = [], []
    for n in range(36):
        reader = {"user_id": f"u{n % 2}"}
        article = ARTICLES[n * 7 % 4]
        shown.append(
            reader
            | {"impression_id": f"i{n}", "shown_at": at(2 * n), "article_ids": list(ARTICLES)}
        )
        read = reader | {"article_id": article, "read_at": at(2 * n + 0.1)}
        # Every sixth report is a day late.
        late = {"available_at": at(2 * n + 24.2)} if n % 6 == 0 else {}
        reads.append(read | late | {"event_id": f"c{n}", "view_id": f"v{n}"})
        reads.append(
            read
            | late
            | {"event_id": f"r{n}", "view_id": f"v{n}", "kind": "read", "dwell_seconds": 90.0}
        )
    articles = [{"article_id": a, "published_at": at(-1), "category": a} for a in ARTICLES]
    users = [{"user_id": f"u{n}", "joined_at": at(-1)} for n in range(2)]
    for entity, rows in (
        ("reads", reads),
        ("impressions", shown),
        ("articles", articles),
        ("users", users),
    ):
        write_clean(store, entity, frame(entity, rows))
    for n in range(3):
        update_counters(store, DAY + timedelta(days=n), PARAMS, "b")
    return store


def shown(store: Store) -> pl.DataFrame:
    return examples(store, at(72), PARAMS, at(25), at(70))[0]


def test_honest_features_do_not_leak(store: Store) -> None:
    assert find_leaks(store, PARAMS, shown(store), 6).is_empty()


def plant(store: Store, view: str, *changes: pl.Expr) -> None:
    """Change the rows that the second and third day added to a view."""
    for day in (DAY + timedelta(days=1), DAY + timedelta(days=2)):
        dataset = snapshots.rows_dataset(view)
        manifest = partitions.read_manifest(store, dataset, day)
        assert manifest is not None
        rows = partitions.scan(store, [manifest])
        assert rows is not None
        snapshots.write(store, dataset, day, [rows.collect().with_columns(changes)], "planted")


def test_counters_that_are_stamped_too_early_are_caught(store: Store) -> None:
    early = pl.col("event_timestamp", "stamped_at") - pl.duration(hours=3)
    plant(store, "article", early)
    leaks = find_leaks(store, PARAMS, shown(store), 3)
    assert "clicks_3h" in leaks["feature"].to_list()
    leak = leaks.row(0, named=True)
    assert leak["value"] != leak["expected"]


def test_an_exposure_of_the_impression_itself_is_caught(store: Store) -> None:
    plant(
        store,
        "exposure_history",
        pl.col("event_timestamp", "stamped_at") - pl.duration(microseconds=1),
    )
    leaks = find_leaks(store, PARAMS, shown(store), 3)
    assert set(leaks["feature"]) == {"exposures_to_reader", "hours_since_exposure"}


def test_a_whole_day_that_is_known_before_its_end_is_caught(store: Store) -> None:
    plant(store, "user", pl.col("event_timestamp", "stamped_at") - pl.duration(days=1))
    leaks = find_leaks(store, PARAMS, shown(store), 3)
    assert {"user_reads", "user_dwell"} <= set(leaks["feature"])


def test_no_examples_have_no_leaks(store: Store) -> None:
    assert find_leaks(store, PARAMS, shown(store).head(0), 3).is_empty()
