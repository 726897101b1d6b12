"""A digest: what one reader gets on one day, and how it reads as text and as HTML."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from css_inline import CSSInliner
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from newsrec_mailer.phrases import Phrases, phrases_for
from newsrec_mailer.text import one_line, shorten

MAX_ARTICLES = 10
# Longer than any real one: a title that floods the page, or a folder of them, does not get through.
_TITLE_WIDTH = 200
_ABSTRACT_WIDTH = 240
_SUBJECT_TITLE_WIDTH = 90  # clients show 40 to 70 characters
_PREHEADER_WIDTH = 140


@dataclass(frozen=True)
class Article:
    """What a digest shows of an article; texts as the publisher wrote them.

    Attributes:
        reason: why it was chosen, as the models say it in the reader's language.
    """

    article_id: str
    title: str
    abstract: str | None
    category: str
    publisher: str
    reason: str


@dataclass(frozen=True)
class Digest:
    """The articles of one reader, best first; `article_urls` go with them one by one."""

    day: date
    language: str | None
    articles: Sequence[Article]
    article_urls: Sequence[str]
    unsubscribe_url: str


@dataclass(frozen=True)
class Rendered:
    """A digest in words: the subject is one line."""

    language: str
    subject: str
    text: str
    html: str


class Templates:
    """subject.txt, body.txt and body.html with body.css, for every language."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=PackageLoader("newsrec_mailer"),
            autoescape=select_autoescape(("html",)),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        # What is for some screens only (@media) cannot stand on an element: it stays in a <style>.
        self._inliner = CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)

    def render(self, digest: Digest) -> Rendered:
        """Render a digest of at least one article."""
        phrases = phrases_for(digest.language)
        values = _values(digest, phrases)
        return Rendered(
            language=phrases.language,
            subject=one_line(self._environment.get_template("subject.txt").render(values)),
            text=self._environment.get_template("body.txt").render(values),
            html=self._inliner.inline(self._environment.get_template("body.html").render(values)),
        )


def _values(digest: Digest, phrases: Phrases) -> dict[str, object]:
    titles = [shorten(a.title, _TITLE_WIDTH) for a in digest.articles]
    count = len(titles)
    return {
        "t": phrases,
        "date": phrases.date(digest.day),
        "subject": phrases.plural(phrases.subject, count).format(
            title=shorten(titles[0], _SUBJECT_TITLE_WIDTH), more=count - 1
        ),
        "intro": phrases.plural(phrases.intro, count).format(count=count),
        "preheader": shorten(" · ".join(titles[1:]), _PREHEADER_WIDTH),
        "unsubscribe_url": digest.unsubscribe_url,
        "articles": [
            {
                "title": title,
                "abstract": shorten(article.abstract or "", _ABSTRACT_WIDTH),
                "source": " · ".join(_source(article)),
                "reason": one_line(article.reason),
                "url": url,
            }
            for title, article, url in zip(
                titles, digest.articles, digest.article_urls, strict=True
            )
        ],
    }


def _source(article: Article) -> list[str]:
    # "unknown" is what the landing zone says when the source does not.
    names = (one_line(article.publisher), one_line(article.category).replace("_", " "))
    return [shorten(name, 40) for name in names if name and name != "unknown"]
