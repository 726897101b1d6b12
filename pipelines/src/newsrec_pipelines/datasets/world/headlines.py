"""Writes headlines and abstracts in four languages, from templates in texts/*.yaml."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from newsrec_pipelines.datasets.world.articles import Articles, articles_of
from newsrec_pipelines.datasets.world.seeds import stream
from newsrec_pipelines.datasets.world.taxonomy import (
    BREAKING,
    CATEGORIES,
    CATEGORY_OF,
    LANGUAGES,
    SUBCATEGORIES,
)
from newsrec_pipelines.parameters import WorldParams
from newsrec_pipelines.schemas import REGIONS

COMPANIES = (
    *("Norvia", "Altamar", "Kivutel", "Terranova", "Solaria", "Meridia", "Quantica", "Lumina"),
    *("Baobab", "Orinoco", "Savana", "Zentral", "Aurora", "Nimbus", "Tamarind", "Volta"),
)
# Spelt alike in all four languages: one breaking story is told in each of them.
_STORY_CITIES = ("Lima", "Quito", "Lagos", "Dakar", "Luanda", "Maputo", "Caracas", "Managua")
_STORY_TEAMS = (
    "Racing Austral",
    "Union Lagos",
    "Real Condor",
    "Sporting Dakar",
    "Deportivo Quito 1907",
)


@dataclass(frozen=True)
class Text:
    """The words of one article. `city` is where it plays."""

    title: str
    abstract: str
    city: str


def write_texts(params: WorldParams, day: date) -> list[Text]:
    """The words of every article of a day, in the order of `articles_of`."""
    rng = stream(params.seed, "texts", day)
    articles = articles_of(params, day)
    choices = rng.integers(2**31, size=(len(articles), 9)).tolist()
    stories = stream(params.seed, "story words", day).integers(2**31, size=(128, 9)).tolist()
    told: Counter[tuple[str, int, int]] = Counter()
    return [
        _text(articles, i, choices[i], stories[int(articles.story[i])], told)
        for i in range(len(articles))
    ]


def corrected(text: Text, language: str) -> Text:
    """The same words, marked as corrected."""
    words = _words(language)
    title = f"{text.title} {words['corrected']}"
    return replace(text, title=title, abstract=f"{text.abstract} {words['correction']}")


@cache
def _words(language: str) -> dict[str, Any]:
    file = files(__package__).joinpath("texts", f"{language}.yaml")
    words: dict[str, Any] = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return words


def _text(
    articles: Articles,
    i: int,
    choice: list[int],
    story_choice: list[int],
    told: Counter[tuple[str, int, int]],
) -> Text:
    language = LANGUAGES[articles.language[i]]
    words = _words(language)
    story, subcategory = int(articles.story[i]), int(articles.subcategory[i])
    if story >= 0:
        templates = words["breaking"][tuple(BREAKING)[articles.story_kind[i]]]
        slots = _slots(words, _STORY_CITIES, story_choice)
        slots["team"] = _STORY_TEAMS[story_choice[3] % len(_STORY_TEAMS)]
        titles, abstracts = templates["titles"], templates["abstracts"]
        first = 0  # the first article breaks the news, the next ones follow it up
    else:
        slots = _slots(words, words["cities"][REGIONS[articles.region[i]]], choice)
        if articles.clickbait[i]:
            titles = words["clickbait"][CATEGORIES[CATEGORY_OF[subcategory]]]
            abstracts = words["clickbait_abstracts"]
        else:
            templates = words["subcategories"][SUBCATEGORIES[subcategory]]
            titles, abstracts = templates["titles"], templates["abstracts"]
        first = int(articles.day[i]) + subcategory
    # Templates take turns: no two alike on one page if it can be helped.
    turn = told[(language, story, subcategory)]
    told[(language, story, subcategory)] += 1
    title = titles[(first + turn) % len(titles)]
    abstract = abstracts[choice[8] % len(abstracts)]
    return Text(title.format_map(slots), abstract.format_map(slots), slots["city"])


def _slots(words: dict[str, Any], cities: Any, choice: list[int]) -> dict[str, str]:
    teams = words["teams"]
    team = choice[3] % len(teams)
    return {
        "city": cities[choice[0] % len(cities)],
        "person": words["people"][choice[1] % len(words["people"])],
        "company": COMPANIES[choice[2] % len(COMPANIES)],
        "team": teams[team],
        "rival": teams[(team + 1 + choice[4] % (len(teams) - 1)) % len(teams)],
        "n": str(3 + choice[5] % 7),
        "pct": str(2 + choice[6] % 17),
        "hundreds": str(100 + choice[7] % 90 * 10),
    }
