"""Headlines and abstracts: in every language, about their topic, and never half filled."""

from datetime import date, timedelta
from string import Formatter

import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.naive_bayes import MultinomialNB

from newsrec_pipelines.datasets.world import headlines
from newsrec_pipelines.datasets.world.articles import articles_of
from newsrec_pipelines.datasets.world.headlines import Text, corrected, write_texts
from newsrec_pipelines.datasets.world.taxonomy import (
    BREAKING,
    CATEGORIES,
    CATEGORY_OF,
    LANGUAGES,
    SUBCATEGORIES,
)
from newsrec_pipelines.parameters import WorldParams
from newsrec_pipelines.schemas import REGIONS

START = date(2026, 3, 1)
SLOTS = {"city", "person", "company", "team", "rival", "n", "pct", "hundreds"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_words_for_everything(language: str) -> None:
    words = headlines._words(language)
    assert set(words["cities"]) == set(REGIONS)
    assert set(words["subcategories"]) == set(SUBCATEGORIES)
    assert set(words["clickbait"]) == set(CATEGORIES)
    assert set(words["breaking"]) == set(BREAKING)
    groups = [*words["subcategories"].values(), *words["breaking"].values()]
    templates = [t for g in groups for t in (*g["titles"], *g["abstracts"])]
    templates += [t for titles in words["clickbait"].values() for t in titles]
    templates += words["clickbait_abstracts"]
    for template in templates:
        assert {name for _, name, _, _ in Formatter().parse(template) if name} <= SLOTS
    titles = [t for g in groups for t in g["titles"]]
    assert len(titles) == len(set(titles)) > 100


def test_titles_are_of_a_length_to_read_and_mostly_differ(params: WorldParams) -> None:
    texts = write_texts(params.model_copy(update={"articles_per_day": 400}), START)
    assert all(15 <= len(t.title) <= 110 and 20 <= len(t.abstract) <= 140 for t in texts)
    assert not any("{" in t.title + t.abstract or "  " in t.title for t in texts)
    assert len({t.title for t in texts}) > 0.93 * len(texts)


def test_words_of_yesterday_tell_the_category_of_today(params: WorldParams) -> None:
    big = params.model_copy(update={"articles_per_day": 1500})
    titles, labels = {}, {}
    for n in (0, 1):
        articles = articles_of(big, START + timedelta(days=n))
        texts = write_texts(big, START + timedelta(days=n))
        titles[n] = [f"{t.title} {t.abstract}" for t in texts]
        labels[n] = [CATEGORY_OF[s] for s in articles.subcategory]
    vectorizer = TfidfVectorizer()
    model = MultinomialNB(alpha=0.1).fit(vectorizer.fit_transform(titles[0]), labels[0])
    assert model.score(vectorizer.transform(titles[1]), labels[1]) > 0.85


def test_one_story_plays_in_one_city_in_all_languages(params: WorldParams) -> None:
    big = params.model_copy(update={"articles_per_day": 2000})
    articles, texts = articles_of(big, START), write_texts(big, START)
    for story in set(articles.story.tolist()) - {-1}:
        rows = [i for i, s in enumerate(articles.story) if s == story]
        assert len({texts[i].city for i in rows}) == 1


def test_a_correction_says_so_in_the_language_of_the_article() -> None:
    text = corrected(Text("Um título", "Um resumo.", "Lima"), "pt")
    assert text.title == "Um título (corrigido)"
    assert text.abstract.startswith("Um resumo. Correção:")
