"""Links are signed as the API expects them, and give nothing away."""

from datetime import date

import pytest
from itsdangerous import BadSignature, URLSafeSerializer

from newsrec_mailer.links import Links

DAY = date(2026, 3, 6)
LINKS = Links("https://news.example.org", "a secret")


def test_the_api_can_verify_a_click_and_an_unsubscribe() -> None:
    serializer = URLSafeSerializer("a secret", salt="newsrec.links.v1")
    click = LINKS.article("u/1 é", "a1", DAY, "r1")
    assert click.startswith("https://news.example.org/r/")
    assert serializer.loads(click.rpartition("/")[2]) == {
        "k": "click",
        "u": "u/1 é",
        "a": "a1",
        "d": "2026-03-06",
        "r": "r1",
    }
    leave = LINKS.unsubscribe("u/1 é")
    assert leave.startswith("https://news.example.org/u/")
    assert serializer.loads(leave.rpartition("/")[2]) == {"k": "unsubscribe", "u": "u/1 é"}


def test_another_secret_verifies_nothing() -> None:
    token = LINKS.unsubscribe("u1").rpartition("/")[2]
    with pytest.raises(BadSignature):
        URLSafeSerializer("another", salt="newsrec.links.v1").loads(token)


def test_a_message_id_is_stable_and_does_not_show_the_reader() -> None:
    name = LINKS.message_id("u1", DAY, "news.example.org")
    assert name == Links("https://elsewhere", "a secret").message_id("u1", DAY, "news.example.org")
    assert name.endswith("@news.example.org>")
    assert "u1" not in name.partition("@")[0]
    others = {
        LINKS.message_id("u2", DAY, "news.example.org"),
        LINKS.message_id("u1", date(2026, 3, 7), "news.example.org"),
        LINKS.message_id("u1", DAY, "other.example.org"),
        Links("https://news.example.org", "another").message_id("u1", DAY, "news.example.org"),
    }
    assert len(others | {name}) == 5
