"""The decision: which weights of a gateway send everything to the stable version."""

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
    ids = {u.get("id") for u in config.get("upstreams") or () if u.get("name") == upstream}
    if not ids:
        raise NoSuchTargetError(f"there is no upstream {upstream}")
    changed = copy.deepcopy(config)
    targets = [t for t in changed.get("targets") or () if t.get("upstream") in ids]
    canaries = [t for t in targets if t.get("target") == canary]
    others = [t for t in targets if t.get("target") != canary]
    if not canaries:
        raise NoSuchTargetError(f"{upstream} has no target {canary}")
    if not others:
        raise NoSuchTargetError(f"{upstream} has no target but {canary}")
    for target in canaries:
        target["weight"] = 0
    # Kong's own default, where a target says nothing, is 100.
    if not any(target.get("weight", FULL) for target in others):
        for target in others:
            target["weight"] = FULL
    return changed if changed != config else None
