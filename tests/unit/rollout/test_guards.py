"""The guard of a variant: it ends what is surely and clearly worse, and nothing else."""

from datetime import date, timedelta

import pytest

from newsrec_pipelines.parameters import VariantParams
from newsrec_pipelines.rollout.guards import Day, breached

PARAMS = VariantParams(least_readers=200, margin=0.1, days=3)


def days(
    dwell: float | None, half: float | None = 2.0, readers: int = 100, n: int = 3
) -> list[Day]:
    """The same numbers on each of `n` days; `half` is half the interval."""
    known = dwell is not None and half is not None
    return [
        Day(
            date(2026, 3, 1) + timedelta(days=d),
            readers,
            dwell,
            dwell - half if known else None,  # type: ignore[operator]
            dwell + half if known else None,  # type: ignore[operator]
        )
        for d in range(n)
    ]


USUAL = days(60.0, 0.5, readers=5000)


def test_what_is_surely_and_clearly_worse_ends_and_says_by_how_much() -> None:
    why = breached(days(45.0), USUAL, PARAMS)

    assert why is not None
    assert why.startswith("45.0 s of dwell a reader, 25% below the champion's 60.0 s")
    # Half an interval: sqrt(2² + 0.5²) / sqrt(3 days) = 1.19
    assert "difference -15.0 s, -16.2 to -13.8; 300 readers in 3 days" in why
    assert "\n" not in why


@pytest.mark.parametrize(
    ("variant", "because"),
    [
        (days(60.0), "it is as good"),
        (days(90.0), "it is better"),
        (days(55.0, 0.1), "it is surely worse, but within the margin"),
        (days(45.0, 40.0), "nobody can be sure yet"),
        (days(45.0, readers=60), "180 readers are too few"),
        (days(45.0, n=1), "100 readers are too few"),
        (days(None), "no dwell is known"),
        (days(45.0, None), "there is no interval"),
        ([], "there is no day"),
    ],
)
def test_everything_else_goes_on(variant: list[Day], because: str) -> None:
    assert breached(variant, USUAL, PARAMS) is None, because


def test_without_a_champion_to_compare_with_it_goes_on() -> None:
    assert breached(days(45.0), [], PARAMS) is None
    other_days = [Day(date(2026, 4, d.day.day), *_rest(d)) for d in USUAL]
    assert breached(days(45.0), other_days, PARAMS) is None
    assert breached(days(45.0), days(0.0), PARAMS) is None


def test_days_are_compared_with_the_same_days_of_the_champion() -> None:
    # On a quiet day everybody reads less: of itself that says nothing of the variant.
    quiet = [*days(60.0, 0.5, n=2), Day(date(2026, 3, 3), 5000, 20.0, 19.5, 20.5)]

    assert breached(quiet, quiet[::-1], PARAMS) is None
    assert breached([quiet[2]], quiet, PARAMS) is None


def test_only_the_last_days_count() -> None:
    recovered = [
        *days(20.0, n=3),
        *(Day(date(2026, 3, 4 + n), 100, 60.0, 58, 62) for n in range(3)),
    ]
    usual = days(60.0, 0.5, n=6)

    assert breached(recovered, usual, PARAMS) is None
    assert breached(recovered[::-1], usual, PARAMS) is None
    assert breached(recovered, usual, PARAMS.model_copy(update={"days": 6})) is not None


def _rest(day: Day) -> tuple[int, float | None, float | None, float | None]:
    return day.readers, day.dwell, day.low, day.high
