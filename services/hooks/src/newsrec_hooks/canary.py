"""The decision: which weights of a gateway send which share of the requests to the canary."""

import copy
from typing import Any

FULL = 100


class NoSuchTargetError(Exception):
    """The configuration does not hold the upstream or the target that the settings name."""


def aborted(config: dict[str, Any], upstream: str, canary: str) -> dict[str, Any] | None:
    """The configuration with the canary's weight at 0, or None when nothing has to change.

    When the canary had everything (blue-green at 100), its weight goes to the others: there must
    be somebody who answers.

    Args:
        config: As `GET /config` of Kong without a database tells it: flat lists of entities, in
            which a target names its upstream by id.
        upstream: Name of the upstream.
        canary: `host:port` of the canary's target.

    Raises:
        NoSuchTargetError: when there is no such upstream, canary, or any other target.
    """
    changed = copy.deepcopy(config)
    canaries, others = _targets(changed, upstream, canary)
    for target in canaries:
        target["weight"] = 0
    # Kong's own default, where a target says nothing, is 100.
    if not any(target.get("weight", FULL) for target in others):
        for target in others:
            target["weight"] = FULL
    return changed if changed != config else None


def shared(
    config: dict[str, Any], upstream: str, canary: str, weight: int
) -> dict[str, Any] | None:
    """The configuration with `weight` of 100 for the canary, or None when it is so already.

    The others share the rest by the weights that they have among themselves; 100 for the canary is
    blue-green. Arguments and errors are those of `aborted`.
    """
    changed = copy.deepcopy(config)
    canaries, others = _targets(changed, upstream, canary)
    rest = FULL - weight
    had = [target.get("weight", FULL) for target in others]
    if not any(had):
        had = [1] * len(others)
    for target, share in zip(others, had, strict=True):
        # A version that has a share of the rest keeps at least the smallest one.
        target["weight"] = max(1, round(rest * share / sum(had))) if rest and share else 0
    for target in canaries:
        target["weight"] = weight
    return changed if changed != config else None


def weights(config: dict[str, Any], upstream: str) -> dict[str, int]:
    """Target -> weight, of an upstream.

    Raises:
        NoSuchTargetError: when there is no such upstream.
    """
    return {str(t.get("target")): t.get("weight", FULL) for t in _of(config, upstream)}


def _targets(
    config: dict[str, Any], upstream: str, canary: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The canary's targets and the others, in place."""
    targets = _of(config, upstream)
    canaries = [t for t in targets if t.get("target") == canary]
    others = [t for t in targets if t.get("target") != canary]
    if not canaries:
        raise NoSuchTargetError(f"{upstream} has no target {canary}")
    if not others:
        raise NoSuchTargetError(f"{upstream} has no target but {canary}")
    return canaries, others


def _of(config: dict[str, Any], upstream: str) -> list[dict[str, Any]]:
    ids = {u.get("id") for u in config.get("upstreams") or () if u.get("name") == upstream}
    if not ids:
        raise NoSuchTargetError(f"there is no upstream {upstream}")
    return [t for t in config.get("targets") or () if t.get("upstream") in ids]
