"""Every language says the same, with the same gaps."""

from importlib.resources import files

import pytest

from newsrec_pipelines.models.phrases import LANGUAGES, SENTENCES, phrases_for
from newsrec_pipelines.schemas import REGIONS

GAPS = {"because_you_read", "category_follow", "popular_region", "explored"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_every_sentence_with_its_gap_and_every_region(language: str) -> None:
    phrases = phrases_for(language)
    assert phrases.language == language
    assert tuple(phrases.sentences) == SENTENCES
    assert {name for name, text in phrases.sentences.items() if text.count("{}") == 1} == GAPS
    assert not any("{" in text.replace("{}", "", 1) for text in phrases.sentences.values())
    assert set(phrases.regions) == set(REGIONS)


def test_every_file_of_phrases_is_a_language() -> None:
    folder = files("newsrec_pipelines.models").joinpath("languages")
    assert sorted(f.name for f in folder.iterdir()) == [f"{name}.toml" for name in LANGUAGES]


@pytest.mark.parametrize(
    ("tag", "language"),
    [("es", "es"), ("pt-BR", "pt"), ("FR_ca", "fr"), ("sw", "en"), ("unknown", "en"), (None, "en")],
)
def test_a_language_tag_finds_its_words(tag: str | None, language: str) -> None:
    assert phrases_for(tag).language == language


def test_a_region_without_words_of_its_own_is_named() -> None:
    assert phrases_for("es").region("south_tyrol") == "en South Tyrol"
    assert phrases_for("pt").region("latin_america") == "na América Latina"
