"""What reasons say, in each language of languages/*.toml."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final


@dataclass(frozen=True)
class Phrases:
    """The sentences of one language; ``{}`` is where the title, category or place goes.

    Attributes:
        regions: regions as they stand in a sentence, with what goes before them.
        other_region: of a region without words of its own, ``{}`` is its name.
        sentences: by `SENTENCES`.
    """

    language: str
    regions: Mapping[str, str]
    other_region: str
    sentences: Mapping[str, str]

    def region(self, region: str) -> str:
        """Where that is, as in "in Latin America"."""
        known = self.regions.get(region)
        return known or self.other_region.format(region.replace("_", " ").title())


# Names of sentences. Those of an unknown category or region say less under the same code.
SENTENCES: Final = (
    "because_you_read",
    "category_follow",
    "popular_region",
    "popular",
    "fresh",
    "explored",
    "explored_anywhere",
    "for_you",
)

LANGUAGES: Final = ("en", "es", "fr", "pt")


def phrases_for(language: str | None) -> Phrases:
    """The words for a language tag such as ``pt-BR``; English when we do not speak it."""
    primary = (language or "").replace("_", "-").partition("-")[0].strip().lower()
    return _read(primary if primary in LANGUAGES else "en")


@cache
def _read(language: str) -> Phrases:
    text = (
        files("newsrec_pipelines.models").joinpath(f"languages/{language}.toml").read_text("utf-8")
    )
    return Phrases(language=language, **tomllib.loads(text))
