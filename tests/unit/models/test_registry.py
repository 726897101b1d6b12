"""The registry: events that add up to a champion, whoever writes them and in whatever order."""

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsrec_pipelines.errors import ModelError
from newsrec_pipelines.models.history import Event, State
from newsrec_pipelines.models.registry import LOG, FileRegistry
from newsrec_pipelines.store import Store
from support.models import make_version

NOON = datetime(2026, 3, 6, 12, tzinfo=UTC)
WHO = {"by": "ana", "why": "because"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store((tmp_path / "store").as_uri())
    for version in "abc":
        make_version(made, version)
    return made


@pytest.fixture
def registry(store: Store) -> FileRegistry:
    return FileRegistry(store)


def files(store: Store) -> list[str]:
    return store.keys(LOG)


def test_without_a_model_it_says_how_to_train_one(registry: FileRegistry) -> None:
    with pytest.raises(ModelError, match="run newsrec train"):
        registry.champion()
    assert registry.challenger() is None
    assert registry.history() == ()


def test_who_was_promoted_last_serves_and_everything_is_told(registry: FileRegistry) -> None:
    registry.promote("a", by="gate", why="the first")
    registry.promote("b", by="ana", why="better")
    assert registry.champion() == "b"
    assert [(e.action, e.version, e.by, e.why) for e in registry.history()] == [
        ("promote", "a", "gate", "the first"),
        ("promote", "b", "ana", "better"),
    ]
    assert registry.versions() == ["a", "b", "c"]


def test_what_is_so_already_is_not_written_again(store: Store, registry: FileRegistry) -> None:
    registry.promote("a", **WHO)
    registry.freeze("a", **WHO)
    registry.challenge("b", **WHO)
    before = files(store)
    registry.promote("a", **WHO)
    registry.freeze("a", **WHO)
    registry.challenge("b", **WHO)
    assert registry.rollback("a", **WHO) == "a"
    registry.restore("a", **WHO)
    assert files(store) == before


def test_the_same_cause_promotes_once_even_after_a_rollback(
    store: Store, registry: FileRegistry
) -> None:
    registry.promote("a", **WHO)
    registry.promote("b", **WHO, cause="gate 2026-03-05")
    registry.rollback(**WHO, cause="alarm 7")
    before = files(store)
    registry.promote("b", **WHO, cause="gate 2026-03-05")
    assert registry.rollback(**WHO, cause="alarm 7") == "a"
    assert registry.champion() == "a"
    assert files(store) == before


def test_rollbacks_go_back_step_by_step(registry: FileRegistry) -> None:
    for version in "abc":
        registry.promote(version, **WHO)
    assert registry.rollback(**WHO) == "b"
    assert registry.rollback(**WHO) == "a"
    with pytest.raises(ModelError, match="no earlier champion"):
        registry.rollback(**WHO)
    assert registry.rollback("c", **WHO) == "c"
    assert registry.rollback(**WHO) == "a"
    assert registry.champion() == "a"


def test_a_rollback_passes_over_a_champion_whose_files_are_gone(registry: FileRegistry) -> None:
    for version in "abc":
        registry.promote(version, **WHO)
    registry.remove("b", **WHO)
    assert registry.rollback(**WHO) == "a"


def test_a_challenger_is_tried_until_it_is_promoted(registry: FileRegistry) -> None:
    registry.promote("a", **WHO)
    registry.challenge("b", **WHO)
    assert (registry.champion(), registry.challenger()) == ("a", "b")
    with pytest.raises(ModelError, match="cannot challenge itself"):
        registry.challenge("a", **WHO)
    registry.promote("b", **WHO)
    assert (registry.champion(), registry.challenger()) == ("b", None)


def test_champion_challenger_and_frozen_versions_cannot_be_removed(
    store: Store, registry: FileRegistry
) -> None:
    registry.promote("a", **WHO)
    registry.challenge("b", **WHO)
    registry.freeze("c", **WHO)
    before = store.keys("models")
    for version, reason in (("a", "champion"), ("b", "challenger"), ("c", "frozen")):
        with pytest.raises(ModelError, match=reason):
            registry.remove(version, **WHO)
    assert store.keys("models") == before


def test_a_frozen_version_that_was_changed_with_its_manifest_serves_no_more(
    store: Store, registry: FileRegistry
) -> None:
    registry.freeze("a", **WHO)
    registry.verify("a")
    manifest = store.read_json("models/a/manifest.json")
    for version in "ab":
        changed = manifest | {"version": version, "git_commit": "another"}
        store.write_json(f"models/{version}/manifest.json", changed)
    registry.verify("b")  # nobody approved it
    for do in (registry.verify, lambda v: registry.promote(v, **WHO)):
        with pytest.raises(ModelError, match="a is frozen, and not what was approved"):
            do("a")
    assert [e.action for e in registry.history()] == ["freeze"]


def test_a_removed_version_is_gone_and_still_told(store: Store, registry: FileRegistry) -> None:
    registry.promote("a", **WHO)
    registry.remove("b", **WHO)
    assert registry.versions() == ["a", "c"]
    assert not store.keys("models/b")
    assert registry.history()[-1].version == "b"
    with pytest.raises(ModelError, match="there is no model b"):
        registry.promote("b", **WHO)


def test_a_damaged_version_can_be_removed(store: Store, registry: FileRegistry) -> None:
    store.write_bytes("models/b/manifest.json", b"{")
    registry.remove("b", **WHO)
    assert registry.versions() == ["a", "c"]


def test_a_removal_that_was_killed_is_completed(
    store: Store, registry: FileRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(key: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "remove", die)
    with pytest.raises(KeyboardInterrupt):
        registry.remove("b", **WHO)
    monkeypatch.undo()
    with pytest.raises(ModelError, match="being removed"):
        registry.promote("b", **WHO)
    registry.remove("b", **WHO)
    assert registry.versions() == ["a", "c"]


def test_a_removed_version_that_was_trained_again_may_serve(
    store: Store, registry: FileRegistry
) -> None:
    registry.remove("b", **WHO)
    make_version(store, "b")
    registry.restore("b", **WHO)
    registry.promote("b", **WHO)
    assert registry.champion() == "b"


@pytest.mark.parametrize("version", ["20260306-00000000", "../secrets", ""])
def test_a_version_that_is_not_there_is_refused(
    store: Store, registry: FileRegistry, version: str
) -> None:
    registry.promote("a", **WHO)
    before = files(store)
    for do in (registry.promote, registry.challenge, registry.freeze, registry.remove):
        with pytest.raises(ModelError, match="there is no model"):
            do(version, **WHO)
    if version:
        with pytest.raises(ModelError, match="there is no model"):
            registry.rollback(version, **WHO)
    assert files(store) == before


def test_a_file_that_is_being_written_does_not_count(store: Store, registry: FileRegistry) -> None:
    registry.promote("a", **WHO)
    store.write_bytes(f"{files(store)[0]}.0f0f.part", b"{")
    assert registry.champion() == "a"


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"action": "promote"}', b'{"surprise": 1}'])
def test_a_damaged_event_is_one_line_and_names_its_file(
    store: Store, registry: FileRegistry, content: bytes
) -> None:
    registry.promote("a", **WHO)
    store.write_bytes(f"{LOG}/20260306T000000.000000Z-x.json", content)
    with pytest.raises(ModelError, match="20260306T000000") as error:
        registry.champion()
    assert len(str(error.value).splitlines()) == 1


def test_a_clock_that_is_behind_does_not_change_the_order(store: Store) -> None:
    FileRegistry(store, lambda: NOON).promote("a", **WHO)
    FileRegistry(store, lambda: NOON - timedelta(hours=2)).promote("b", **WHO)
    FileRegistry(store, lambda: NOON - timedelta(hours=1)).promote("c", **WHO)
    assert FileRegistry(store).champion() == "c"
    assert [e.version for e in FileRegistry(store).history()] == ["a", "b", "c"]


def test_two_writers_lose_nothing_of_each_other(store: Store) -> None:
    start = threading.Barrier(2)

    def freeze(version: str) -> None:
        start.wait()
        FileRegistry(store, lambda: NOON).freeze(version, **WHO)

    writers = [threading.Thread(target=freeze, args=(version,)) for version in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert FileRegistry(store).frozen() == {"a", "b"}


def test_two_promotions_of_one_cause_at_once_count_once(store: Store) -> None:
    # The second has looked before the first wrote.
    between(store, lambda: FileRegistry(store).promote("b", **WHO, cause="gate 1")).promote(
        "b", **WHO, cause="gate 1"
    )
    assert len(files(store)) == 2
    assert [e.version for e in FileRegistry(store).history()] == ["b"]


@pytest.mark.parametrize("hours", [-1, 1])
def test_what_is_removed_while_it_is_promoted_does_not_serve(store: Store, hours: int) -> None:
    FileRegistry(store, lambda: NOON - timedelta(days=1)).promote("a", **WHO)
    behind = FileRegistry(store, lambda: NOON + timedelta(hours=hours))
    registry = between(store, lambda: behind.remove("b", **WHO))
    with pytest.raises(ModelError, match="being removed"):
        registry.promote("b", **WHO)
    assert FileRegistry(store).champion() == "a"
    assert FileRegistry(store).versions() == ["a", "c"]


def test_what_is_promoted_while_it_is_removed_stays(store: Store) -> None:
    registry = between(store, lambda: FileRegistry(store).promote("b", **WHO))
    with pytest.raises(ModelError, match="it is the champion"):
        registry.remove("b", **WHO)
    assert FileRegistry(store).champion() == "b"
    assert "b" in FileRegistry(store).versions()


def test_an_event_in_the_store_is_plain_json(store: Store) -> None:
    FileRegistry(store, lambda: NOON).promote("a", by="ana", why="", cause="gate 1")
    (key,) = files(store)
    assert key.startswith("models/log/20260306T120000.000000Z-")
    assert json.loads(store.read_bytes(key)) == {
        "action": "promote",
        "version": "a",
        "by": "ana",
        "why": "",
        "at": "2026-03-06T12:00:00Z",
        "cause": "gate 1",
    }


_EVENTS = st.lists(
    st.builds(
        Event,
        action=st.sampled_from(["promote", "challenge", "rollback", "freeze", "remove", "restore"]),
        version=st.sampled_from("abc"),
        by=st.just("x"),
        why=st.just(""),
        at=st.just(NOON),
        cause=st.sampled_from([None, None, "one"]),
    ),
    max_size=30,
)


@given(_EVENTS)
def test_whatever_was_done_what_serves_or_is_frozen_is_there(events: list[Event]) -> None:
    state = State.of(events)
    assert not state.removed & {state.champion, state.challenger, *state.frozen}
    assert state.challenger is None or state.challenger != state.champion
    assert state.served >= set(state.champions)
    # What did not count changes nothing.
    assert State.of(state.events) == state
    assert len([e for e in state.events if e.cause]) <= 1


def between(store: Store, meanwhile: Callable[[], object]) -> FileRegistry:
    """A registry that, just before it writes, is overtaken by somebody else."""

    def now() -> datetime:
        waiting, done[:] = not done, [True]
        if waiting:
            meanwhile()
        return NOON

    done: list[bool] = []
    return FileRegistry(store, now)
