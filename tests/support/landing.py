"""The landing contract as validators, and landing files as records."""

import gzip
import json
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from jsonschema import Draft202012Validator

_CONTRACTS = Path(__file__).parents[2] / "contracts" / "landing"


@cache
def contract(entity: str) -> Draft202012Validator:
    """The validator of one entity's records; formats are checked."""
    schema = json.loads((_CONTRACTS / f"{entity}.schema.json").read_text())
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def records(file: Path) -> list[dict[str, Any]]:
    """The records of a landing file, times as text."""
    if file.suffix == ".parquet":
        rows = pq.read_table(file).to_pylist()
        return [{k: _text(v) for k, v in row.items()} for row in rows]
    data = file.read_bytes()
    lines = gzip.decompress(data) if file.suffix == ".gz" else data
    return [json.loads(line) for line in lines.splitlines()]


def landed(store: Path, entity: str, day: str = "*", check_every: int = 1) -> list[dict[str, Any]]:
    """All records of an entity below a store's folder, checked against their contract."""
    found = []
    for file in sorted((store / "landing" / entity).glob(f"dt={day}/*")):
        for record in records(file):
            if len(found) % check_every == 0:
                contract(entity).validate(record)
            found.append(record)
    return found


def landed_files(store: Path) -> dict[str, bytes]:
    """Every file of the landing zone with its bytes."""
    root = store / "landing"
    return {str(f.relative_to(root)): f.read_bytes() for f in root.rglob("*") if f.is_file()}


def _text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
