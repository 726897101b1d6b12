import polars as pl
import pytest

from newsrec_pipelines.models.feedback import Weights, feedback
from support.factories_models import load_params, make_read, make_reads

WEIGHTS = Weights(full_dwell_seconds=60.0, click=0.1)


def weight_of(*reads: dict[str, object]) -> float:
    return feedback(make_reads(list(reads)), WEIGHTS)["weight"].item()


def test_half_the_full_dwell_weighs_half_and_more_than_full_weighs_one() -> None:
    assert weight_of(make_read("u", "a", 30.0)) == pytest.approx(0.5)
    assert weight_of(make_read("u", "a", 600.0)) == 1.0


def test_unknown_dwell_weighs_as_a_click_and_never_as_zero() -> None:
    assert weight_of(make_read("u", "a", None, kind="click")) == pytest.approx(0.1)


def test_a_click_that_was_left_at_once_weighs_less_than_an_unknown_one() -> None:
    click = make_read("u", "a", None, kind="click")
    assert weight_of(click, make_read("u", "a", 1.0)) == pytest.approx(1 / 60)


def test_a_like_is_a_whole_read_and_hiding_outweighs_everything() -> None:
    like = make_read("u", "a", None, kind="like")
    assert weight_of(make_read("u", "a", 1.0), like) == 1.0
    assert weight_of(like, make_read("u", "a", None, kind="hide")) == -1.0


def test_a_click_is_a_whole_read_in_data_without_any_dwell() -> None:
    clicks = make_reads([make_read("u", "a", None, kind="click")])
    assert Weights.of(clicks, load_params()).click == 1.0
    timed = make_reads([make_read("u", "a", 3.0)])
    assert Weights.of(timed, load_params()).click == load_params().training.click_weight


def test_feedback_has_one_row_a_pair_in_the_order_of_ids() -> None:
    reads = make_reads(
        [make_read(u, a, hours_ago=h) for u, a, h in [("v", "b", 1), ("u", "b", 2), ("v", "b", 3)]]
    )
    rows = feedback(reads, WEIGHTS)
    assert rows.select("user_id", "article_id").rows() == [("u", "b"), ("v", "b")]
    assert rows["last_read_at"][1] == reads["read_at"][0]
    assert rows.schema["weight"] == pl.Float32
