"""Each reader's own taste: seen when it is lost, whatever the lists and the mix over all."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from newsrec_pipelines.monitoring.preference_drift import lost, preferences
from newsrec_pipelines.parameters import DriftParams

FIRST = date(2026, 3, 1)
PARAMS = DriftParams()
CATEGORIES = ("culture", "economy", "politics", "sport")
READERS = 200


def world(
    days: int, shift: int | None = None, *, served: bool = False, taste: float = 3.0
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Views and places of readers who each like one category; from `shift` on, another one.

    The categories are liked by equally many readers before and after. With `served`, lists show the
    favourite of old twice and on top; the top is looked at most.
    """
    rng = np.random.default_rng(5)
    opened, places = [], []
    for n in range(days):
        day = FIRST + timedelta(days=n)
        for reader in range(READERS):
            old = reader % len(CATEGORIES)
            now = (old + 1) % len(CATEGORIES) if shift is not None and n >= shift else old
            order = rng.permutation(len(CATEGORIES)).tolist()
            shown = [old, old, *(c for c in order if c != old)] if served else order
            odds = np.array([taste * (c == now) - 2 * np.log(1 + i) for i, c in enumerate(shown)])
            for visit in range(2):
                chosen = rng.choice(len(shown), p=np.exp(odds) / np.exp(odds).sum())
                for position, category in enumerate(shown):
                    places.append(
                        (
                            day,
                            f"u{reader}",
                            f"{n}-{reader}-{visit}",
                            position,
                            CATEGORIES[category],
                            position == chosen,
                        )
                    )
                opened.append((day, f"u{reader}", CATEGORIES[shown[chosen]]))
    views = pl.DataFrame(opened, ["day", "user_id", "category"], orient="row")
    columns = ["day", "user_id", "impression_id", "position", "category", "opened"]
    return views, pl.DataFrame(places, columns, orient="row")


def lost_on(day: int, views: pl.DataFrame, places: pl.DataFrame) -> float | None:
    """What is lost at least on a day, counted from the first one."""
    found = preferences(views, places, PARAMS)
    result = lost(found, FIRST + timedelta(days=day), PARAMS)
    return None if result is None else result.at_least


@pytest.mark.parametrize("served", [False, True], ids=["front page", "our slates"])
def test_a_usual_day_loses_nothing_and_other_tastes_are_seen_that_day(served: bool) -> None:
    views, places = world(8, shift=7, served=served)

    usual, shifted = lost_on(6, views, places), lost_on(7, views, places)

    assert usual is not None
    assert shifted is not None
    assert usual < 0.2
    assert shifted > PARAMS.taste_lost


def test_the_mix_over_all_readers_has_not_moved() -> None:
    views, _ = world(8, shift=7)
    last = views["day"].max()
    before = views.filter(pl.col("day") < last)["category"].value_counts(normalize=True)
    after = views.filter(pl.col("day") == last)["category"].value_counts(normalize=True)
    both = before.join(after, on="category", suffix="_after")

    assert (both["proportion"] - both["proportion_after"]).abs().max() < 0.05  # type: ignore[operator]


@pytest.mark.parametrize("served", [False, True], ids=["front page", "our slates"])
def test_readers_without_any_taste_cannot_lose_it(served: bool) -> None:
    """They open what stands on top: where that is always the same category, it is no taste."""
    views, places = world(8, taste=0.0, served=served)

    assert lost_on(7, views, places) is None


def test_few_days_or_few_readers_tell_nothing() -> None:
    views, places = world(8)

    assert lost_on(4, views, places) is None  # five views of each are known from the fourth day on
    few = pl.Series([f"u{n}" for n in range(PARAMS.taste_readers - 1)]).implode()
    of_few = places.filter(pl.col("user_id").is_in(few))
    assert preferences(views, of_few, PARAMS) == {}
