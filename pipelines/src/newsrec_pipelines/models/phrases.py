"""What reasons say, in each language that they speak."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
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

_EN = Phrases(
    language="en",
    regions=MappingProxyType(
        {
            "latin_america": "in Latin America",
            "africa": "in Africa",
            "north_america": "in North America",
        }
    ),
    other_region="in {}",
    sentences=MappingProxyType(
        {
            "because_you_read": "Because you read “{}”",
            "category_follow": "New in {}, which you follow",
            "popular_region": "Much read {} now",
            "popular": "Much read now",
            "fresh": "Just published",
            "explored": "Something new for you, in {}",
            "explored_anywhere": "Something new for you",
            "for_you": "Chosen for you",
        }
    ),
)

_ES = Phrases(
    language="es",
    regions=MappingProxyType(
        {
            "latin_america": "en América Latina",
            "africa": "en África",
            "north_america": "en América del Norte",
        }
    ),
    other_region="en {}",
    sentences=MappingProxyType(
        {
            "because_you_read": "Porque leíste “{}”",
            "category_follow": "Nuevo en {}, que sigues",
            "popular_region": "Muy leído ahora {}",
            "popular": "Muy leído ahora",
            "fresh": "Recién publicado",
            "explored": "Algo nuevo para ti, en {}",
            "explored_anywhere": "Algo nuevo para ti",
            "for_you": "Elegido para ti",
        }
    ),
)

_PT = Phrases(
    language="pt",
    regions=MappingProxyType(
        {
            "latin_america": "na América Latina",
            "africa": "na África",
            "north_america": "na América do Norte",
        }
    ),
    other_region="na região {}",
    sentences=MappingProxyType(
        {
            "because_you_read": "Porque você leu “{}”",
            "category_follow": "Novo em {}, que você segue",
            "popular_region": "Muito lido agora {}",
            "popular": "Muito lido agora",
            "fresh": "Recém-publicado",
            "explored": "Algo novo para você, em {}",
            "explored_anywhere": "Algo novo para você",
            "for_you": "Escolhido para você",
        }
    ),
)

_FR = Phrases(
    language="fr",
    regions=MappingProxyType(
        {
            "latin_america": "en Amérique latine",
            "africa": "en Afrique",
            "north_america": "en Amérique du Nord",
        }
    ),
    other_region="dans la région {}",
    sentences=MappingProxyType(
        {
            "because_you_read": "Parce que vous avez lu «\N{NO-BREAK SPACE}{}\N{NO-BREAK SPACE}»",
            "category_follow": "Nouveau dans {}, que vous suivez",
            "popular_region": "Très lu en ce moment {}",
            "popular": "Très lu en ce moment",
            "fresh": "Tout juste publié",
            "explored": "Du nouveau pour vous, dans {}",
            "explored_anywhere": "Du nouveau pour vous",
            "for_you": "Choisi pour vous",
        }
    ),
)

LANGUAGES: Final = MappingProxyType({p.language: p for p in (_EN, _ES, _PT, _FR)})


def phrases_for(language: str | None) -> Phrases:
    """The words for a language tag such as ``pt-BR``; English when we do not speak it."""
    primary = (language or "").replace("_", "-").partition("-")[0].strip().lower()
    return LANGUAGES.get(primary, _EN)
