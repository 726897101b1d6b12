"""Each alert has its page and each page its alert, and what the pages tell to type is right."""

import re
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import yaml

from newsrec_api.metrics import Metrics as ApiMetrics
from newsrec_hooks.metrics import Metrics as HooksMetrics
from support.alerting import PROMETHEUS, run
from support.postgres import REPOSITORY

RUNBOOK = REPOSITORY / "docs/runbook"
RULES: list[dict[str, Any]] = [
    rule
    for file in sorted((PROMETHEUS / "rules").glob("*.yml"))
    for group in yaml.safe_load(file.read_text())["groups"]
    for rule in group["rules"]
]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
PAGES = {file.stem: file.read_text() for file in RUNBOOK.glob("*.md") if file.stem != "README"}


def fenced(language: str) -> list[tuple[str, str]]:
    """Every block of that language, with its page."""
    pattern = re.compile(rf"^```{language}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return [(page, block) for page, text in PAGES.items() for block in pattern.findall(text)]


def test_each_alert_has_its_page_and_each_page_its_alert() -> None:
    assert set(PAGES) == set(ALERTS)
    for name, rule in ALERTS.items():
        assert rule["annotations"]["runbook_url"] == f"docs/runbook/{name}.md"
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in ("page", "ticket")


def test_the_index_lists_every_alert_with_what_it_is() -> None:
    listed = re.findall(
        r"^\| \[(\w+)\]\((\w+)\.md\) \| ([\w, -]+) \| \S", (RUNBOOK / "README.md").read_text(), re.M
    )
    told = [(name, page, told) for name, page, told in listed]
    assert sorted(told) == sorted(
        (
            name,
            name,
            ", ".join(rule["labels"][k] for k in ("severity", "action") if k in rule["labels"]),
        )
        for name, rule in ALERTS.items()
    )


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_says_what_it_means_how_to_look_and_how_to_undo(name: str) -> None:
    text = PAGES[name]
    assert text.startswith(f"# {name}\n\n{ALERTS[name]['labels']['severity'].capitalize()}")
    assert re.findall(r"^## (.*)$", text, re.M) == ["Look", "Undo"]
    assert "`" in text.partition("## Look")[2].partition("## Undo")[0]
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert (RUNBOOK / link).exists(), link


def _refused_sql(database_url: str, blocks: list[tuple[str, str]]) -> list[str]:
    """What PostgreSQL says of those that it cannot run."""
    refused = []
    connection = psycopg2.connect(database_url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        for page, sql in blocks:
            try:
                cursor.execute(sql)
            except psycopg2.Error as e:
                refused.append(f"{page}: {e}")
    connection.close()
    return refused


def test_the_sql_of_the_pages_runs(database_url: str) -> None:
    blocks = fenced("sql")
    assert len(blocks) >= 5
    assert _refused_sql(database_url, blocks) == []
    page, sql = blocks[0]
    (refused,) = _refused_sql(database_url, [*blocks, (page, sql.replace("FROM ", "FROM no_"))])
    assert "does not exist" in refused


def _refused_promql(folder: Path, blocks: list[tuple[str, str]]) -> str:
    """What promtool says when it refuses any of them."""
    rules = [{"record": f"page:{page}:{n}", "expr": e} for n, (page, e) in enumerate(blocks)]
    file = folder / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "pages", "rules": rules}]}))
    checked = run("promtool", "check", "rules", str(file))
    return checked.stdout if checked.returncode else ""


def test_the_promql_of_the_pages_is_promql(tmp_path: Path) -> None:
    blocks = fenced("promql")
    assert len(blocks) >= 5
    assert _refused_promql(tmp_path, blocks) == ""
    assert "parse expr" in _refused_promql(tmp_path, [*blocks, ("Page", "sum(up")])


def test_make_has_the_targets_that_the_pages_name() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (REPOSITORY / "Makefile").read_text(), re.M))
    named = {t for text in PAGES.values() for t in re.findall(r"`make ([a-z-]+)", text)}
    assert named
    assert named <= targets


# What others expose: exporters, Alertmanager and Prometheus itself.
FOREIGN = {
    *("up", "alertmanager_notifications_failed_total", "probe_ssl_earliest_cert_expiry"),
    *("node_filesystem_avail_bytes", "node_filesystem_size_bytes"),
}
_NAME = re.compile(r"\b(?:newsrec|node|alertmanager|probe|up)(?:_[a-z_]+)?\b(?![:(])")


def test_every_metric_of_a_rule_or_page_is_one_that_a_program_has() -> None:
    of_services = set()
    for metrics in (ApiMetrics(), HooksMetrics()):
        for family in metrics._registry.collect():
            names = (family.name, *(f"{family.name}_{end}" for end in ("bucket", "count", "sum")))
            of_services |= {*names, f"{family.name}_total"}
    source = "\n".join(
        file.read_text()
        for folder in ("pipelines/src", "pipelines/dags")
        for file in (REPOSITORY / folder).rglob("*.py")
    )
    expressions = [rule["expr"] for rule in RULES] + [e for _, e in fenced("promql")]
    used = {n for e in expressions for n in _NAME.findall(re.sub(r'"[^"]*"', "", e))}
    assert len(used) > 20
    unknown = {n for n in used - of_services - FOREIGN if f'"{n}"' not in source}
    # Volumes are named by the checks that count them.
    assert unknown <= {"newsrec_articles"}
