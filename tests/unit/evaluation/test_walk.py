from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from newsrec_pipelines import partitions
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.evaluation import leaks
from newsrec_pipelines.evaluation.walk import available_by
from newsrec_pipelines.models.ranker_training import RankerTrainingSet
from newsrec_pipelines.store import Store
from support.factories_models import load_params

DAY = date(2026, 3, 5)
MIDNIGHT = datetime(2026, 3, 6, tzinfo=UTC)


def at(hour: float) -> datetime:
    return datetime(2026, 3, 5, tzinfo=UTC) + timedelta(hours=hour)


def known(
    monkeypatch: pytest.MonkeyPatch, evaluated: RankerTrainingSet, tmp_path: Path
) -> RankerTrainingSet | None:
    """`available_by`, where list i2 and a click on b were reported after midnight."""
    impressions = [("i1", ["a", "b"], at(9)), ("i2", ["c", "d"], at(26))]
    reads = [("r1", "a", "i1", 40.0, at(10)), ("r2", "b", "i1", 50.0, at(30))]
    frames = {
        "impressions": pl.DataFrame(
            [
                {
                    "impression_id": i,
                    "user_id": "u",
                    "shown_at": at(8),
                    "article_ids": articles,
                    "order_known": True,
                    "available_at": available,
                }
                for i, articles, available in impressions
            ]
        ),
        "reads": pl.DataFrame(
            [
                {
                    "event_id": r,
                    "user_id": "u",
                    "article_id": article,
                    "read_at": at(8.5),
                    "kind": "read",
                    "dwell_seconds": seconds,
                    "view_id": r,
                    "impression_id": impression,
                    "available_at": available,
                }
                for r, article, impression, seconds, available in reads
            ]
        ),
    }
    monkeypatch.setattr(
        partitions,
        "load",
        lambda store, entity, as_of, *days: frames[entity].filter(pl.col("available_at") < as_of),
    )
    return available_by(evaluated, Store(tmp_path.as_uri()), MIDNIGHT)


def ranker_training_set(lists: dict[str, list[str]]) -> RankerTrainingSet:
    rows = [(i, a) for i, articles in lists.items() for a in articles]
    examples = pl.DataFrame(
        {
            "impression_id": [i for i, _ in rows],
            "user_id": ["u"] * len(rows),
            "article_id": [a for _, a in rows],
            "asked_at": [at(8)] * len(rows),
            "position": [1, 2] * (len(rows) // 2),
            "clicked": [True] * len(rows),
            "dwell_seconds": [50.0] * len(rows),
        }
    )
    return RankerTrainingSet(DAY, examples, np.arange(len(rows), dtype=np.float32)[:, None])


def test_a_model_made_at_midnight_learns_from_what_had_arrived_by_then(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = known(monkeypatch, ranker_training_set({"i2": ["c", "d"], "i1": ["a", "b"]}), tmp_path)
    assert found is not None
    labels = found.examples.select("impression_id", "article_id", "clicked", "dwell_seconds")
    assert labels.rows() == [("i1", "a", True, 40.0), ("i1", "b", False, None)]
    assert found.columns[:, 0].tolist() == [2.0, 3.0]
    assert found.starts.tolist() == [0, 2]


def test_a_day_of_which_nothing_was_known_by_midnight_is_not_trained_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert known(monkeypatch, ranker_training_set({"i2": ["c", "d"]}), tmp_path) is None


def test_a_leak_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = pl.DataFrame(
        {
            "user_id": ["u"],
            "article_id": ["a"],
            "asked_at": [at(8)],
            "feature": ["clicks_1h"],
            "value": [5.0],
            "expected": [2.0],
        }
    )
    shown = pl.DataFrame({"asked_at": [at(8), at(8), at(9)]})
    store = Store(tmp_path.as_uri())
    monkeypatch.setattr(leaks, "find_leaks", lambda *_: found.clear())
    assert leaks.check_leaks(store, load_params(), shown, days=1) == 2
    monkeypatch.setattr(leaks, "find_leaks", lambda *_: found)
    with pytest.raises(DataError, match=r"clicks_1h of a, shown at .* is 5, but .* 2$"):
        leaks.check_leaks(store, load_params(), shown, days=1)
