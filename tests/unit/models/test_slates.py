from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsrec_pipelines.errors import ModelError
from newsrec_pipelines.features.types import SLATE_SCHEMA
from newsrec_pipelines.models import slates
from newsrec_pipelines.models.slates import SlateRules
from newsrec_pipelines.parameters import SlateParams
from newsrec_pipelines.schemas import UNKNOWN
from support.factories_models import with_params
from support.slate_rules import Candidate, Replay

AS_OF = datetime(2026, 3, 6, tzinfo=UTC)
SEED = 7
# By score alone; each test switches on what it is about.
PLAIN: dict[str, object] = {
    "depth": 10,
    "max_per_publisher": 2,
    "diversity": 0.0,
    "exploration": 0.0,
    "reliability": {"never": 0.1, "held": 0.4},
}


def params(**changes: object) -> SlateParams:
    return with_params(slate=PLAIN | changes).slate


def made(rows: list[Candidate], readers: int = 1, **changes: object) -> pl.DataFrame:
    """Slates of readers who all have the same candidates."""
    articles = pl.DataFrame(rows, schema=list(Candidate._fields), orient="row", strict=False)
    articles = articles.with_columns(pl.col("subcategory").cast(pl.String))
    users = pl.DataFrame({"user_id": [f"u{n}" for n in range(readers)]})
    pairs = (
        articles.select(
            pl.int_range(pl.len()).alias("article_row"), "score", "first", "exposures_24h"
        )
        .join(pl.DataFrame({"user_row": range(readers)}), how="cross")
        .sort("user_row", "article_row")
    )
    rules = SlateRules(articles, users, AS_OF, params(**changes), SEED)
    return rules.construct(pairs)


def order(rows: list[Candidate], **changes: object) -> list[str]:
    return made(rows, **changes)["article_id"].to_list()


def candidates(*rows: tuple[str, str, float, bool]) -> list[Candidate]:
    return [Candidate(a, p, s, first) for a, p, s, first in rows]


def test_the_highest_score_comes_first_and_equal_ones_by_their_id() -> None:
    rows = candidates(("c", "x", 0.5, False), ("b", "y", 0.5, False), ("a", "z", 0.4, False))
    assert order(rows) == ["b", "c", "a"]


def test_first_comes_before_every_score() -> None:
    rows = candidates(("a", "x", 0.9, False), ("c", "y", 0.1, True), ("b", "y", 0.2, True))
    for diversity in (0.0, 0.9):
        assert order(rows, diversity=diversity) == ["b", "c", "a"]


def test_a_publisher_gets_its_places_and_more_only_at_the_end_of_a_short_slate() -> None:
    rows = [Candidate(f"a{n}", "x", 1 - n / 10) for n in range(4)] + [Candidate("z", "y", 0.1)]
    assert order(rows) == ["a0", "a1", "z", "a2", "a3"]
    others = [Candidate(f"b{n:02d}", f"p{n}", 0.2) for n in range(10)]
    assert order(rows + others).count("a2") == 0


def test_articles_of_unknown_publisher_are_not_counted() -> None:
    rows = [Candidate(f"a{n}", UNKNOWN, 1 - n / 10) for n in range(4)] + [Candidate("z", "y", 0.1)]
    assert order(rows) == ["a0", "a1", "a2", "a3", "z"]


def test_topics_take_turns_as_far_as_scores_allow() -> None:
    rows = [
        Candidate("a", "p", 1.0, category="climate", subcategory="ice"),
        Candidate("b", "q", 0.95, category="climate", subcategory="ice"),
        Candidate("c", "r", 0.9, category="climate", subcategory="fire"),
        Candidate("d", "s", 0.8, category="cinema"),
        Candidate("e", "t", 0.0, category="chess"),
    ]
    assert order(rows, diversity=0.0) == ["a", "b", "c", "d", "e"]
    assert order(rows, diversity=0.3) == ["a", "d", "c", "b", "e"]
    assert order(rows, diversity=1.0) == ["a", "d", "e", "c", "b"]
    steps = made(rows, diversity=0.3).select("article_id", "step").rows()
    assert dict(steps) == {
        "a": "ranked",
        "b": "diversified",
        "c": "diversified",
        "d": "diversified",
        "e": "ranked",
    }


def test_a_candidate_far_below_does_not_decide_what_a_score_is_worth() -> None:
    topics = ("climate", "cinema", "chess")
    rows = [Candidate(f"a{n:02d}", f"p{n}", 1 - n / 100, category=topics[n % 3]) for n in range(40)]
    for diversity in (0.1, 0.5):
        with_outlier = [*rows, Candidate("z", "q", -1000.0)]
        assert order(rows, diversity=diversity) == order(with_outlier, diversity=diversity)


def test_a_publisher_held_back_has_one_place_and_none_of_the_first_three() -> None:
    held = [Candidate(f"h{n}", "held", 1 - n / 10) for n in range(4)]
    rows = [*held, *(Candidate(f"a{n}", f"p{n}", 0.5) for n in range(5))]
    assert order(rows) == ["a0", "a1", "a2", "h0", "a3", "a4"]
    # Rather a short slate than one that bends this rule.
    assert order([*held, Candidate("a0", "p", 0.1)]) == ["a0"]


def test_a_publisher_below_the_least_reliability_is_never_placed() -> None:
    rows = [Candidate("a", "never", 1.0), Candidate("b", "p", 0.1)]
    assert order(rows) == ["b"]
    assert order(rows[:1]) == []


def test_readers_without_a_place_get_empty_lists() -> None:
    users = pl.DataFrame({"user_id": ["v", "u0"]})
    placed = made([Candidate("a", "x", 0.5)]).with_columns(
        reason=pl.struct(code=pl.lit("c"), text=pl.lit("t"))
    )
    rows = slates.as_slates(placed, users)
    assert rows.schema == SLATE_SCHEMA
    assert rows["article_ids"].to_list() == [[], ["a"]]
    assert rows["propensities"].to_list() == [[], [1.0]]
    assert slates.empty(users).schema == SLATE_SCHEMA
    assert slates.empty(users)["scores"].to_list() == [[], []]


def test_scores_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ModelError, match="no finite numbers"):
        made([Candidate("a", "x", float("nan"))])


def test_other_columns_are_kept_and_no_candidates_give_no_places() -> None:
    rows = [Candidate("a", "x", 0.5), Candidate("b", "y", 0.7)]
    articles = pl.DataFrame(rows, schema=list(Candidate._fields), orient="row")
    pairs = articles.select(
        "score", "first", "exposures_24h", article_row=pl.Series([0, 1]), row=pl.Series([10, 11])
    ).with_columns(user_row=pl.lit(1))
    users = pl.DataFrame({"user_id": ["u", "v"]})
    rules = SlateRules(articles, users, AS_OF, params(), SEED)
    placed = rules.construct(pairs)
    assert placed.select("user_id", "place", "row").rows() == [("v", 1, 11), ("v", 2, 10)]
    nothing = rules.construct(pairs.clear())
    assert nothing.is_empty()
    assert nothing.schema == placed.schema


# What a slate may be made of: few publishers and topics, so that every rule has work to do.
ROWS = st.lists(
    st.builds(
        Candidate,
        article_id=st.just(""),
        publisher=st.sampled_from(["x", "y", "z", "held", "never", UNKNOWN]),
        score=st.floats(-3, 3),
        first=st.sampled_from([False, False, False, True]),
        category=st.sampled_from(["climate", "cinema", UNKNOWN]),
        subcategory=st.sampled_from([None, "ice", "fire"]),
        exposures_24h=st.sampled_from([0.0, 49.0, 50.0, 1000.0]),
    ),
    min_size=1,
    max_size=30,
).map(lambda rows: [row._replace(article_id=f"a{n:02d}") for n, row in enumerate(rows)])


@settings(max_examples=80, deadline=None)
@given(ROWS, st.sampled_from([0.0, 0.3, 1.0]), st.sampled_from([0.0, 0.4]), st.integers(1, 5))
def test_every_place_obeys_the_rules_and_has_its_exact_propensity(
    rows: list[Candidate], diversity: float, exploration: float, explore_from: int
) -> None:
    changes = {
        "diversity": diversity,
        "exploration": exploration,
        "explore_from": explore_from,
    }
    placed = made(rows, readers=3, **changes)
    rules = params(**changes)
    for (_,), slate in placed.group_by("user_row", maintain_order=True):
        ids = slate["article_id"].to_list()
        assert len(ids) == len(set(ids))
        assert slate["place"].to_list() == list(range(1, len(ids) + 1))
        replay = Replay(rows, rules)
        for article_id, step, propensity in slate.select("article_id", "step", "propensity").rows():
            assert 0 < propensity <= 1
            assert any(
                step in said.steps and propensity == pytest.approx(said.propensity, rel=1e-6)
                for said in replay.place(article_id)
            )
        assert not replay.allowed() or len(ids) == rules.depth
        if not diversity and not exploration:
            assert set(slate["step"]) == {"ranked"}


def test_draws_match_the_propensities() -> None:
    rows = [
        Candidate(f"a{n:02d}", f"p{n % 6}", 1 - n / 20, exposures_24h=0.0 if n % 2 else 99.0)
        for n in range(14)
    ]
    changes = {"exploration": 0.3, "explore_from": 1, "depth": 10, "diversity": 0.3}
    readers = 6000
    placed = made(rows, readers=readers, **changes)
    # The first place has the same propensities for all: 7 unseen articles, each drawn alike.
    top = placed.filter(place=1)["article_id"].value_counts()
    share = dict(top.with_columns(pl.col("count") / readers).rows())
    assert share.pop("a00") == pytest.approx(0.7, abs=0.02)
    assert len(share) == 7
    assert list(share.values()) == pytest.approx([0.3 / 7] * 7, abs=0.01)
    # At every place 1 / propensity counts on average the articles that could have come there
    # (Horvitz & Thompson 1952).
    could, weight = np.zeros(10), np.zeros(10)
    for (_,), slate in placed.filter(pl.col("user_row") < 500).group_by("user_row"):
        replay = Replay(rows, params(**changes))
        for n, (article_id, propensity) in enumerate(
            slate.sort("place").select("article_id", "propensity").rows()
        ):
            could[n] += len(replay.could_come())
            weight[n] += 1 / propensity
            replay.place(article_id)
    np.testing.assert_allclose(weight / could, 1.0, atol=0.2)
    assert placed["step"].eq("explored").mean() == pytest.approx(0.3, abs=0.02)


def test_chance_depends_on_the_reader_the_moment_and_the_seed_and_on_nothing_else() -> None:
    rows = [Candidate(f"a{n:02d}", f"p{n}", -float(n)) for n in range(30)]
    changes = {"exploration": 0.5, "explore_from": 1}
    articles = pl.DataFrame(rows, schema=list(Candidate._fields), orient="row")
    users = pl.DataFrame({"user_id": [f"u{n}" for n in range(40)]})
    pairs = pl.DataFrame({"user_row": range(40)}).join(
        articles.select(
            pl.int_range(pl.len()).alias("article_row"), "score", "first", "exposures_24h"
        ),
        how="cross",
    )

    def rules(as_of: datetime = AS_OF, seed: int = SEED) -> SlateRules:
        return SlateRules(articles, users, as_of, params(**changes), seed)

    whole = rules().construct(pairs)
    part = rules().construct(pairs.filter(pl.col("user_row").is_between(7, 9)).reverse())
    assert part.equals(whole.filter(pl.col("user_row").is_between(7, 9)))
    assert whole["article_id"].n_unique() > 20
    assert whole.group_by("user_row").agg("article_id")["article_id"].n_unique() > 35
    assert not rules(seed=8).construct(pairs).equals(whole)
    assert not rules(datetime(2026, 3, 7, tzinfo=UTC)).construct(pairs).equals(whole)


def test_readers_beyond_one_table_get_what_they_would_get_alone() -> None:
    rng = np.random.default_rng(3)
    count = slates._READERS + 40
    articles = pl.DataFrame(
        [
            Candidate(f"a{n:03d}", f"p{n % 5}", 0.0, category=f"c{n % 3}", exposures_24h=n)
            for n in range(100)
        ],
        schema=list(Candidate._fields),
        orient="row",
    )
    users = pl.DataFrame({"user_id": [f"u{n}" for n in range(count)]})
    size = rng.integers(0, 20, count)
    pairs = pl.DataFrame(
        {
            "user_row": np.repeat(np.arange(count), size),
            "article_row": np.concatenate(
                [np.sort(rng.choice(100, n, replace=False)) for n in size]
            ),
            "score": rng.normal(size=size.sum()),
        }
    )
    pairs = pairs.with_columns(
        articles["exposures_24h"].gather(pairs["article_row"]), first=pl.lit(False)
    )
    rules = SlateRules(articles, users, AS_OF, params(diversity=0.3, exploration=0.2), SEED)
    whole = rules.construct(pairs)
    for row in (0, slates._READERS - 1, slates._READERS, count - 1):
        alone = rules.construct(pairs.filter(user_row=row))
        assert alone.equals(whole.filter(user_row=row))
