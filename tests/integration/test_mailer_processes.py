"""Mailers as processes: killed, two at once, asked to stop: nobody gets two emails."""

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.mail_server import OK, Gate, Mailbox, mail_server
from support.postgres import query
from support.seed_mailer import DAY, email, execute, readers, seed

READERS = 12
Mailer = Callable[[], "subprocess.Popen[str]"]


@pytest.fixture
def server() -> Iterator[Mailbox]:
    with mail_server() as mailbox:
        yield mailbox


@pytest.fixture
def mailer(database_url: str, server: Mailbox) -> Iterator[Mailer]:
    """Starts `newsrec-mailer send` as a process of its own."""
    env = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("SMTP", "LINK_SECRET"))},
        "DATABASE_URL": database_url,
        "SMTP_URL": server.url,
        "MAIL_FROM": "digest@news.example.org",
        "PUBLIC_URL": "https://news.example.org",
        "LINK_SECRET": "a secret of the tests",
    }
    started: list[subprocess.Popen[str]] = []

    def start() -> "subprocess.Popen[str]":
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "newsrec_mailer", "send", "--date", str(DAY)],
                env=env,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate(timeout=250)


def counts(process: "subprocess.Popen[str]") -> Counter[str]:
    """The counts that a mailer prints, after it has ended well."""
    out, err = process.communicate(timeout=250)
    assert process.returncode == 0, err
    assert err == ""
    found = re.findall(r"(sent|refused|deferred|uncertain|skipped|mailer ended) (\d+)", out)
    return Counter({name: int(number) for name, number in found})


def states(url: str) -> Counter[str]:
    rows = query(url, "SELECT state, count(*)::int FROM deliveries GROUP BY state")
    return Counter(dict(rows))  # type: ignore[arg-type]


def wait_until_its_session_ended(url: str) -> None:
    while query(
        url,
        "SELECT 1 FROM pg_stat_activity "
        "WHERE application_name = 'newsrec-mailer' AND datname = current_database()",
    ):
        time.sleep(0.02)


def wait_until_it_heard(process: "subprocess.Popen[str]", signum: signal.Signals) -> None:
    """Wait until a signal is no longer pending: the handler runs before anything else does."""
    while True:
        status = Path(f"/proc/{process.pid}/status").read_text()
        (pending,) = re.findall(r"^ShdPnd:\s*([0-9a-f]+)$", status, re.MULTILINE)
        if not int(pending, 16) >> (signum - 1) & 1:
            return
        time.sleep(0.02)


@contextmanager
def killed_at(process: "subprocess.Popen[str]", gate: Gate) -> Iterator[None]:
    """Kills the process while the server holds it at the gate."""
    assert gate.reached.wait(250)
    yield
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=250)
    gate.go_on.set()


@pytest.mark.parametrize(
    ("hook", "arrived"),
    [("on_data", 1), ("on_rcpt", 0)],
    ids=["after the message arrived", "before the message left"],
)
def test_kill_9_in_the_middle_and_the_same_command_again(
    database_url: str, server: Mailbox, mailer: Mailer, hook: str, arrived: int
) -> None:
    seed(database_url, readers(READERS))
    victim = email("u0005")
    gate = Gate(victim)
    setattr(server, hook, gate)

    with killed_at(mailer(), gate):
        assert states(database_url) == {"sent": 5, "claimed": 1}
    wait_until_its_session_ended(database_url)
    setattr(server, hook, lambda _: OK)
    again = counts(mailer())

    # Whether the victim's message arrived, nobody but this test can know.
    assert again == {
        "sent": READERS - 6,
        "refused": 0,
        "deferred": 0,
        "uncertain": 0,
        "skipped": 6,
        "mailer ended": 1,
    }
    assert states(database_url) == {"sent": READERS - 1, "uncertain": 1}
    received = Counter(server.recipients())
    assert received.pop(victim, 0) == arrived
    assert received == Counter(email(f"u{n:04}") for n in range(READERS) if n != 5)
    third = counts(mailer())
    assert (third["sent"], third["skipped"], third["mailer ended"]) == (0, READERS, 0)
    assert server.recipients() == list(dict.fromkeys(server.recipients()))


def test_the_claims_of_a_living_mailer_are_left_alone(
    database_url: str, server: Mailbox, mailer: Mailer
) -> None:
    seed(database_url, readers(READERS))
    server.on_data = gate = Gate(email("u0005"))
    first = mailer()
    assert gate.reached.wait(250)

    second = counts(mailer())

    assert second["sent"] == READERS - 6
    assert states(database_url) == {"sent": READERS - 1, "claimed": 1}
    gate.go_on.set()
    assert counts(first)["sent"] == 6
    assert states(database_url) == {"sent": READERS}
    assert sorted(server.recipients()) == [email(f"u{n:04}") for n in range(READERS)]


def test_two_mailers_at_once_share_the_readers(
    database_url: str, server: Mailbox, mailer: Mailer
) -> None:
    many = 120
    seed(database_url, readers(many))
    both = [mailer(), mailer()]
    results = [counts(process) for process in both]
    assert sum(r["sent"] for r in results) == many
    assert all(sum(r.values()) == many for r in results)
    assert states(database_url) == {"sent": many}
    assert Counter(server.recipients()) == Counter(email(f"u{n:04}") for n in range(many))


def test_a_mailer_asked_to_stop_finishes_its_message_and_says_how_to_go_on(
    database_url: str, server: Mailbox, mailer: Mailer
) -> None:
    seed(database_url, readers(READERS))
    server.on_data = gate = Gate(email("u0003"))
    process = mailer()
    assert gate.reached.wait(250)
    process.send_signal(signal.SIGTERM)
    wait_until_it_heard(process, signal.SIGTERM)
    gate.go_on.set()
    out, err = process.communicate(timeout=250)
    assert process.returncode == 1
    assert "sent 4, refused 0" in out
    assert err == "newsrec-mailer: stopped as asked; the same command goes on with the others\n"
    assert states(database_url) == {"sent": 4}


def test_a_database_that_ends_between_claim_and_answer_leaves_an_uncertain_delivery(
    database_url: str, server: Mailbox, mailer: Mailer
) -> None:
    seed(database_url, readers(READERS))
    server.on_data = gate = Gate(email("u0005"))
    process = mailer()
    assert gate.reached.wait(250)
    execute(
        database_url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'newsrec-mailer' AND datname = current_database()",
    )
    wait_until_its_session_ended(database_url)
    gate.go_on.set()
    _, err = process.communicate(timeout=250)
    assert process.returncode == 1
    assert err.startswith("newsrec-mailer: PostgreSQL: ")
    assert len(err.splitlines()) == 1

    assert counts(mailer())["mailer ended"] == 1
    assert states(database_url) == {"sent": READERS - 1, "uncertain": 1}
    assert Counter(server.recipients()) == Counter(email(f"u{n:04}") for n in range(READERS))
