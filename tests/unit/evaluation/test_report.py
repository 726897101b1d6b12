from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import ClassVar

import numpy as np

from newsrec_pipelines.evaluation import report
from newsrec_pipelines.evaluation.evaluate import Evaluation
from newsrec_pipelines.evaluation.evaluate_day import SYSTEMS, DayEvaluation
from newsrec_pipelines.evaluation.metrics import LIST_METRICS, Mean
from newsrec_pipelines.store import Store


def make_evaluation(
    metrics: tuple[str, ...] = report.METRICS, days: int = 3, model: str = "20260306-abcdef01"
) -> Evaluation:
    evaluations = [
        DayEvaluation(
            day=date(2026, 3, 6) + timedelta(days=n),
            metrics={
                s: {m: Mean.of(np.array([0.1 * i, 0.1 * n])) for m in metrics}
                for i, s in enumerate(SYSTEMS, 1)
            },
            counts={"readers": 10},
        )
        for n in range(days)
    ]
    return Evaluation(evaluations, model, sampled_negatives=False, data_hash="0" * 64)


def test_a_metric_that_the_data_cannot_give_is_null_with_a_reason_and_no_number() -> None:
    only_slates = tuple(m for m in report.METRICS if m not in LIST_METRICS)
    made = report.as_json(make_evaluation(only_slates))
    auc = made["metrics"]["news"]["auc"]
    assert auc["value"] is None
    assert auc["reason"].startswith("not available")
    assert "auc" not in report.flat_metrics(make_evaluation(only_slates))["news"]
    assert "not available" in report.as_html(make_evaluation(only_slates))


def test_means_are_over_all_lists_and_readers_of_all_days() -> None:
    flat = report.flat_metrics(make_evaluation())
    assert flat["news"]["recall@10"] == np.mean([0.1, 0.0, 0.1, 0.1, 0.1, 0.2])
    assert list(flat) == list(SYSTEMS)


def test_the_page_needs_no_other_file_and_shows_all_systems() -> None:
    class Sources(HTMLParser):
        found: ClassVar[list[str]] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.found += [v or "" for k, v in attrs if k in ("src", "href")]

    page = report.as_html(make_evaluation())
    parser = Sources()
    parser.feed(page)
    assert len(parser.found) == 4
    assert all(s.startswith("data:image/svg+xml;base64,") for s in parser.found)
    assert all(f">{system}</" in page or f"{system}</td>" in page for system in SYSTEMS)


def test_the_page_is_the_same_for_the_same_numbers() -> None:
    assert report.as_html(make_evaluation()) == report.as_html(make_evaluation())


def test_names_are_escaped_on_the_page() -> None:
    page = report.as_html(make_evaluation(model="<script>alert(1)</script>"))
    assert "<script>" not in page


def test_a_single_day_has_no_plot_by_day_and_a_shorter_name(tmp_path: Path) -> None:
    one = make_evaluation(days=1)
    assert "Day by day" not in report.as_html(one)
    store = Store(tmp_path.as_uri())
    assert report.write(store, one)[0] == "reports/evaluation/2026-03-06.json"
    assert report.write(store, make_evaluation())[-1].endswith("2026-03-06_2026-03-08.html")
    assert store.read_json("reports/evaluation/2026-03-06.metrics.json")["news"]["auc"] > 0
