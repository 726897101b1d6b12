"""What the digest says by itself, in each language of languages/*.toml."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Final

from babel import Locale, negotiate_locale
from babel.dates import format_date

LANGUAGES: Final = ("en", "es", "fr", "pt")


@dataclass(frozen=True)
class Phrases:
    """The words of one language. `{…}` are filled in by `str.format`.

    Attributes:
        day: a pattern of CLDR for a date; `first_day` is that of the first of a month.
        subject: by the plural form of the number of articles, as is `intro`.
    """

    language: str
    day: str
    first_day: str
    heading: str
    preheader: str
    read: str
    why: str
    footer: str
    unsubscribe: str
    subject: Mapping[str, str]
    intro: Mapping[str, str]

    def date(self, day: date) -> str:
        """The day in words, such as "Friday 6 March"."""
        pattern = self.first_day if day.day == 1 else self.day
        return format_date(day, pattern, locale=self.language)

    def plural(self, forms: Mapping[str, str], count: int) -> str:
        """The one of `forms` that the language uses with `count` things."""
        # CLDR has forms that we need not write, such as "many" for a million in Spanish.
        return forms.get(Locale(self.language).plural_form(count), forms["other"])


def phrases_for(language: str | None) -> Phrases:
    """The words for a reader's language tag such as ``pt-BR``; English when we do not speak it."""
    tag = (language or "").strip().lower().replace("_", "-")
    return _read(negotiate_locale([tag], LANGUAGES, sep="-") or "en")


@cache
def _read(language: str) -> Phrases:
    text = files("newsrec_mailer").joinpath(f"languages/{language}.toml").read_text("utf-8")
    return Phrases(language=language, **tomllib.loads(text))
