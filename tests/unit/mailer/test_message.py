"""The bytes of an email: headers that hold against any title, and both bodies whole."""

from datetime import UTC, date, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

from hypothesis import given, settings
from hypothesis import strategies as st

from newsrec_mailer.digest import Article, Digest, Templates
from newsrec_mailer.message import Sender, compose

TEMPLATES = Templates()
SENDER = Sender("Noticias é", "digest@news.example.org", "leave@news.example.org")
NOW = datetime(2026, 3, 6, 5, 0, tzinfo=UTC)
LEAVE = f"https://news.example.org/u/{'t' * 300}"
HEADERS = {
    "Date",
    "From",
    "To",
    "Subject",
    "Message-ID",
    "Content-Language",
    "Auto-Submitted",
    "Precedence",
    "List-Id",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Feedback-ID",
    "MIME-Version",
    "Content-Type",
}


def message(titles: list[str], sender: Sender = SENDER, text: str = "text") -> bytes:
    articles = [Article(f"a{n}", t, text, text, text, text) for n, t in enumerate(titles)]
    urls = [f"https://news.example.org/r/{'t' * 200}{n}" for n in range(len(titles))]
    digest = Digest(date(2026, 3, 6), "es", articles, urls, LEAVE)
    rendered = TEMPLATES.render(digest)
    return compose(sender, "u1@readers.example", "<id@news.example.org>", digest, rendered, NOW)


def parsed(content: bytes) -> EmailMessage:
    parsed = message_from_bytes(content, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def test_the_headers_say_who_what_and_how_to_leave() -> None:
    content = message(["Título uno", "Título dos"])
    mail = parsed(content)
    assert mail["From"] == "Noticias é <digest@news.example.org>"
    assert mail["To"] == "u1@readers.example"
    assert mail["Subject"] == "Título uno (y 1 más)"
    assert mail["Message-ID"] == "<id@news.example.org>"
    assert mail["Date"].datetime == NOW
    assert mail["Content-Language"] == "es"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    # As raw bytes: a long link must not be folded or encoded (RFC 8058 readers take it verbatim).
    leave = f"List-Unsubscribe: <{LEAVE}>, <mailto:leave@news.example.org?subject=unsubscribe>\r\n"
    assert leave.encode() in content
    assert b"Message-ID: <id@news.example.org>\r\n" in content


def test_the_second_way_to_leave_is_optional() -> None:
    content = message(["Title"], Sender("News", "digest@news.example.org", None))
    assert f"List-Unsubscribe: <{LEAVE}>\r\n".encode() in content


def test_the_body_is_text_and_html_in_utf_8_over_seven_bits() -> None:
    content = message(["Título 😀"])
    mail = parsed(content)
    assert mail.get_content_type() == "multipart/alternative"
    parts = [(p.get_content_type(), p.get_content_charset()) for p in mail.iter_parts()]
    assert parts == [("text/plain", "utf-8"), ("text/html", "utf-8")]
    assert content.isascii()
    assert b"\n" not in content.replace(b"\r\n", b"")


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.text(max_size=300)
        | st.sampled_from(
            [
                "Storm\r\nBcc: all@readers.example",
                "Storm\n\n<html>",
                "\u202eevil\u2069",
                "عنوان الخبر العاجل " * 10,
                "👩‍👩‍👧‍👦🔥" * 40,
                "=?utf-8?q?=0D=0ABcc=3A_x?=",
                "A" * 5000,
            ]
        ),
        min_size=1,
        max_size=10,
    ),
    st.text(max_size=100),
)
def test_no_text_of_a_publisher_adds_a_header_or_breaks_the_body(
    titles: list[str], text: str
) -> None:
    content = message(titles, text=text)
    mail = parsed(content)
    assert set(mail.keys()) == HEADERS
    assert len(mail.keys()) == len(HEADERS)
    assert len(str(mail["Subject"]).splitlines()) <= 1
    assert max(len(line) for line in content.split(b"\r\n")) <= 998
    assert [p.get_content_type() for p in mail.iter_parts()] == ["text/plain", "text/html"]
    for part in mail.iter_parts():
        assert LEAVE in part.get_content()
