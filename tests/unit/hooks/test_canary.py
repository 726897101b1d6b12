"""The weights that send everything to the stable version, whatever they were."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsrec_hooks.canary import NoSuchTargetError, aborted, shared, weights

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


@given(st.integers(0, 65535), st.integers(0, 65535), st.integers(0, 100))
def test_a_weight_is_that_share_of_the_requests(stable: int, canary: int, weight: int) -> None:
    before = config(stable, canary)
    after = shared(before, "newsrec-api", CANARY, weight) or before
    assert weights(after, "newsrec-api") == {STABLE: 100 - weight, CANARY: weight}
    assert after["targets"][2] == before["targets"][2]
    assert shared(after, "newsrec-api", CANARY, weight) is None


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=4), st.integers(0, 100))
def test_others_keep_what_they_have_among_themselves(others: list[int], weight: int) -> None:
    before = config(0, 0)
    before["targets"] = [
        {"target": f"api-{n}:8000", "upstream": "u-api", "weight": share}
        for n, share in enumerate(others)
    ] + [{"target": CANARY, "upstream": "u-api", "weight": 0}]
    after = weights(shared(before, "newsrec-api", CANARY, weight) or before, "newsrec-api")
    assert after.pop(CANARY) == weight
    # Rounded, and no version that has a share loses all of it.
    assert abs(sum(after.values()) - (100 - weight)) <= len(others)
    for share, left in zip(others, after.values(), strict=True):
        assert (left > 0) == (weight < 100 and (share > 0 or not any(others)))


@pytest.mark.parametrize("canary", ["none:1", CANARY])
def test_who_is_not_there_gets_no_weight(canary: str) -> None:
    alone = config(1, 1)
    alone["targets"] = [t for t in alone["targets"] if t["target"] != STABLE]
    with pytest.raises(NoSuchTargetError, match="no target"):
        shared(alone, "newsrec-api", canary, 10)
