"""The digest speaks four languages, and English to everybody else."""

import string
from dataclasses import fields
from datetime import date

import pytest

from newsrec_mailer.phrases import phrases_for


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        *(("es", "es"), ("pt-BR", "pt"), ("FR_ca", "fr"), (" en ", "en")),
        *(("sw", "en"), ("", "en"), (None, "en"), ("unknown", "en")),
    ],
)
def test_a_language_tag_finds_its_words(tag: str | None, language: str) -> None:
    assert phrases_for(tag).language == language


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "Sunday 1 March"),
        ("es", "domingo 1 de marzo"),
        ("pt", "domingo, 1º de março"),
        ("fr", "dimanche 1er mars"),
    ],
)
def test_a_day_is_written_as_people_write_it(language: str, words: str) -> None:
    assert phrases_for(language).date(date(2026, 3, 1)) == words


@pytest.mark.parametrize("language", ["es", "pt", "fr"])
def test_every_language_fills_in_the_same_places(language: str) -> None:
    ours, english = phrases_for(language), phrases_for("en")
    assert (len(ours.weekdays), len(ours.months)) == (7, 12)
    for field in fields(english):
        value, same = getattr(ours, field.name), getattr(english, field.name)
        if isinstance(value, str):
            assert _places(value) == _places(same), field.name


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}
