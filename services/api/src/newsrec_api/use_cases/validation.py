"""Small checks that bodies share, and how their failures are told."""

from typing import Any

from pydantic import ValidationError

# Ids are opaque text, but control characters and slashes could not be addressed in a URL.
ID_PATTERN = r"^[^/\x00-\x1f\x7f]+$"


def problems(error: ValidationError) -> str:
    """All failures in one line, never with the values that were sent."""
    return "; ".join(f"{p['field']}: {p['detail']}" for p in problem_list(error))


def problem_list(error: ValidationError) -> list[dict[str, str]]:
    """One object per failure: the field's path, and what is wrong with it."""
    return [
        {
            "field": ".".join(str(part) for part in e["loc"]) or "body",
            "detail": e["msg"].removeprefix("Value error, "),
        }
        for e in error.errors(include_url=False, include_input=False, include_context=False)[:20]
    ]


def has_nul(value: Any) -> bool:
    """Whether any text inside holds U+0000, which PostgreSQL cannot keep."""
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any(has_nul(k) or has_nul(v) for k, v in value.items())
    return isinstance(value, list) and any(has_nul(v) for v in value)
