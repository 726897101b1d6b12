"""The picture of what the trees look at: every bar, in order, and nothing that is not a name."""

from xml.etree import ElementTree

import pytest

from newsrec_pipelines.training.plots import importance

SVG = "{http://www.w3.org/2000/svg}"


def texts(shares: dict[str, float]) -> list[str]:
    return [t.text or "" for t in ElementTree.fromstring(importance(shares)).iter(f"{SVG}text")]


def test_the_largest_is_first_and_widest() -> None:
    shares = {"age": 0.25, "als": 0.5, "unused": 0.0, "content": 0.25}
    assert texts(shares)[1:] == ["als", "50.0%", "age", "25.0%", "content", "25.0%"]
    bars = [
        float(r.get("width", "0"))
        for r in ElementTree.fromstring(importance(shares)).iter(f"{SVG}rect")
        if r.get("fill") == "#0b5fff"
    ]
    assert bars[0] == pytest.approx(2 * bars[1])


def test_only_so_many_are_shown_and_the_title_says_so() -> None:
    found = texts({f"c{n}": 1 / 50 for n in range(50)})
    assert found[0].endswith(": 30 of 50")
    assert len(found) == 1 + 2 * 30


def test_a_name_is_text_and_no_markup() -> None:
    assert texts({"<b>&": 1.0})[1] == "<b>&"


def test_a_ranker_that_learnt_nothing_has_an_empty_picture() -> None:
    assert len(texts({})) == 1
