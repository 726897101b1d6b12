"""A digest reads well as text and as HTML, in each language, whatever the titles hold."""

import re
from datetime import date
from importlib.resources import files

import pytest
from bs4 import BeautifulSoup

from newsrec_mailer.digest import Article, Digest, Templates

TEMPLATES = Templates()


def digest(titles: list[str], language: str | None = "en") -> Digest:
    articles = [
        Article(f"a{n}", t, f"Abstract {n}", "world_news", "The Daily", f"Reason {n}")
        for n, t in enumerate(titles)
    ]
    urls = [f"https://news.example.org/r/t{n}" for n in range(len(titles))]
    return Digest(date(2026, 3, 6), language, articles, urls, "https://news.example.org/u/t")


TITLES = [f"Title number {n}" for n in range(10)]


@pytest.mark.parametrize("language", ["en", "es", "pt", "fr"])
def test_text_and_html_hold_every_title_reason_and_link(language: str) -> None:
    rendered = TEMPLATES.render(digest(TITLES, language))
    html = BeautifulSoup(rendered.html, "html.parser")
    links = [a["href"] for a in html.find_all("a")]
    for n, title in enumerate(TITLES):
        url = f"https://news.example.org/r/t{n}"
        assert title in rendered.text
        assert title in html.get_text()
        assert f"Reason {n}" in rendered.text
        assert f"Reason {n}" in html.get_text()
        assert url in rendered.text.split()
        assert url in links
    assert "https://news.example.org/u/t" in rendered.text
    assert "https://news.example.org/u/t" in links
    assert html.html is not None
    assert html.html["lang"] == language == rendered.language
    assert rendered.subject.startswith("Title number 0")


def test_the_html_loads_nothing_and_runs_nothing() -> None:
    html = BeautifulSoup(TEMPLATES.render(digest(TITLES)).html, "html.parser")
    assert not html.find_all(["img", "script", "link", "iframe", "form", "object"])
    assert "url(" not in str(html)
    assert "@import" not in str(html)


def test_markup_in_a_title_is_shown_and_not_obeyed() -> None:
    title = "<script>alert('x')</script> & <b>bold</b> {{ 7 * 7 }} {title}"
    rendered = TEMPLATES.render(digest([title, title]))
    html = BeautifulSoup(rendered.html, "html.parser")
    assert html.find("script") is None
    assert html.find("b") is None
    assert title in html.get_text()
    assert title in rendered.text
    assert rendered.subject.startswith(title)


def test_a_title_of_several_lines_becomes_one() -> None:
    rendered = TEMPLATES.render(digest(["Storm\r\nBcc: all@readers.example\u2028ends"]))
    assert rendered.subject == "Storm Bcc: all@readers.example ends"
    assert "1. Storm Bcc: all@readers.example ends\n" in rendered.text


def test_a_single_article_is_spoken_of_as_one() -> None:
    rendered = TEMPLATES.render(digest(["Alone"]))
    assert rendered.subject == "Alone"
    assert "One article" in rendered.text


def test_a_flood_of_a_title_is_cut() -> None:
    rendered = TEMPLATES.render(digest(["word " * 10_000] * 10))
    assert len(rendered.subject) < 120
    assert len(rendered.html) < 100_000  # Gmail clips longer ones, and with them the way out


def test_what_the_source_does_not_say_is_left_out() -> None:
    plain = Article("a", "Title", None, "unknown", "unknown", "")
    rendered = TEMPLATES.render(
        Digest(date(2026, 3, 6), None, [plain], ["https://x.example/r/t"], "https://x.example/u/t")
    )
    assert "unknown" not in rendered.text + rendered.html
    assert "Why" not in rendered.text
    assert "None" not in rendered.text + rendered.html


@pytest.mark.parametrize("titles", [TITLES, TITLES[:1]])
def test_every_rule_of_the_stylesheet_stands_on_its_elements(titles: list[str]) -> None:
    stylesheet = files("newsrec_mailer").joinpath("templates/body.css").read_text("utf-8")
    everywhere = re.sub(r"/\*.*?\*/", "", stylesheet.partition("@media")[0], flags=re.DOTALL)
    html = BeautifulSoup(TEMPLATES.render(digest(titles)).html, "html.parser")
    for selectors, declarations in re.findall(r"([^{}]+)\{([^}]*)\}", everywhere):
        elements = html.select(selectors.strip())
        assert elements, f"{selectors} is for nothing"
        for element in elements:
            have = {d.partition(":")[0].strip() for d in str(element["style"]).split(";")}
            for declaration in filter(str.strip, declarations.split(";")):
                assert declaration.partition(":")[0].strip() in have, (selectors, element)


def test_only_what_depends_on_the_screen_is_left_to_a_style_element() -> None:
    html = BeautifulSoup(TEMPLATES.render(digest(TITLES)).html, "html.parser")
    [left] = html.find_all("style")
    screens = re.compile(r"@media[^{]*\{(?:[^{}]*\{[^}]*\})*\s*\}")
    assert screens.sub("", left.text).strip() == ""
    assert "prefers-color-scheme: dark" in left.text
    assert "max-width: 620px" in left.text
