"""Which versions may go: neither new, nor serving, nor among the last that did."""

from collections.abc import Collection, Sequence

from newsrec_pipelines.models.history import State
from newsrec_pipelines.models.registry import FileRegistry


def prunable(
    versions: Sequence[str], state: State, keep: int, in_use: Collection[str]
) -> list[str]:
    """Versions that nobody will go back to.

    Args:
        versions: all there are, oldest first.
        state: of the registry.
        keep: so many of the newest stay, and so many of the last champions.
        in_use: stay, too, such as those of variants.
    """
    served = [e.version for e in state.events if e.action in ("promote", "rollback")]
    last = list(dict.fromkeys(reversed(served)))[:keep]
    kept = {*versions[-keep:], *last, *in_use, state.earlier(versions)}
    return [v for v in versions if v not in kept and state.holds(v) is None]


def prune(registry: FileRegistry, keep: int, in_use: Collection[str], *, by: str) -> list[str]:
    """Remove what `prunable` says; returns it."""
    gone = prunable(registry.versions(), registry.state(), keep, in_use)
    for version in gone:
        registry.remove(version, by=by, why=f"neither of the newest {keep} nor a late champion")
    return gone
