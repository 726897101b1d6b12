"""Aborting a canary over real HTTP, at nodes that behave like Kong 3.9 without a database."""

import copy
import socket

import pytest

from newsrec_hooks.adapters.deadline import Deadline
from newsrec_hooks.adapters.kong import Kong, nodes, one_family
from newsrec_hooks.errors import RefusedError, UnavailableError
from support.fake_kong import CANARY, STABLE, UPSTREAM, FakeKong, configuration, fake_kong
from support.net import free_port


def abort(address: str, canary: str = CANARY) -> bool:
    return Kong(lambda: nodes(address), UPSTREAM, canary).abort_canary(Deadline.after(20))


def test_the_canary_loses_its_weight_and_everything_else_stays() -> None:
    node = FakeKong()
    before = copy.deepcopy(node.config)
    with fake_kong(node) as address:
        assert abort(address)
        assert node.weights == {STABLE: 90, CANARY: 0}
        assert not abort(address)
    assert node.posts == 1
    before["targets"][1]["weight"] = 0
    assert node.config == before


def test_blue_green_goes_back_to_the_stable_version() -> None:
    node = FakeKong(configuration(0, 100))
    with fake_kong(node) as address:
        assert abort(address)
    assert node.weights == {STABLE: 100, CANARY: 0}


@pytest.mark.parametrize("status", [400, 413])
def test_a_configuration_that_kong_refuses_is_told(status: int) -> None:
    node = FakeKong(refuses=status)
    with fake_kong(node) as address, pytest.raises(RefusedError, match=f"answers {status}") as e:
        abort(address)
    assert "hush-hush" not in str(e.value)
    assert node.weights[CANARY] == 10


@pytest.mark.parametrize("status", [429, 500, 503, 504])
def test_a_busy_kong_is_unavailable(status: int) -> None:
    with fake_kong(FakeKong(refuses=status)) as address, pytest.raises(UnavailableError):
        abort(address)


@pytest.mark.parametrize("text", ["a: [", "- a list", "a text", "!!python/name:os.system x"])
def test_a_configuration_that_is_none_is_told(text: str) -> None:
    node = FakeKong(exported=text)
    with fake_kong(node) as address, pytest.raises(RefusedError):
        abort(address)
    assert node.posts == 0


def test_a_configuration_without_the_canary_is_told_and_left_alone() -> None:
    node = FakeKong()
    with fake_kong(node) as address, pytest.raises(RefusedError, match="no target none:1"):
        abort(address, "none:1")
    assert node.posts == 0


def test_nobody_there_is_unavailable() -> None:
    with pytest.raises(UnavailableError):
        abort(f"http://127.0.0.1:{free_port()}")


def test_every_node_is_told_and_one_that_is_gone_keeps_none_from_it() -> None:
    first, second = FakeKong(), FakeKong()
    with fake_kong(first) as one, fake_kong(second) as two:
        addresses = (one, f"http://127.0.0.1:{free_port()}", two)
        kong = Kong(lambda: [n for a in addresses for n in nodes(a)], UPSTREAM, CANARY)
        with pytest.raises(UnavailableError):
            kong.abort_canary(Deadline.after(20))
    assert [node.weights[CANARY] for node in (first, second)] == [0, 0]


def test_a_silent_node_leaves_time_for_the_others() -> None:
    node = FakeKong()
    with socket.create_server(("127.0.0.1", 0)) as silent, fake_kong(node) as address:
        addresses = (f"http://127.0.0.1:{silent.getsockname()[1]}", address)
        kong = Kong(lambda: [n for a in addresses for n in nodes(a)], UPSTREAM, CANARY)
        with pytest.raises(UnavailableError):
            kong.abort_canary(Deadline.after(8))
    assert node.weights[CANARY] == 0


def test_a_name_is_asked_for_all_its_addresses_of_one_family() -> None:
    four = [(socket.AF_INET, 1, 6, "", (f"10.0.0.{n}", 8001)) for n in (1, 2, 1)]
    six = [(socket.AF_INET6, 1, 6, "", ("fd00::1", 8001, 0, 0))]
    assert one_family(six + four) == ["10.0.0.1", "10.0.0.2"]
    assert one_family(six) == ["fd00::1"]
    assert [(n.host, n.port) for n in nodes("http://127.0.0.1:8001")] == [("127.0.0.1", 8001)]
    with pytest.raises(UnavailableError, match="no address"):
        nodes("http://nobody.invalid:8001")
