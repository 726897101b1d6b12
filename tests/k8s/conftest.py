"""Each overlay is built once a session."""

import copy

import pytest

from support.cluster import K8S, OVERLAYS, Object, build


@pytest.fixture(scope="session")
def built() -> dict[str, list[Object]]:
    return {name: build(K8S / "overlays" / name) for name in OVERLAYS}


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest, built: dict[str, list[Object]]) -> list[Object]:
    """The objects of each overlay in turn."""
    return copy.deepcopy(built[request.param])


@pytest.fixture
def kind(built: dict[str, list[Object]]) -> list[Object]:
    """The objects of the overlay `kind`, to look at or to spoil."""
    return copy.deepcopy(built["kind"])
