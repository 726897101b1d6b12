"""Hanging up: on who has waited for too long, and on nobody else."""

import socket
from typing import Any

import pytest

from newsrec_api.repositories.watch import Watch


class Line:
    """What the watch knows of a connection: a descriptor."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def fileno(self) -> int:
        return self._end.fileno()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watch(clock: Clock) -> Watch:
    return Watch(6.0, clock)


@pytest.fixture
def pair():
    ends = socket.socketpair()
    for end in ends:
        end.settimeout(5)
    yield ends
    for end in ends:
        end.close()


def test_who_waits_too_long_is_hung_up_on_once(watch: Watch, clock: Clock, pair: Any) -> None:
    ours, theirs = pair
    line: Any = Line(ours)
    watch.begin(line)
    clock.now = 6.1
    watch.hang_up()
    assert theirs.recv(1) == b""
    assert not watch.end(line)
    assert ours.fileno() >= 0, "its own descriptor is for its owner to close"


def test_who_has_time_left_or_waits_no_more_is_left_alone(
    watch: Watch, clock: Clock, pair: Any
) -> None:
    ours, theirs = pair
    line: Any = Line(ours)
    watch.begin(line)
    clock.now = 5.9
    watch.hang_up()
    assert watch.end(line)
    clock.now = 60.0
    watch.hang_up()
    ours.sendall(b"x")
    assert theirs.recv(1) == b"x"


def test_a_connection_that_is_closed_already_does_no_harm(
    watch: Watch, clock: Clock, pair: Any
) -> None:
    ours, _ = pair
    gone: Any = Line(socket.socket())
    gone._end.close()
    line: Any = Line(ours)
    watch.begin(gone)
    watch.begin(line)
    clock.now = 7.0
    watch.hang_up()
    assert not watch.end(line)
