"""The JSON of a back-test is what docs/reference/evaluation.md says that it is."""

import json
from typing import Any

import jsonschema
import pytest

from support.backtests import make_backtest
from support.factories_models import with_params

NUMBER = {"type": "number"}
TEXT = {"type": "string"}
COUNT = {"type": "integer", "minimum": 0}


def exactly(**properties: Any) -> dict[str, Any]:
    """An object with these properties, and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def by_name(value: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": value}


ENDS = {"value": NUMBER, "low": {"type": ["number", "null"]}, "high": {"type": ["number", "null"]}}
ESTIMATE = {"oneOf": [exactly(**ENDS, lists=COUNT), exactly(**ENDS, days=COUNT)]}
ESTIMATES = by_name(by_name(ESTIMATE))
MODE = exactly(
    counts=by_name(COUNT),
    metrics={"type": "array", "items": TEXT},
    missing=by_name(TEXT),
    lists=COUNT,
    readers=COUNT,
    systems=ESTIMATES,
    differences=ESTIMATES,
    slices={
        "type": "array",
        "items": exactly(
            slice=TEXT, lists=COUNT, readers=COUNT, systems=ESTIMATES, differences=ESTIMATES
        ),
    },
    ablation={
        "type": "array",
        "items": exactly(
            kind={"enum": ["source", "features", "scorer"]},
            without=TEXT,
            metrics=by_name(ESTIMATE),
            differences=by_name(ESTIMATE),
        ),
    },
    days={
        "type": "array",
        "items": exactly(day=TEXT, lists=COUNT, systems=by_name(by_name(NUMBER))),
    },
)
INTERVAL = {"oneOf": [exactly(value=NUMBER, low=NUMBER, high=NUMBER), {"type": "null"}]}
POLICY = exactly(
    ips=INTERVAL,
    snips=INTERVAL,
    dr=INTERVAL,
    lists=COUNT,
    effective_lists=NUMBER,
    mean_weight=NUMBER,
    clipped=NUMBER,
)
SCHEMA = exactly(
    schema={"const": 1},
    first_day=TEXT,
    last_day=TEXT,
    train_until={"type": ["string", "null"]},
    ours={"const": "news"},
    git_commit=TEXT,
    data_hash=TEXT,
    params={"type": "object"},
    bootstrap=exactly(of={"const": "readers"}, resamples=COUNT, confidence=NUMBER, seed=COUNT),
    sampled_negatives={"type": "boolean"},
    leaks=exactly(moments=COUNT, found={"const": 0}),
    systems=by_name(TEXT),
    metrics=by_name(TEXT),
    modes={
        "type": "object",
        "properties": {"impressions": MODE, "daily": MODE},
        "additionalProperties": False,
    },
    not_evaluated=by_name(TEXT),
    off_policy=exactly(policies=by_name(POLICY), missing={"type": ["string", "null"]}),
)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


@pytest.mark.parametrize("dwell", [True, False])
def test_the_json_is_as_documented(dwell: bool) -> None:
    params = with_params(backtest={"bootstrap": 20})
    made = make_backtest(dwell=dwell).as_json(params, "c0ffee")
    # Strict JSON: no NaN, which other languages cannot read.
    written = json.loads(json.dumps(made, allow_nan=False))
    assert list(VALIDATOR.iter_errors(written)) == []


def test_what_is_not_documented_is_noticed() -> None:
    made = make_backtest(dwell=True).as_json(with_params(backtest={"bootstrap": 20}), "c0ffee")
    written = json.loads(json.dumps(made))
    assert [e.validator for e in VALIDATOR.iter_errors(written | {"surprise": 1})] == [
        "additionalProperties"
    ]
    del written["leaks"]
    assert [e.validator for e in VALIDATOR.iter_errors(written)] == ["required"]
