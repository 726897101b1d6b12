"""The checks of one day's input, out of what the ETL wrote and said."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, Literal

import polars as pl

from newsrec_pipelines import partitions
from newsrec_pipelines.errors import DataError
from newsrec_pipelines.monitoring import frames, sources, volume
from newsrec_pipelines.parameters import CheckParams, Params
from newsrec_pipelines.schemas import ENTITIES, Entity
from newsrec_pipelines.store import Store

NO_HISTORY: Final = "not enough history"
_NAMED: Final = 5  # of the sources that are silent
# Readers join or change their choice when they like: any number of them is usual.
_COUNTED: Final = ("articles", "impressions", "reads")


@dataclass(frozen=True)
class Check:
    """What one check found.

    Attributes:
        name: unique among the checks of a day, e.g. ``articles_volume``.
        severity: what it means when it did not pass: an error stops the training.
        passed: whether all is well.
        detail: in words.
        value: what was measured; null when nothing was.
        low: the least that passes, if there is one.
        high: the most that passes, if there is one.
    """

    name: str
    severity: Literal["error", "warning"]
    passed: bool
    detail: str
    value: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def stops(self) -> bool:
        """Whether nothing may learn from this day."""
        return self.severity == "error" and not self.passed


def run_checks(
    store: Store, day: date, params: Params, counts: Mapping[str, Any] | None
) -> list[Check]:
    """All checks of what arrived on `day`, in a fixed order.

    Args:
        store: with the clean partitions.
        day: the day.
        params: what is usual and what is wrong.
        counts: of the day's last finished ETL run, None when there was none.
    """
    found = [_etl(day, counts)]
    for entity in ENTITIES.values():
        found += _partition(store, entity, day, params)
    for name in _COUNTED:
        found += volume_checks(name, _rows(store, name), day, params.monitoring.checks)
    found.append(_sources(store, day, params.monitoring.checks))
    return found + shares(counts or {}, params.monitoring.checks)


def volume_checks(
    name: str, counts: Mapping[date, int], day: date, params: CheckParams
) -> Iterator[Check]:
    """Whether there are as many rows as usual: fewer stop the training, more only warn."""
    count = counts.get(day, 0)
    if name == "reads" and not count:
        yield Check(f"{name}_volume", "error", False, "no reads", 0)
        return
    expected = volume.usual(counts, day, params)
    if expected is None:
        yield Check(f"{name}_volume", "error", True, f"{count:,} {name}; {NO_HISTORY}", count)
        return
    low, high = volume.bounds(expected, params)
    usual = f"{expected.count:,.0f} are usual (median of {expected.days} {expected.of})"
    if count < low:
        detail = f"fewer {name} than expected: {count:,}, {usual}"
        yield Check(f"{name}_volume", "error", False, detail, count, low, high)
    elif count > high:
        detail = f"more {name} than expected: {count:,}, {usual}"
        yield Check(f"{name}_volume", "warning", False, detail, count, low, high)
    else:
        yield Check(f"{name}_volume", "error", True, f"{count:,} {name}, {usual}", count, low, high)


def shares(counts: Mapping[str, Any], params: CheckParams) -> list[Check]:
    """Dead letters and duplicates among the records that arrived (the counts of an ETL run)."""
    arrived = [counts[name] for name in ENTITIES if name in counts]
    records = sum(c["records"] for c in arrived)
    dead = sum(sum(c["dead_letters"].values()) for c in arrived)
    # `known` are rows that came on an earlier day already.
    copies = sum(c["duplicates"] + c["known"] for c in arrived)
    return [
        _share("dead_letters", "error", dead, records, params.dead_letters),
        _share("duplicates", "warning", copies, records, params.duplicates),
    ]


def failures(checks: Iterable[Check]) -> list[str]:
    """What stops the training, in words."""
    return [f"{c.name}: {c.detail}" for c in checks if c.stops]


def _share(
    name: str, severity: Literal["error", "warning"], part: int, records: int, most: float
) -> Check:
    share = part / records if records else 0.0
    said = f"{part:,} {name.replace('_', ' ')} among {records:,} records ({share:.2%})"
    return Check(name, severity, share <= most, said, share, high=most)


def _etl(day: date, counts: Mapping[str, Any] | None) -> Check:
    if counts is None:
        return Check("etl", "error", False, f"no finished ETL of {day}: run newsrec etl first")
    return Check("etl", "error", True, "finished")


def _partition(store: Store, entity: Entity, day: date, params: Params) -> list[Check]:
    """Its contract, and its unknown names."""
    name, most = f"{entity.name}_schema", params.monitoring.checks.unknown
    try:
        frame = partitions.scan(store, partitions.manifests(store, _clean(entity.name), day, day))
        rows = frame.collect() if frame is not None else None
    except (DataError, pl.exceptions.PolarsError) as e:
        return [Check(name, "error", False, str(e).splitlines()[0])]
    if rows is None:
        return [Check(name, "error", True, "no rows")]
    wrong = frames.faults(rows, entity, day, params.etl)
    found = [Check(name, "error", not wrong, "; ".join(wrong) or f"{rows.height:,} rows")]
    if not wrong and entity.day_field is None:
        share = frames.without_name(rows, entity)
        said = f"{share:.1%} of {rows.height:,} rows with an unknown language, region or category"
        unknown = Check(f"{entity.name}_unknown", "warning", share <= most, said, share, high=most)
        found.append(unknown)
    return found


def _rows(store: Store, name: str) -> dict[date, int]:
    """Rows of each day; a day between others without a partition has none."""
    found = partitions.manifests(store, _clean(name))
    counts = {m.day: sum(f.rows for f in m.files) for m in found}
    if counts:
        first, last = min(counts), max(counts)
        for n in range((last - first).days):
            counts.setdefault(first + timedelta(days=n), 0)
    return counts


def _sources(store: Store, day: date, params: CheckParams) -> Check:
    back = max(params.usual_days, 7 * params.usual_weeks)
    counts: dict[date, dict[str, int]] = {}
    for manifest in partitions.manifests(store, _clean("articles"), day - timedelta(back), day):
        frame = partitions.scan(store, [manifest])
        if frame is not None:
            publishers = frame.group_by("publisher").len().collect()
            counts[manifest.day] = dict(publishers.iter_rows())
    silence = sources.silent(counts, day, params)
    if silence is None:
        return Check("sources", "warning", True, NO_HISTORY)
    if not silence.sources:
        return Check("sources", "warning", True, "all delivered", 0.0, high=params.silent_sources)
    named = ", ".join(silence.sources[:_NAMED])
    more = f" and {others} more" if (others := len(silence.sources) - _NAMED) > 0 else ""
    detail = f"late or silent: {named}{more} ({silence.share:.0%} of the articles)"
    stops: Literal["error", "warning"] = (
        "error" if silence.share > params.silent_sources else "warning"
    )
    return Check("sources", stops, False, detail, silence.share, high=params.silent_sources)


def _clean(name: str) -> str:
    return f"clean/{name}"
