"""What is kept of old versions, whatever was done to them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsrec_pipelines.models.history import Event, State
from newsrec_pipelines.models.registry import FileRegistry
from newsrec_pipelines.models.retention import prunable, prune
from newsrec_pipelines.store import Store
from support.factories_models import AS_OF
from support.models import make_version

VERSIONS = [f"2026030{n}-00000000" for n in range(1, 9)]
WHO = {"by": "ana", "why": ""}


@pytest.fixture
def registry(tmp_path: Path) -> FileRegistry:
    store = Store(tmp_path.as_uri())
    for version in VERSIONS:
        make_version(store, version)
    return FileRegistry(store)


def test_the_newest_the_last_champions_and_whatever_is_used_stay(registry: FileRegistry) -> None:
    one, two, three, four, five, six, *newest = VERSIONS
    for version in (one, two, three):
        registry.promote(version, **WHO)
    registry.freeze(four, **WHO)
    registry.challenge(five, **WHO)
    assert prune(registry, 2, [], by="gate") == [one, six]
    assert registry.versions() == [two, three, four, five, *newest]
    assert registry.history()[-1].by == "gate"


def test_a_version_of_a_variant_stays(registry: FileRegistry) -> None:
    registry.promote(VERSIONS[-1], **WHO)
    assert VERSIONS[0] not in prune(registry, 2, [VERSIONS[0]], by="gate")


def test_a_champion_that_one_went_back_to_is_a_late_one(registry: FileRegistry) -> None:
    for version in VERSIONS[:4]:
        registry.promote(version, **WHO)
    registry.rollback(VERSIONS[0], **WHO)
    assert prune(registry, 2, [], by="gate") == [VERSIONS[1], VERSIONS[2], *VERSIONS[4:6]]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["promote", "challenge", "rollback", "freeze"]),
            st.sampled_from(VERSIONS),
        ),
        max_size=20,
    ),
    st.integers(2, 4),
)
def test_what_serves_is_never_pruned(done: list[tuple[str, str]], keep: int) -> None:
    events = [
        Event.parse({"action": a, "version": v, "by": "x", "why": "", "at": AS_OF}, "here")
        for a, v in done
    ]
    state = State.of(events)
    gone = set(prunable(VERSIONS, state, keep, []))
    assert not gone & {state.champion, state.challenger, *state.frozen, *VERSIONS[-keep:]}
    # There is something to go back to.
    assert state.earlier([v for v in VERSIONS if v not in gone]) == state.earlier(VERSIONS)
