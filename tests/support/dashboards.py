"""The panels of Grafana's dashboards, and what they ask Prometheus."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.postgres import REPOSITORY

FOLDER = REPOSITORY / "infra/grafana/dashboards"
# What Grafana puts in the place of its own variable, at the least: four times the scrape interval.
_RATE_INTERVAL = "1m"


@dataclass(frozen=True)
class Query:
    """One question of one panel; `where` is dashboard: panel."""

    where: str
    expression: str


def dashboards() -> dict[str, dict[str, Any]]:
    """By the name of their files."""
    return {f.stem: json.loads(f.read_text(encoding="utf-8")) for f in sorted(_files())}


def queries() -> Iterator[Query]:
    """All of all panels, as Prometheus gets them."""
    for name, dashboard in dashboards().items():
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                asked = target["expr"].replace("$__rate_interval", _RATE_INTERVAL)
                yield Query(f"{name}: {panel['title']}", asked)


def _files() -> list[Path]:
    return list(FOLDER.glob("*.json"))
