"""How a champion came to serve: by a rule or by hand, as the one before it or in a new way."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.monitoring.champions import MONITOR, Champion, cause_of, look
from newsrec_pipelines.partitions import Manifest, PartitionFile, write_manifest
from newsrec_pipelines.store import Store
from support.manifests import write_version

DAY = date(2026, 3, 10)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path.as_uri())


@pytest.fixture
def registry(store: Store) -> FileRegistry:
    """Two versions of one configuration that the gate promoted, and a third of another one."""
    for version, epochs in (("v1", 10), ("v2-same", 10), ("v3-new", 20)):
        write_version(store, version, epochs=epochs)
    registry = FileRegistry(store)
    registry.promote("v1", by="gate", why="first")
    registry.promote("v2-same", by="gate", why="not worse")
    return registry


def champion(store: Store) -> Champion:
    found = look(store, FileRegistry(store), DAY)
    assert found is not None
    return found


def test_a_refit_that_the_gate_promoted_is_no_suspect(store: Store, registry: FileRegistry) -> None:
    assert champion(store) == Champion("v2-same", new_reads=0.0)
    assert not champion(store).suspect


def test_a_new_configuration_is_a_suspect(store: Store, registry: FileRegistry) -> None:
    registry.promote("v3-new", by="gate", why="better")

    assert (champion(store).new_configuration, champion(store).by_hand) == (True, None)
    assert champion(store).suspect


def test_who_is_promoted_by_hand_is_a_suspect_until_it_was_undone(
    store: Store, registry: FileRegistry
) -> None:
    registry.promote("v1", by="ada", why="I like it")
    assert (champion(store).by_hand, champion(store).suspect) == ("ada", True)

    registry.rollback(by=MONITOR, why="worse", cause=cause_of("v1"))
    back = champion(store)
    assert (back.version, back.suspect) == ("v2-same", False)

    registry.promote("v1", by="ada", why="I insist")
    again = champion(store)
    assert (again.undone, again.suspect) == (True, False)


def test_who_came_back_by_a_rollback_is_no_suspect(store: Store, registry: FileRegistry) -> None:
    registry.rollback("v3-new", by="ada", why="try")

    assert not champion(store).suspect


def test_reads_since_the_training_are_counted_by_what_it_knew(
    store: Store, registry: FileRegistry
) -> None:
    write_version(store, "v4", as_of=datetime(2026, 3, 9, tzinfo=UTC), reads=200)
    registry.promote("v4", by="gate", why="newer")
    for day, rows in ((8, 1000), (9, 30), (10, 40), (11, 1000)):
        file = PartitionFile("f", rows, "0")
        write_manifest(store, Manifest("clean/reads", date(2026, 3, day), "b", (file,)))

    assert champion(store).new_reads == pytest.approx(0.35)


def test_without_any_model_there_is_nothing_to_say(store: Store) -> None:
    assert look(store, FileRegistry(store), DAY) is None
