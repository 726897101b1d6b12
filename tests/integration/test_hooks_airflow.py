"""Starting runs over real HTTP, at an Airflow that behaves like 3.3's."""

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date

import pytest

from newsrec_hooks.adapters.airflow import Airflow
from newsrec_hooks.adapters.deadline import Deadline
from newsrec_hooks.adapters.interfaces import DagRun
from newsrec_hooks.errors import RefusedError, UnavailableError
from support.fake_airflow import PASSWORD, USER, FakeAirflow, fake_airflow
from support.net import free_port

RUN = DagRun(
    dag_id="retrain",
    run_id="alert__3f9c1a2b4d5e6f70__20260308T061230.123456Z",
    day=date(2026, 3, 7),
    alert={"name": "ModelDegraded"},
)


@pytest.fixture
def server() -> FakeAirflow:
    return FakeAirflow()


@pytest.fixture
def airflow(server: FakeAirflow) -> Iterator[Airflow]:
    with fake_airflow(server) as address:
        yield Airflow(address, USER, PASSWORD)


def soon() -> Deadline:
    return Deadline.after(20)


def test_a_run_is_started_once_with_its_conf_and_one_login(
    airflow: Airflow, server: FakeAirflow
) -> None:
    assert airflow.start(RUN, soon())
    assert not airflow.start(RUN, soon())
    ((dag_id, body),) = server.runs
    assert dag_id == "retrain"
    assert body["dag_run_id"] == RUN.run_id
    assert body["logical_date"] is None
    assert body["conf"] == {"alert": {"name": "ModelDegraded"}, "day": "2026-03-07"}
    assert server.logins == 1


def test_an_expired_token_and_a_changed_secret_ask_for_a_new_login(
    airflow: Airflow, server: FakeAirflow
) -> None:
    airflow.start(RUN, soon())
    server.expire_tokens()
    assert not airflow.start(RUN, soon())
    server.change_secret()
    assert not airflow.start(RUN, soon())
    assert (server.logins, server.refused) == (3, 2)
    assert not airflow.start(RUN, soon())
    assert server.logins == 3


def test_of_many_at_once_one_starts_the_run_and_one_logs_in(
    airflow: Airflow, server: FakeAirflow
) -> None:
    together = threading.Barrier(4)

    def start(_: int) -> bool:
        together.wait(10)
        return airflow.start(RUN, soon())

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(start, range(4))) == [False, False, False, True]
    assert len(server.runs) == 1
    assert server.logins == 1


def test_a_wrong_password_a_missing_dag_and_a_forbidden_one_are_refusals(
    airflow: Airflow, server: FakeAirflow
) -> None:
    with fake_airflow(server) as address, pytest.raises(RefusedError, match="login"):
        Airflow(address, USER, "wrong").start(RUN, soon())
    server.forbidden = True
    with pytest.raises(RefusedError, match="answers 403"):
        airflow.start(RUN, soon())
    server.forbidden = False
    server.dags = ()
    with pytest.raises(RefusedError, match="answers 404"):
        airflow.start(RUN, soon())
    assert server.runs == []


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
def test_a_failing_airflow_is_unavailable_and_not_quoted(
    airflow: Airflow, server: FakeAirflow, status: int
) -> None:
    server.failing_with = status
    with pytest.raises(UnavailableError, match=f"Airflow answers {status}") as error:
        airflow.start(RUN, soon())
    assert "hush-hush" not in str(error.value)


def test_nobody_there_is_unavailable() -> None:
    with pytest.raises(UnavailableError, match="Airflow does not answer"):
        Airflow(f"http://127.0.0.1:{free_port()}", USER, PASSWORD).start(RUN, soon())


def test_a_silent_airflow_costs_no_more_than_the_deadline(
    airflow: Airflow, server: FakeAirflow
) -> None:
    server.go_on.clear()
    with pytest.raises(UnavailableError):
        airflow.start(RUN, Deadline.after(0.3))
    server.go_on.set()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),  # never done with its headers
        (HEAD + b"Content-Length: 1000000\r\n\r\n", b" "),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (HEAD + b"\r\n", b" "),  # until it closes
    ],
)
def test_an_airflow_that_trickles_is_ended_by_the_deadline(head: bytes, piece: bytes) -> None:
    with _trickling(head, piece) as address, pytest.raises(UnavailableError):
        Airflow(address, USER, PASSWORD).start(RUN, Deadline.after(0.5))


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"no HTTP at all\r\n\r\n",
        HEAD + b'Content-Length: 50\r\n\r\n{"access_token":',  # breaks off
        HEAD + b"Content-Length: 99999999\r\n\r\n" + b" " * (16 * 1024 * 1024 + 1),
    ],
)
def test_half_an_answer_and_too_much_of_one_are_unavailable(answer: bytes) -> None:
    with _once(answer) as address, pytest.raises(UnavailableError):
        Airflow(address, USER, PASSWORD).start(RUN, soon())


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'{"access_token": 7}', b"<html>"])
def test_a_login_without_a_token_is_a_refusal(body: bytes) -> None:
    answer = HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode() + body
    with _once(answer) as address, pytest.raises(RefusedError, match="login"):
        Airflow(address, USER, PASSWORD).start(RUN, soon())


@contextmanager
def _trickling(head: bytes, piece: bytes) -> Iterator[str]:
    """A server that sends the head, then a piece every so often for as long as somebody listens."""
    done = threading.Event()

    def talk(connection: socket.socket) -> None:
        with connection:
            try:
                connection.sendall(head)
                while not done.wait(0.02):
                    connection.sendall(piece)
            except OSError:
                pass

    with _listening(talk) as address:
        yield address
        done.set()


@contextmanager
def _once(answer: bytes) -> Iterator[str]:
    """A server that says this, whatever it is asked, and closes."""

    def talk(connection: socket.socket) -> None:
        with connection:
            try:
                connection.recv(65536)
                connection.sendall(answer)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass
            except OSError:
                pass

    with _listening(talk) as address:
        yield address


@contextmanager
def _listening(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=lambda: talk(server.accept()[0]), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join(10)
