"""What the rules need of the registry: how the champion came to serve, and what it knew."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from newsrec_pipelines import partitions
from newsrec_pipelines.errors import ModelError
from newsrec_pipelines.models.artifacts import ModelManifest, read_manifest
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.models.training_configuration import making
from newsrec_pipelines.store import Store

MONITOR: Final = "monitor"
# Who promotes by rule, after comparing with the champion. Everybody else does it by hand.
_BY_RULE: Final = ("gate", "train", "registry", MONITOR)


@dataclass(frozen=True)
class Champion:
    """The version that serves now.

    Attributes:
        version: its name.
        by_hand: who promoted it; null when a rule did.
        new_configuration: whether it is made in another way than the champion before it.
        undone: whether the monitor went back from it before: a person wanted it again.
        new_reads: reads since the end of its training, as a share of what it knew; null when its
            training is not on record.
    """

    version: str
    by_hand: str | None = None
    new_configuration: bool = False
    undone: bool = False
    new_reads: float | None = None

    @property
    def suspect(self) -> bool:
        """Whether it may be worse than the one before: nobody has compared them."""
        return (self.by_hand is not None or self.new_configuration) and not self.undone


def cause_of(version: str) -> str:
    """What a rollback from `version` is asked by: it happens once."""
    return f"{MONITOR}:{version}"


def look(store: Store, registry: FileRegistry, day: date) -> Champion | None:
    """The champion, as the registry and its manifest say; None when there is none yet."""
    state = registry.state()
    version = state.champion
    if version is None:
        return None
    changes = [e for e in state.events if e.action in ("promote", "rollback")]
    last = next(e for e in reversed(changes) if e.version == version)
    by = last.by if last.by.split(" ")[-1] not in _BY_RULE and last.action == "promote" else None
    before = state.earlier(registry.versions())
    manifest = _manifest(store, version)
    return Champion(
        version,
        by,
        last.action == "promote"
        and before is not None
        and _configuration(manifest) != _configuration(_manifest(store, before)),
        any(e.cause == cause_of(version) for e in state.events),
        _new_reads(store, manifest, day) if manifest else None,
    )


def _manifest(store: Store, version: str) -> ModelManifest | None:
    try:
        return read_manifest(store, version)
    except ModelError:
        return None


def _configuration(manifest: ModelManifest | None) -> object:
    if manifest is None:
        return None
    return manifest.name, making(manifest.params)


def _new_reads(store: Store, manifest: ModelManifest, day: date) -> float | None:
    known = manifest.created_from.get("reads")
    trained = (manifest.as_of - timedelta(microseconds=1)).date()
    if not known:
        return None
    since = partitions.manifests(store, "clean/reads", trained + timedelta(days=1), day)
    return sum(f.rows for m in since for f in m.files) / known
