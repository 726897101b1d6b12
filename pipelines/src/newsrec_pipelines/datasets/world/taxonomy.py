"""What exists in the world before anyone reads: topics, languages, publishers, homes, days."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

# Category -> subcategories. The codes are the same in every language.
TOPICS: Final = {
    "politics": ("elections", "parliament", "local_government"),
    "business": ("markets", "companies", "jobs"),
    "technology": ("artificial_intelligence", "gadgets", "cybersecurity"),
    "science": ("space", "archaeology", "biology"),
    "health": ("nutrition", "medicine", "mental_health"),
    "sports": ("football", "basketball", "tennis"),
    "culture": ("film", "music", "books"),
    "environment": ("climate", "wildlife", "energy"),
    "world": ("diplomacy", "disasters", "migration"),
    "lifestyle": ("travel", "food", "homes"),
}
CATEGORIES: Final = tuple(TOPICS)
SUBCATEGORIES: Final = tuple(s for names in TOPICS.values() for s in names)
CATEGORY_OF: Final = tuple(i for i, names in enumerate(TOPICS.values()) for _ in names)
# Hours until half of the interest is gone, by category: a match is old tomorrow, a recipe is not.
HALF_LIFE_HOURS: Final = (8.0, 7.0, 14.0, 20.0, 18.0, 6.0, 16.0, 14.0, 7.0, 22.0)
# How many of the day's articles a category gets.
CATEGORY_WEIGHTS: Final = (1.4, 1.2, 1.0, 0.8, 0.9, 1.4, 0.9, 0.8, 1.2, 0.9)

LANGUAGES: Final = ("en", "es", "pt", "fr")
LANGUAGE_WEIGHTS: Final = (0.4, 0.27, 0.17, 0.16)  # of the articles

# Breaking stories: the kind, and the subcategory that covers it.
BREAKING: Final = {
    "earthquake": "disasters",
    "resignation": "parliament",
    "outage": "cybersecurity",
    "rates": "markets",
    "outbreak": "medicine",
    "upset": "football",
}


@dataclass(frozen=True)
class Publisher:
    """A newspaper; `reliability` (0 to 1) is the mean quality of its articles.

    A local one has a `home`, a region for which some of its articles are meant.
    """

    name: str
    language: str
    reliability: float
    clickbait: float  # share of its articles
    home: str | None = None


PUBLISHERS: Final = (
    Publisher("The Continental", "en", 0.90, 0.00),
    Publisher("Lakeside Tribune", "en", 0.82, 0.02, "north_america"),
    Publisher("Savanna Herald", "en", 0.78, 0.03, "africa"),
    Publisher("Northern Wire", "en", 0.66, 0.05),
    Publisher("Metro Flash", "en", 0.42, 0.25),
    Publisher("Daily Buzz", "en", 0.28, 0.45),
    Publisher("El Mirador Continental", "es", 0.90, 0.00),
    Publisher("La Crónica Andina", "es", 0.82, 0.02, "latin_america"),
    Publisher("El Faro del Sur", "es", 0.74, 0.03),
    Publisher("Ya Noticias", "es", 0.42, 0.25),
    Publisher("La Vuelta", "es", 0.30, 0.45),
    Publisher("Correio da Baía", "pt", 0.88, 0.00, "latin_america"),
    Publisher("Gazeta Atlântica", "pt", 0.80, 0.02),
    Publisher("Notícias do Cais", "pt", 0.68, 0.05, "africa"),
    Publisher("Giro Rápido", "pt", 0.34, 0.40),
    Publisher("Le Courrier du Fleuve", "fr", 0.90, 0.00),
    Publisher("La Tribune du Sahel", "fr", 0.80, 0.02, "africa"),
    Publisher("L'Écho des Lacs", "fr", 0.70, 0.04, "north_america"),
    Publisher("Clic Info", "fr", 0.34, 0.40),
)


@dataclass(frozen=True)
class Home:
    """Where readers live; `weight` is their share of all readers."""

    region: str
    language: str
    timezone: str
    weight: float


HOMES: Final = (
    Home("latin_america", "es", "America/Mexico_City", 0.09),
    Home("latin_america", "es", "America/Bogota", 0.07),
    Home("latin_america", "es", "America/Lima", 0.04),
    Home("latin_america", "es", "America/Argentina/Buenos_Aires", 0.06),
    Home("latin_america", "pt", "America/Sao_Paulo", 0.13),
    Home("latin_america", "en", "America/Panama", 0.01),
    Home("africa", "en", "Africa/Lagos", 0.09),
    Home("africa", "en", "Africa/Nairobi", 0.06),
    Home("africa", "en", "Africa/Johannesburg", 0.05),
    Home("africa", "fr", "Africa/Abidjan", 0.05),
    Home("africa", "fr", "Africa/Kinshasa", 0.04),
    Home("africa", "pt", "Africa/Luanda", 0.03),
    Home("africa", "pt", "Africa/Maputo", 0.01),
    Home("north_america", "en", "America/New_York", 0.10),
    Home("north_america", "en", "America/Chicago", 0.05),
    Home("north_america", "en", "America/Los_Angeles", 0.05),
    Home("north_america", "es", "America/Los_Angeles", 0.03),
    Home("north_america", "fr", "America/Toronto", 0.04),
)

DAY_US: Final = 86_400_000_000
HOUR_US: Final = 3_600_000_000


def day_start_us(day: date) -> int:
    """Microseconds from 1970 to the start of a day, UTC."""
    return (day - date(1970, 1, 1)).days * DAY_US


def to_datetime(us: int) -> datetime:
    """The moment that many microseconds after 1970, UTC."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
