"""Reasons: one honest sentence a place, about what spoke for the article, in the reader's language.

The codes are told in docs/reference/reasons.md.
"""

from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from newsrec_pipelines.features.types import Pairs
from newsrec_pipelines.models.content import Content
from newsrec_pipelines.models.index import Index
from newsrec_pipelines.models.last_reads import LastReads
from newsrec_pipelines.models.phrases import SENTENCES, phrases_for
from newsrec_pipelines.models.protocols import BoundScorer, Rows
from newsrec_pipelines.models.request_rows import RequestRows
from newsrec_pipelines.schemas import UNKNOWN

# Much read is the best hundredth of the articles that a reader may get, and at least so many.
_POPULAR_SHARE: Final = 0.01
_POPULAR_LEAST: Final = 10
_FRESH_HOURS: Final = 6.0
_LONGEST_TITLE: Final = 80
_EXPLORED: Final = "explored"
_GAP: Final = "{}"


class Reasons:
    """Gives reasons for the places of one request; what its readers share is computed once."""

    def __init__(self, request: RequestRows, content: Content, popularity: BoundScorer) -> None:
        """Prepare.

        Args:
            request: what was asked.
            content: knows what articles are about.
            popularity: scores that depend on the article and the reader's region only.
        """
        articles, users = request.request.articles, request.request.users
        self._request = request
        self._last_reads = LastReads(request, content)
        self._popularity = popularity
        self._kind, self._bound = _much_read(request, popularity)
        age = pl.lit(request.request.as_of) - articles["published_at"]
        self._fresh = pl.select(age < pl.duration(hours=_FRESH_HOURS)).to_series().to_numpy()
        self._category = _readable(articles["category"])
        self._category_known = self._category.is_not_null().to_numpy()
        self._region_known = (users["region"] != UNKNOWN).to_numpy()
        self._wording = _Wording(users)

    def of(self, placed: pl.DataFrame) -> pl.Series:
        """A struct {code, text} for each place.

        It is the first that is true of:

        - ``explored``: put there by chance, since hardly anybody has seen it.
        - ``because_you_read``: much like an article among her last reads.
        - ``category_follow``: of a category that she chose.
        - ``popular_region``, or ``popular`` when her region is unknown: among the hundredth of
          what she may get that is read most there.
        - ``fresh``: published in the last six hours.
        - ``for_you``: none of these; the ranker has put it there.

        Args:
            placed: ``user_row``, ``article_row``, ``step``; the places of a reader are neighbours.
        """
        pairs = Pairs(placed["user_row"].to_numpy(), placed["article_row"].to_numpy())
        user, article = pairs
        read = self._last_reads.most_alike(user, article)
        title = _short(self._last_reads.titles.gather(pl.Series(read).replace(-1, None)))
        popular = self._popularity.of_pairs(pairs) >= self._bound[self._kind[user]]
        explored = (placed["step"] == _EXPLORED).to_numpy()
        cases = {
            "explored": explored & self._category_known[article],
            "explored_anywhere": explored,
            "because_you_read": title.is_not_null().to_numpy(),
            "category_follow": self._request.chosen(pairs),
            "popular_region": popular & self._region_known[user],
            "popular": popular,
            "fresh": self._fresh[article],
        }
        numbers = [SENTENCES.index(name) for name in cases]
        sentence = np.select(list(cases.values()), numbers, SENTENCES.index("for_you"))
        return self._wording.of(sentence, user, self._category.gather(article), title)


class _Wording:
    """Sentences in the languages of some readers."""

    def __init__(self, users: pl.DataFrame) -> None:
        languages, self._language = _numbered(users["language"])
        regions, region = _numbered(users["region"])
        spoken = [phrases_for(language) for language in languages]
        parts = [p.sentences[name].partition(_GAP) for p in spoken for name in SENTENCES]
        self._before = pl.Series([before for before, _, _ in parts], dtype=pl.String)
        self._after = pl.Series([after for _, _, after in parts], dtype=pl.String)
        self._regions = pl.Series([p.region(r) for p in spoken for r in regions], dtype=pl.String)
        self._region = self._language * len(regions) + region

    def of(self, sentence: Rows, user: Rows, category: pl.Series, title: pl.Series) -> pl.Series:
        """A struct {code, text} for each place; shapes are (places,).

        Args:
            sentence: positions in `SENTENCES`.
            user: rows of readers.
            category: what fills the gap of sentences about a category.
            title: what fills that of sentences about an article.
        """
        row = self._language[user] * len(SENTENCES) + sentence
        words = pl.DataFrame(
            {
                "name": pl.Series(SENTENCES).gather(sentence),
                "before": self._before.gather(row),
                "after": self._after.gather(row),
                "category": category,
                "title": title,
                "region": self._regions.gather(self._region[user]),
            }
        )
        name = pl.col("name")
        gap = (
            pl.when(name == "because_you_read")
            .then("title")
            .when(name.is_in(["category_follow", "explored"]))
            .then("category")
            .when(name == "popular_region")
            .then("region")
            .otherwise(pl.lit(""))
        )
        code = name.replace("explored_anywhere", _EXPLORED)
        text = pl.concat_str("before", gap, "after")
        return words.select(reason=pl.struct(code=code, text=text))["reason"]


def _much_read(
    request: RequestRows, popularity: BoundScorer
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """From which popularity on an article is much read.

    Returns:
        The kind of each reader, shape (readers,): those of a kind live in the same region and may
        get the same articles. And the bound of each kind; infinite where nothing is read.
    """
    regions, region = _numbered(request.request.users["region"])
    groups = request.eligibility.group_of_reader
    _, one, kind = np.unique(groups * len(regions) + region, return_index=True, return_inverse=True)
    bounds = np.full(len(one), np.inf, np.float32)
    for n, user_row in enumerate(one):
        rows = request.eligibility.articles_of(groups[user_row])
        scores = popularity.of_pairs(Pairs(np.full(len(rows), user_row), rows))
        best = np.sort(scores)[::-1][: max(_POPULAR_LEAST, round(len(rows) * _POPULAR_SHARE))]
        if (best > 0).any():
            bounds[n] = best[best > 0][-1]
    return kind, bounds


def _numbered(names: pl.Series) -> tuple[list[str], Rows]:
    """The different names, and the number of each one's."""
    known = names.unique().sort()
    return known.to_list(), Index(known).rows(names)


def _readable(categories: pl.Series) -> pl.Series:
    """As people write it: "local_news" is "Local news"; null where it is unknown."""
    words = categories.str.replace_all("_", " ")
    readable = words.str.slice(0, 1).str.to_uppercase() + words.str.slice(1)
    return readable.set(categories == UNKNOWN, None)


def _short(titles: pl.Series) -> pl.Series:
    """On one line, and cut at a word when they are long; null where there is no title."""
    whole = titles.str.replace_all(r"\s+", " ").str.strip_chars()
    cut = whole.str.slice(0, _LONGEST_TITLE - 1).str.replace(r" [^ ]*$", "") + "…"
    title = pl.col("whole")
    return (
        pl.select(whole=whole, cut=cut)
        .select(
            pl.when(title == "")
            .then(None)
            .when(title.str.len_chars() <= _LONGEST_TITLE)
            .then(title)
            .otherwise("cut")
            .alias("title")
        )
        .to_series()
    )
