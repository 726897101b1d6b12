"""Against a real SMTP server: what each answer and each broken phase means."""

import socket
import threading
from collections.abc import Iterator

import pytest

from newsrec_mailer.errors import TransportError
from newsrec_mailer.settings import SmtpSettings
from newsrec_mailer.smtp import Smtp
from newsrec_mailer.transport import Answer, Mail, Outcome
from support.mail_server import OK, Gate, Mailbox, mail_server


@pytest.fixture
def server() -> Iterator[Mailbox]:
    with mail_server() as mailbox:
        yield mailbox


def to(port: int, timeout: float = 5.0) -> Smtp:
    return Smtp(
        SmtpSettings(
            host="127.0.0.1",
            port=port,
            user=None,
            password=None,
            tls=False,
            starttls=False,
            timeout=timeout,
        )
    )


@pytest.fixture
def smtp(server: Mailbox) -> Iterator[Smtp]:
    smtp = to(server.port)
    smtp.open()
    yield smtp
    smtp.close()


def mail(name: str = "u1") -> Mail:
    content = f"To: {name}@readers.example\r\n\r\n.Hello\r\n.\r\nBye\r\n".encode()
    return Mail("digest@news.example.org", f"{name}@readers.example", f"<{name}@x>", content)


def test_many_messages_share_one_session(server: Mailbox, smtp: Smtp) -> None:
    assert [smtp.send(mail(f"u{n}")).outcome for n in range(5)] == [Outcome.SENT] * 5
    assert server.sessions == 1
    assert server.accepted[0] == mail("u0").content  # lines that begin with a dot arrive whole


@pytest.mark.parametrize("hook", ["on_rcpt", "on_data"])
@pytest.mark.parametrize(
    ("reply", "outcome"),
    [("550 no such reader", Outcome.REFUSED), ("451 try again later", Outcome.DEFERRED)],
)
def test_an_answer_that_says_no_is_believed_and_the_session_goes_on(
    server: Mailbox, smtp: Smtp, hook: str, reply: str, outcome: Outcome
) -> None:
    setattr(server, hook, lambda _: reply)
    assert smtp.send(mail()) == Answer(outcome, reply)
    setattr(server, hook, lambda _: OK)
    assert smtp.send(mail()) == Answer(Outcome.SENT)
    assert len(server.accepted) == 1
    assert server.sessions == 1


def test_a_server_that_closes_with_an_answer_has_not_taken_the_message(
    server: Mailbox, smtp: Smtp
) -> None:
    server.on_data = lambda _: "421 4.3.2 shutting down"
    assert smtp.send(mail("u1")) == Answer(Outcome.DEFERRED, "421 4.3.2 shutting down")
    server.on_data = lambda _: OK
    assert smtp.send(mail("u2")) == Answer(Outcome.SENT)
    assert server.sessions == 2


def test_a_connection_lost_after_data_is_uncertain_and_not_sent_again(
    server: Mailbox, smtp: Smtp
) -> None:
    server.on_data = lambda _: "drop"
    assert smtp.send(mail()).outcome is Outcome.UNCERTAIN
    assert len(server.accepted) == 1
    server.on_data = lambda _: OK
    assert smtp.send(mail("u2")).outcome is Outcome.SENT
    assert server.recipients() == ["u1@readers.example", "u2@readers.example"]


def test_a_server_that_does_not_answer_in_time_is_uncertain(server: Mailbox) -> None:
    server.on_data = gate = Gate("u1@readers.example")
    smtp = to(server.port, timeout=0.3)
    assert smtp.send(mail()).outcome is Outcome.UNCERTAIN
    gate.go_on.set()
    smtp.close()


@pytest.mark.parametrize("hook", ["on_mail", "on_rcpt"])
@pytest.mark.parametrize("reply", ["drop", "421 too many messages"])
def test_a_session_that_ends_before_data_is_opened_again_for_the_same_message(
    server: Mailbox, smtp: Smtp, hook: str, reply: str
) -> None:
    replies = [OK, reply]
    setattr(server, hook, lambda _: replies.pop(0) if replies else OK)
    assert smtp.send(mail("u1")).outcome is Outcome.SENT
    assert smtp.send(mail("u2")).outcome is Outcome.SENT
    assert server.recipients() == ["u1@readers.example", "u2@readers.example"]
    assert server.sessions == 2


@pytest.mark.parametrize("hook", ["on_mail", "on_rcpt"])
def test_a_server_that_ends_every_session_is_no_transport(
    server: Mailbox, smtp: Smtp, hook: str
) -> None:
    setattr(server, hook, lambda _: "drop")
    with pytest.raises(TransportError, match=r"the mail server 127.0.0.1:\d+ ends every session"):
        smtp.send(mail())
    assert server.accepted == []


def test_a_refused_sender_concerns_everybody(server: Mailbox, smtp: Smtp) -> None:
    server.on_mail = lambda _: "550 you may not send"
    with pytest.raises(TransportError, match=r"refuses digest@news\.example\.org: 550 you may"):
        smtp.send(mail())


def test_a_server_that_wants_a_login_concerns_everybody(server: Mailbox, smtp: Smtp) -> None:
    server.on_rcpt = lambda _: "530 5.7.0 Authentication required"
    with pytest.raises(TransportError, match="wants a login"):
        smtp.send(mail())


def test_nobody_there_is_one_clear_line() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(TransportError, match=f"cannot reach the mail server 127.0.0.1:{port}: "):
        to(port).open()


def test_a_server_without_starttls_gets_no_password(server: Mailbox) -> None:
    smtp = Smtp(
        SmtpSettings(
            host="127.0.0.1",
            port=server.port,
            user="me",
            password="hunter2",
            tls=False,
            starttls=True,
            timeout=5,
        )
    )
    with pytest.raises(TransportError, match="STARTTLS") as error:
        smtp.open()
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("greeting", [b"554 go away\r\n", b"HTTP/1.1 400 Bad Request\r\n"])
def test_a_greeting_that_refuses_is_one_clear_line(greeting: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(greeting)

        thread = threading.Thread(target=greet)
        thread.start()
        with pytest.raises(TransportError, match="the mail server"):
            to(listener.getsockname()[1]).open()
        thread.join()
