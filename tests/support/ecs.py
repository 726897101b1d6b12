"""What the log of any of our programs must look like: JSON lines of the Elastic Common Schema."""

import json
import re
from datetime import datetime
from typing import Any

_LEVELS = {"debug", "info", "warning", "error", "critical"}
# Field sets of ECS that we use (https://www.elastic.co/docs/reference/ecs); ours are below newsrec.
_SETS = {"log", "ecs", "service", "event", "http", "error", "process", "newsrec"}
_BASE = {"@timestamp", "message"}
_NAME = re.compile(r"[a-z_]+(\.[a-z_]+)*")


def lines(text: str) -> list[dict[str, Any]]:
    """Every line, read and held against the schema.

    Raises:
        AssertionError: with the line that is wrong.
    """
    found = []
    for line in text.splitlines():
        try:
            entry = json.loads(line)
        except ValueError as e:
            raise AssertionError(f"not JSON: {line}") from e
        entry = _dotted(entry)
        assert wrong_with(entry) == [], line
        found.append(entry)
    return found


def _dotted(entry: dict[str, Any], before: str = "") -> dict[str, Any]:
    """Objects as dotted names: to ECS both are the same."""
    found: dict[str, Any] = {}
    for name, value in entry.items():
        more = (
            _dotted(value, f"{before}{name}.")
            if isinstance(value, dict)
            else {f"{before}{name}": value}
        )
        twice = set(found) & set(more)
        assert not twice, f"said twice: {sorted(twice)}"
        found |= more
    return found


def wrong_with(entry: dict[str, Any]) -> list[str]:
    """What is missing or has no place in ECS."""
    wrong = [
        f"no {name}"
        for name in ("@timestamp", "log.level", "message", "ecs.version", "service.name")
        if not isinstance(entry.get(name), str)
    ]
    if wrong:
        return wrong
    moment = datetime.fromisoformat(entry["@timestamp"])
    if moment.utcoffset() is None or moment.utcoffset().total_seconds():  # type: ignore[union-attr]
        wrong.append(f"{entry['@timestamp']} is not UTC")
    if entry["log.level"] not in _LEVELS:
        wrong.append(f"level {entry['log.level']}")
    for name in set(entry) - _BASE:
        if not _NAME.fullmatch(name) or name.partition(".")[0] not in _SETS or "." not in name:
            wrong.append(f"{name} is no field of ECS, nor below newsrec")
    # One object and one value cannot have the same name.
    names = set(entry)
    wrong += [
        f"{n} is a value and an object" for n in names for m in names if m.startswith(f"{n}.")
    ]
    return wrong
