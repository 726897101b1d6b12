import json
import re
from dataclasses import replace
from datetime import date
from functools import cache
from html.parser import HTMLParser

from newsrec_pipelines.evaluation import descriptions
from newsrec_pipelines.evaluation.backtest_report import as_html
from newsrec_pipelines.evaluation.result import Backtest
from support.backtests import SYSTEMS, make_backtest
from support.factories_models import with_params


def as_json(found: Backtest) -> dict:
    return json.loads(
        json.dumps(
            found.as_json(with_params(backtest={"bootstrap": 50}), "c0ffee"), allow_nan=False
        )
    )


@cache
def page() -> str:
    return as_html(as_json(make_backtest()))


def test_every_number_on_the_page_is_in_the_json() -> None:
    made = as_json(make_backtest())
    numbers: set[str] = set()

    def walk(value: object) -> None:
        if isinstance(value, dict):
            for part in value.values():
                walk(part)
        elif isinstance(value, list):
            for part in value:
                walk(part)
        elif isinstance(value, float):
            numbers.update((f"{value:.4f}", f"{value:+.4f}"))

    walk(made)
    text = re.sub(r"data:image[^\"]*|<style>.*</style>", "", page(), flags=re.DOTALL)
    shown = set(re.findall(r"[+-]?\d+\.\d{4}", text))
    assert len(shown) > 300
    assert shown <= numbers


def test_the_page_needs_no_other_file_and_names_everything() -> None:
    sources: list[str] = []

    class Sources(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            sources.extend(v or "" for k, v in attrs if k in ("src", "href"))

    Sources().feed(page())
    assert sources
    assert all(s.startswith("data:image/svg+xml;base64,") for s in sources)
    for name in (*SYSTEMS, *descriptions.METRICS, "als (candidates)", "clicks (features)"):
        assert name in page()


def test_the_same_result_gives_the_same_page() -> None:
    assert as_html(as_json(make_backtest())) == page()


def test_data_without_dwell_says_so() -> None:
    made = as_json(make_backtest(dwell=False))
    daily = made["modes"]["daily"]
    assert daily["missing"] == {"dwell_ndcg@10": "not available: the data has no dwell"}
    assert "dwell_ndcg@10" not in daily["systems"]["news"]
    assert "the data has no dwell" in as_html(made)


def test_a_mode_that_the_data_does_not_allow_has_its_reason() -> None:
    found = make_backtest()
    only = replace(
        found,
        evaluated={"daily": found.evaluated["daily"]},
        missing={"impressions": "no list was shown"},
    )
    made = as_json(only)
    assert list(made["modes"]) == ["daily"]
    assert "auc" not in made["metrics"]
    assert "no list was shown" in as_html(made)


def test_drawn_negatives_and_one_model_are_said() -> None:
    text = as_html(
        as_json(replace(make_backtest(), sampled_negatives=True, train_until=date(2026, 3, 5)))
    )
    assert "drawn at random" in text
    assert "by the end of 2026-03-05" in text


def test_a_single_day_has_no_plot_by_day() -> None:
    one = replace(
        make_backtest(1), evaluated={"impressions": make_backtest(1).evaluated["impressions"]}
    )
    assert "day by day" not in as_html(as_json(one))
    assert "day by day" in page()
