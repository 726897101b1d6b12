"""The digest speaks four languages, and English to everybody else."""

import string
from dataclasses import asdict
from datetime import date
from importlib.resources import files

import pytest

from newsrec_mailer.phrases import LANGUAGES, phrases_for


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
    ours, english = asdict(phrases_for(language)), asdict(phrases_for("en"))
    for name in english.keys() - {"language", "day", "first_day"}:
        assert _places(ours[name]) == _places(english[name]), name


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_and_many_have_words_of_their_own(language: str) -> None:
    ours = phrases_for(language)
    for forms in (ours.subject, ours.intro):
        assert ours.plural(forms, 1) == forms["one"]
        # CLDR's form of a million is "many" in es, fr and pt.
        assert {ours.plural(forms, count) for count in (2, 10, 1_000_000)} == {forms["other"]}


def test_every_file_of_phrases_is_a_language() -> None:
    folder = files("newsrec_mailer").joinpath("languages")
    assert sorted(f.name for f in folder.iterdir()) == [f"{name}.toml" for name in LANGUAGES]


def _places(text: str | dict[str, str]) -> object:
    if isinstance(text, dict):
        return {form: _places(words) for form, words in text.items()}
    assert text
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}
