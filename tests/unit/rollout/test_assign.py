"""The split of readers: stable, fair, and never more moves than a change asks for."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsrec_pipelines.experiment.groups import groups_of
from newsrec_pipelines.rollout.variants import CHAMPION, Variant, assign

READERS = pl.Series("user_id", [f"reader-{n}" for n in range(20_000)])
FEW = READERS.head(300)
BEGAN = datetime(2026, 3, 8, tzinfo=UTC)

names = st.from_regex(r"[a-z][a-z0-9-]{0,31}", fullmatch=True).filter(lambda n: n != CHAMPION)
hundredths = st.integers(1, 10_000)


def variant(name: str, percent: int | float | str, began: int = 0) -> Variant:
    began_at = BEGAN + timedelta(hours=began)
    return Variant(name, f"model-of-{name}", Decimal(str(percent)), began_at)


@st.composite
def splits(draw: st.DrawFn) -> list[Variant]:
    """Up to four variants, in the order in which they began, that want 100 percent at most."""
    chosen = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    cuts = sorted(draw(st.lists(hundredths, min_size=len(chosen), max_size=len(chosen))))
    shares = [b - a for a, b in pairwise([0, *cuts])]
    return [
        variant(name, Decimal(share) / 100, n)
        for n, (name, share) in enumerate(zip(chosen, shares, strict=True))
        if share
    ]


@given(splits(), hundredths)
def test_more_percent_only_add_readers(split: list[Variant], more: int) -> None:
    for n, grown in enumerate(split):
        left = 100 - sum(v.percent for v in split)
        percent = grown.percent + min(left, Decimal(more) / 100)
        bigger = [*split]
        bigger[n] = variant(grown.name, percent, n)
        before, after = assign(FEW, split) == grown.name, assign(FEW, bigger) == grown.name
        assert not (before & ~after).any()


@given(splits())
def test_a_variant_that_begins_moves_nobody_out_of_another(split: list[Variant]) -> None:
    before, after = assign(FEW, split[:-1]), assign(FEW, split)

    moved = before != after
    assert set(before.filter(moved)) <= {CHAMPION}
    assert set(after.filter(moved)) <= {v.name for v in split[-1:]}


@given(splits(), st.lists(st.text(max_size=8), unique=True, max_size=30))
def test_a_reader_is_where_she_is_whoever_is_asked_for_beside_her(
    split: list[Variant], user_ids: list[str]
) -> None:
    ids = pl.Series("user_id", user_ids, pl.String)
    together = assign(ids, split[::-1])

    assert together.to_list() == [assign(pl.Series([u]), split).item() for u in user_ids]


@pytest.mark.parametrize(
    "percents", [(10,), (0.01,), (50, 50), (33.33, 33.33, 33.34), (5, 20, 60), (100,)]
)
def test_shares_are_close_to_what_was_set(percents: tuple[float, ...]) -> None:
    split = [variant(f"v{n}", percent, n) for n, percent in enumerate(percents)]

    counts = dict(assign(READERS, split).value_counts().iter_rows())

    n = READERS.len()
    for v in split:
        share = float(v.percent) / 100
        # Four standard deviations of a fair draw.
        assert abs(counts.get(v.name, 0) / n - share) <= 4 * (share * (1 - share) / n) ** 0.5
    assert counts.get(CHAMPION, 0) / n <= 1 - sum(percents) / 100 + 0.015
    if sum(percents) == 100:
        assert CHAMPION not in counts


def test_the_split_does_not_depend_on_other_splits() -> None:
    one, other = (assign(READERS, [variant(name, 50)]) == name for name in ("one", "other"))
    held_out = groups_of(READERS, 7)["group"] == "held_out"

    for left, right in ((one, other), (one, held_out), (other, held_out)):
        both = (left & right).mean()
        assert both == pytest.approx(0.25, abs=0.015)


def test_the_split_is_the_same_for_ever() -> None:
    split = [variant("challenger", 30), variant("b", 30, 1)]

    assert assign(pl.Series(["u1", "u2", "u3", "u4", "ü:5", ""]), split).to_list() == [
        "b",
        "b",
        "champion",
        "b",
        "challenger",
        "champion",
    ]
