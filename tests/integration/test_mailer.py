"""Who gets a digest, what is in it, and what the mailer counts, with a real PostgreSQL."""

from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from itsdangerous import URLSafeSerializer

from newsrec_mailer.cli import main
from support.mail_server import mail_server
from support.postgres import query
from support.seed_mailer import DAY, Reader, block, email, execute, readers, seed, title

SECRET = "a secret of the tests"
Send = Callable[..., str]


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    return tmp_path / "outbox"


@pytest.fixture
def send(
    database_url: str,
    outbox: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Send:
    """Runs `newsrec-mailer send` in this process and returns what it printed."""
    for name in ("SMTP_URL", "SMTP_URL_FILE", "MAIL_FROM", "LINK_SECRET_FILE", "PUBLIC_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("OUTBOX", str(outbox))
    monkeypatch.setenv("LINK_SECRET", SECRET)

    def run(*arguments: str) -> str:
        main(["send", "--date", str(DAY), *arguments])
        return capsys.readouterr().out

    return run


def messages(outbox: Path) -> dict[str, EmailMessage]:
    found = {}
    for path in (outbox / str(DAY)).glob("*.eml"):
        mail = message_from_bytes(path.read_bytes(), policy=policy.default)
        assert isinstance(mail, EmailMessage)
        found[str(mail["To"])] = mail
    return found


def bodies(mail: EmailMessage) -> tuple[str, BeautifulSoup]:
    text, html = mail.iter_parts()
    return text.get_content(), BeautifulSoup(html.get_content(), "html.parser")


def states(url: str) -> dict[str, str]:
    return dict(query(url, "SELECT user_id, state FROM deliveries"))  # type: ignore[arg-type]


def test_a_digest_holds_the_ten_first_articles_and_signed_links_to_nowhere_else(
    send: Send, database_url: str, outbox: Path
) -> None:
    seed(database_url, [Reader("u1")])

    assert "1 readers: sent 1, refused 0, deferred 0, uncertain 0, skipped 0" in send()

    mail = messages(outbox)[email("u1")]
    text, html = bodies(mail)
    for n in range(10):
        assert title(n) in text
        assert title(n) in html.get_text()
        assert f"Because of a{n:02}" in text
    assert title(10) not in text
    links = {str(a["href"]) for a in html.find_all("a")}
    links |= {word for word in text.split() if "://" in word}
    serializer = URLSafeSerializer(SECRET, salt="newsrec.links.v1")
    clicked, left = set(), set()
    for link in links:
        kind, _, token = link.removeprefix("http://127.0.0.1:8000/").partition("/")
        claims = serializer.loads(token)
        assert claims["u"] == "u1"
        if kind == "r":
            assert (claims["k"], claims["d"], claims["r"]) == ("click", str(DAY), "run-1")
            clicked.add(claims["a"])
        else:
            assert (kind, claims["k"]) == ("u", "unsubscribe")
            left.add(link)
    assert clicked == {f"a{n:02}" for n in range(10)}
    assert mail["List-Unsubscribe"] == f"<{left.pop()}>"
    assert query(database_url, "SELECT state, message_id, run_id, article_ids FROM deliveries") == [
        ("sent", mail["Message-ID"], "run-1", [f"a{n:02}" for n in range(10)])
    ]


def test_a_second_call_sends_nothing(send: Send, database_url: str, outbox: Path) -> None:
    seed(database_url, readers(3))
    send()
    before = {p: p.stat().st_mtime_ns for p in outbox.rglob("*")}
    assert "sent 0, refused 0, deferred 0, uncertain 0, skipped 3 (already 3)" in send()
    assert {p: p.stat().st_mtime_ns for p in outbox.rglob("*")} == before


def test_consent_and_address_decide_and_the_readers_own_settings_override(
    send: Send, database_url: str, outbox: Path
) -> None:
    seed(
        database_url,
        [
            Reader("yes"),
            Reader("no", consent=False),
            Reader("nowhere", email=None),
            Reader("broken", email="a@b.example\r\nBcc: all@readers.example"),
            Reader("left", settings={"email_digest": False}),
            Reader("joined", consent=False, settings={"email_digest": True}),
            Reader("moved", settings={"email": "new@readers.example", "language": "pt-BR"}),
            Reader("silent", settings={"region": "africa"}),
        ],
    )
    execute(
        database_url, "UPDATE users SET consents = '{\"email_digest\": 1}' WHERE user_id = 'no'"
    )

    printed = send()

    assert "8 readers: sent 4, " in printed
    assert "skipped 4 (no consent 2, no email 1, unusable address 1)" in printed
    mails = messages(outbox)
    assert mails.keys() == {
        email("yes"),
        email("joined"),
        email("silent"),
        "new@readers.example",
    }
    assert mails["new@readers.example"]["Content-Language"] == "pt"


def test_a_reader_known_only_to_the_api_gets_her_digest(
    send: Send, database_url: str, outbox: Path
) -> None:
    own = {"email": "new@readers.example", "email_digest": True, "language": "fr"}
    seed(database_url, [Reader("new", settings=own)])
    execute(database_url, "DELETE FROM users")
    assert "sent 1" in send()
    assert messages(outbox)["new@readers.example"]["Content-Language"] == "fr"


def test_blocked_and_unknown_articles_are_left_out_and_the_next_ones_move_up(
    send: Send, database_url: str, outbox: Path
) -> None:
    two = ("a00", "gone")
    seed(database_url, [Reader("u1"), Reader("u2", article_ids=two)])
    block(database_url, "a00")
    block(database_url, "a01")
    execute(database_url, "UPDATE article_blocks SET lifted_at = now() WHERE article_id = 'a01'")

    assert "sent 1, refused 0, deferred 0, uncertain 0, skipped 1 (nothing to read 1)" in send()

    text, _ = bodies(messages(outbox)[email("u1")])
    assert title(0) not in text
    assert all(title(n) in text for n in range(1, 11))
    assert "Because of a10" in text
    assert states(database_url) == {"u1": "sent"}  # u2 may still get hers when the block is lifted


def test_only_readers_of_a_region_are_sent_to_when_one_is_named(
    send: Send, database_url: str, outbox: Path
) -> None:
    seed(
        database_url,
        [
            Reader("here"),
            Reader("there", region="latin_america"),
            Reader("moved", region="latin_america", settings={"region": "africa"}),
        ],
    )
    assert "sent 2" in send("--region", "africa")
    assert messages(outbox).keys() == {email("here"), email("moved")}
    assert "sent 1, refused 0, deferred 0, uncertain 0, skipped 2 (already 2)" in send()


def test_the_current_run_is_the_last_published_one_of_the_day(
    send: Send, database_url: str, outbox: Path
) -> None:
    seed(database_url, [Reader("u1", article_ids=("a01",))], run_id="old")
    seed(database_url, [Reader("u1", article_ids=("a02",))], run_id="new")
    seed(database_url, [Reader("u1", article_ids=("a03",))], run_id="half")
    seed(
        database_url,
        [Reader("u1", article_ids=("a04",))],
        run_id="tomorrow",
        day=DAY + timedelta(days=1),
    )
    execute(database_url, "UPDATE recommendation_runs SET status = 'running' WHERE run_id = 'half'")
    execute(
        database_url,
        "UPDATE recommendation_runs SET as_of = as_of + interval '6 hours' WHERE run_id = 'new'",
    )
    assert "run new" in send()
    execute(database_url, "DELETE FROM deliveries")
    assert "run old" in send("--as-of", f"{DAY}T05:00:00Z")
    text, _ = bodies(messages(outbox)[email("u1")])
    assert title(1) in text


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        ("DELETE FROM recommendation_runs", "no slates are published for 2026-03-06"),
        ("UPDATE recommendation_runs SET date = date - 1", "the last are for 2026-03-05"),
        ("UPDATE recommendation_runs SET status = 'failed'", "no slates are published"),
        ("DROP TABLE deliveries", "PostgreSQL: "),
    ],
)
def test_a_day_without_slates_is_one_clear_line(
    send: Send, database_url: str, capsys: pytest.CaptureFixture[str], spoil: str, line: str
) -> None:
    seed(database_url, readers(1))
    execute(database_url, spoil)
    with pytest.raises(SystemExit) as ended:
        send()
    said = capsys.readouterr()
    assert ended.value.code == 1
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert said.err.startswith("newsrec-mailer: ")
    assert line in said.err


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [
        ("DATABASE_URL", "postgresql://nobody:x@127.0.0.1:1/x", "cannot connect to PostgreSQL"),
        ("SMTP_URL", "smtp://127.0.0.1:1", "cannot reach the mail server 127.0.0.1:1"),
        ("OUTBOX", "/proc/nowhere", "cannot write to /proc/nowhere"),
    ],
)
def test_an_unreachable_side_is_one_clear_line_and_nothing_is_claimed(
    send: Send,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: str,
    value: str,
    line: str,
) -> None:
    seed(database_url, readers(2))
    monkeypatch.setenv("MAIL_FROM", "digest@news.example.org")
    monkeypatch.setenv("PUBLIC_URL", "https://news.example.org")
    monkeypatch.setenv(variable, value)
    with pytest.raises(SystemExit) as ended:
        send()
    said = capsys.readouterr()
    assert ended.value.code == 1
    assert line in said.err
    assert len(said.err.splitlines()) == 1
    assert states(database_url) == {}


def test_the_answers_of_a_mail_server_are_recorded_and_counted(
    send: Send, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(database_url, readers(6))
    refused, later, lost = email("u0001"), email("u0002"), email("u0003")
    with mail_server() as server:
        replies = {refused: "550 no such reader", later: "450 greylisted"}
        server.on_rcpt = lambda address: replies.get(address, "250 OK")
        server.on_data = lambda address: "drop" if address == lost else "250 OK"
        monkeypatch.setenv("SMTP_URL", server.url)
        monkeypatch.setenv("MAIL_FROM", "The News <digest@news.example.org>")
        monkeypatch.setenv("PUBLIC_URL", "https://news.example.org")

        assert "6 readers: sent 3, refused 1, deferred 1, uncertain 1, skipped 0" in send()

        expected = dict.fromkeys(("u0000", "u0004", "u0005"), "sent")
        expected |= {"u0001": "refused", "u0003": "uncertain"}  # the deferred claim was released
        assert states(database_url) == expected
        details = query(
            database_url, "SELECT detail FROM deliveries WHERE state <> 'sent' ORDER BY user_id"
        )
        assert details[0] == ("550 no such reader",)
        assert str(details[1][0]).startswith("no answer to the message")

        replies.clear()
        assert "sent 1, refused 0, deferred 0, uncertain 0, skipped 5 (already 5)" in send()
        assert sorted(server.recipients()) == [
            email(f"u{n:04}") for n in range(6) if email(f"u{n:04}") != refused
        ]


def test_a_server_that_fails_everybody_is_stopped_before_it_costs_everybody_the_day(
    send: Send, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    seed(database_url, readers(30))
    with mail_server() as server:
        server.on_rcpt = lambda _: "554 5.7.1 relay access denied"
        monkeypatch.setenv("SMTP_URL", server.url)
        monkeypatch.setenv("MAIL_FROM", "digest@news.example.org")
        monkeypatch.setenv("PUBLIC_URL", "https://news.example.org")
        with pytest.raises(SystemExit):
            send()
    said = capsys.readouterr()
    assert "10 failures in a row, the last: 554 5.7.1 relay access denied" in said.err
    assert "sent 0, refused 10" in said.out
    assert len(states(database_url)) == 10


def test_a_server_that_goes_away_leaves_no_claim_behind(
    send: Send, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    seed(database_url, readers(5))
    with mail_server() as server:
        seen: list[str] = []
        server.on_rcpt = lambda address: (
            seen.append(address) or ("250 OK" if len(seen) < 3 else "drop")
        )
        monkeypatch.setenv("SMTP_URL", server.url)
        monkeypatch.setenv("MAIL_FROM", "digest@news.example.org")
        monkeypatch.setenv("PUBLIC_URL", "https://news.example.org")
        with pytest.raises(SystemExit):
            send()
        assert "sent 2" in capsys.readouterr().out
        assert states(database_url) == {"u0000": "sent", "u0001": "sent"}
        server.on_rcpt = lambda _: "250 OK"
        assert "sent 3" in send()
        assert sorted(server.recipients()) == [email(f"u{n:04}") for n in range(5)]


def test_an_article_blocked_while_the_mailer_runs_is_in_no_later_digest(
    send: Send, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(database_url, readers(3))
    with mail_server() as server:

        def block_once(address: str) -> str:
            if address == email("u0000"):
                block(database_url, "a05")
                execute(
                    database_url,
                    "UPDATE users SET consents = '{\"email_digest\": false}' "
                    "WHERE user_id = 'u0002'",
                )
            return "250 OK"

        server.on_data = block_once
        monkeypatch.setenv("SMTP_URL", server.url)
        monkeypatch.setenv("MAIL_FROM", "digest@news.example.org")
        monkeypatch.setenv("PUBLIC_URL", "https://news.example.org")
        assert "sent 2, refused 0, deferred 0, uncertain 0, skipped 1 (no consent 1)" in send()
        first, second = (bodies(m)[0] for m in server.messages())
        assert title(5) in first
        assert title(5) not in second
