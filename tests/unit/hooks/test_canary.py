"""The weights that send everything to the stable version, whatever they were."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsrec_hooks.canary import NoSuchTargetError, aborted

STABLE, CANARY = "api:8000", "api-canary:8000"


def config(stable: int | None, canary: int | None) -> dict[str, Any]:
    """What Kong tells, with another upstream whose target has the canary's name."""

    def target(key: str, upstream: str, weight: int | None) -> dict[str, Any]:
        found: dict[str, Any] = {"id": f"{upstream}-{key}", "target": key, "upstream": upstream}
        return found if weight is None else found | {"weight": weight}

    return {
        "_format_version": "3.0",
        "_transform": False,
        "consumers": [{"id": "c", "username": "app", "custom_id": None}],
        "upstreams": [{"id": "u-api", "name": "newsrec-api"}, {"id": "u-x", "name": "other"}],
        "targets": [
            target(STABLE, "u-api", stable),
            target(CANARY, "u-api", canary),
            target(CANARY, "u-x", 50),
        ],
    }


@given(st.integers(0, 65535), st.integers(0, 65535))
def test_all_goes_to_the_stable_version_and_nothing_else_changes(stable: int, canary: int) -> None:
    before = config(stable, canary)
    kept = copy.deepcopy(before)
    after = aborted(before, "newsrec-api", CANARY)
    assert before == kept
    if after is None:
        assert canary == 0
        assert stable > 0
        return
    assert after["targets"][1]["weight"] == 0
    assert after["targets"][0]["weight"] == (stable or 100)
    assert after["targets"][2] == kept["targets"][2]
    assert {k: v for k, v in after.items() if k != "targets"} == {
        k: v for k, v in kept.items() if k != "targets"
    }
    assert aborted(after, "newsrec-api", CANARY) is None


def test_a_target_that_says_no_weight_has_kongs_own() -> None:
    after = aborted(config(None, None), "newsrec-api", CANARY)
    assert after is not None
    assert "weight" not in after["targets"][0]
    assert after["targets"][1]["weight"] == 0


@pytest.mark.parametrize(
    ("upstream", "canary", "dropped"),
    [
        ("none", CANARY, None),
        ("newsrec-api", "none:8000", None),
        ("newsrec-api", CANARY, STABLE),
    ],
)
def test_a_configuration_that_is_not_ours_is_not_touched(
    upstream: str, canary: str, dropped: str | None
) -> None:
    content = config(90, 10)
    content["targets"] = [t for t in content["targets"] if t["target"] != dropped]
    with pytest.raises(NoSuchTargetError):
        aborted(content, upstream, canary)
    with pytest.raises(NoSuchTargetError):
        aborted({}, "newsrec-api", CANARY)
