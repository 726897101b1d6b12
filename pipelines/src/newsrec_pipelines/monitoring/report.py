"""The monitor's report of a day: JSON for machines, one small HTML page for people."""

from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from newsrec_pipelines.errors import DataError
from newsrec_pipelines.monitoring.drift import Finding
from newsrec_pipelines.monitoring.expectation import Expectation
from newsrec_pipelines.monitoring.quality import Quality
from newsrec_pipelines.monitoring.rules import Alarm
from newsrec_pipelines.monitoring.serving import Serving
from newsrec_pipelines.store import Store

FOLDER: Final = "reports/monitoring"


@dataclass(frozen=True)
class Report:
    """What the monitor found on a day.

    Attributes:
        day: the day.
        alarms: in order of the rules.
        quality: realised quality of the day.
        expectations: what was to be expected.
        drift: of readers, articles and model.
        serving: freshness and coverage of slates.
        pages: Evidently's pages by subject, as names beside the report.
        checks: of `newsrec check`, when it looked at the day.
    """

    day: date
    alarms: list[Alarm]
    quality: list[Quality]
    expectations: list[Expectation]
    drift: list[Finding]
    serving: Serving
    pages: dict[str, str] = field(default_factory=dict)
    checks: list[dict[str, Any]] = field(default_factory=list)


def checks_key(day: date) -> str:
    """Where the checks of a day lie."""
    return f"{FOLDER}/{day}.checks.json"


def drift_key(day: date, subject: str) -> str:
    """Where Evidently's page of a day lies."""
    return f"{FOLDER}/{day}.{subject}.html"


def key(day: date, ending: str = "json") -> str:
    """Where the report of a day lies."""
    return f"{FOLDER}/{day}.{ending}"


def alarms_of(store: Store, day: date) -> list[Alarm]:
    """The alarms of an earlier look at the same day; none when nobody looked, or it is damaged."""
    if not store.exists(key(day)):
        return []
    try:
        return [Alarm(**alarm) for alarm in store.read_json(key(day))["alarms"]]
    except (DataError, KeyError, TypeError):
        return []


def as_json(report: Report) -> dict[str, Any]:
    """The report as JSON; days as text."""
    content = asdict(report)
    content["day"] = str(report.day)
    for q in [*content["quality"], *(e["realised"] for e in content["expectations"])]:
        q["day"] = str(q["day"])
    return content


def as_html(report: Report) -> str:
    """The page."""
    environment = Environment(
        loader=PackageLoader("newsrec_pipelines.monitoring"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    expected = {e.realised.variant: e for e in report.expectations}
    return environment.get_template("day.html").render(report=report, expected=expected)
