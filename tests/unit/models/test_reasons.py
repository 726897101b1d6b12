from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from newsrec_pipelines.features.types import Pairs, Request
from newsrec_pipelines.models import last_reads
from newsrec_pipelines.models.content import Content
from newsrec_pipelines.models.protocols import Vectors
from newsrec_pipelines.models.reasons import Reasons
from newsrec_pipelines.models.request_rows import RequestRows
from newsrec_pipelines.schemas import UNKNOWN
from support.factories_models import (
    AS_OF,
    load_params,
    make_read,
    make_reads,
    make_request,
    make_training_data,
)

DATA = make_training_data()
CONTENT = Content.fit(DATA, load_params())
NO_CHOICE = pl.lit([], pl.List(pl.String))
# Nobody has read anything, nobody chose anything, and no article is fresh.
PLAIN = make_request(
    DATA, users=DATA.users.with_columns(preferred_categories=NO_CHOICE), history=make_reads([])
)
PLAIN = replace(
    PLAIN, articles=PLAIN.articles.with_columns(pl.col("published_at") - timedelta(hours=7))
)
READERS, ARTICLES = PLAIN.users.height, PLAIN.articles.height


class MuchRead:
    """Says of some articles that they are read."""

    def __init__(self, *article_rows: int, count: int = ARTICLES) -> None:
        self.scores = np.zeros(count, np.float32)
        self.scores[list(article_rows)] = np.arange(1, len(article_rows) + 1)

    def of_pairs(self, pairs: Pairs) -> Vectors:
        return self.scores[pairs.article_row]


def reasons(
    request: Request, *placed: tuple[int, int], step: str = "ranked", popular: tuple[int, ...] = ()
) -> list[dict[str, str]]:
    frame = pl.DataFrame(placed, schema=["user_row", "article_row"], orient="row")
    rows = RequestRows(request)
    made = Reasons(rows, CONTENT, MuchRead(*popular, count=request.articles.height))
    return made.of(frame.with_columns(step=pl.lit(step))).to_list()


def codes(request: Request, *placed: tuple[int, int], **options: object) -> list[str]:
    return [reason["code"] for reason in reasons(request, *placed, **options)]


def speaking(request: Request, language: str) -> Request:
    """All readers speak it, and read articles in it."""
    change = pl.lit(language).alias("language")
    return replace(
        request,
        users=request.users.with_columns(change),
        articles=request.articles.with_columns(change),
    )


def test_without_anything_to_say_it_is_chosen_for_her() -> None:
    assert reasons(PLAIN, (0, 0)) == [{"code": "for_you", "text": "Chosen for you"}]


def test_because_you_read_names_the_latest_title_of_what_is_most_alike() -> None:
    reads = [make_read("u01", "a004"), make_read("u01", "a001")]
    corrected = (
        pl.when(pl.col("article_id") == "a004").then(pl.lit("Ice\n  melts")).otherwise("title")
    )
    request = replace(
        PLAIN, history=make_reads(reads), articles=PLAIN.articles.with_columns(title=corrected)
    )
    row = request.articles["article_id"].to_list().index("a008")
    made = reasons(request, (0, row), (1, row))
    assert made[0]["code"] == "for_you"
    assert made[1] == {"code": "because_you_read", "text": "Because you read “Ice melts”"}


@pytest.mark.parametrize(("dwell", "kind"), [(1.0, "read"), (60.0, "hide")])
def test_nobody_is_reminded_of_what_she_left_at_once_or_hid(dwell: float, kind: str) -> None:
    request = replace(PLAIN, history=make_reads([make_read("u00", "a004", dwell, kind=kind)]))
    assert codes(request, (0, 8)) == ["for_you"]


def test_only_the_last_reads_count() -> None:
    old = [make_read("u00", "a004", hours_ago=90)]
    newer = [make_read("u00", f"a{n:03d}", hours_ago=n) for n in range(9, 9 + 80, 4)]
    assert len(newer) == last_reads._RECENT_READS
    assert codes(replace(PLAIN, history=make_reads(old)), (0, 8)) == ["because_you_read"]
    assert codes(replace(PLAIN, history=make_reads(old + newer)), (0, 8)) == ["for_you"]


def test_an_article_that_only_the_training_knows_is_remembered_with_its_title() -> None:
    reads = make_reads([make_read("u00", "a200")])
    kept = CONTENT.read["article_id"].to_list()
    assert "a200" in kept
    assert "a200" not in PLAIN.articles["article_id"]
    title = DATA.articles.filter(article_id="a200")["title"].item()
    alike = [(0, n) for n in range(0, 40, 4)]
    texts = [r["text"] for r in reasons(replace(PLAIN, history=reads), *alike)]
    assert f"Because you read “{title}”" in texts


def test_a_long_title_is_cut_at_a_word_and_no_title_is_no_reason() -> None:
    reads = make_reads([make_read("u00", "a004")])
    for title, text in (
        ("glacier warming " * 9, "Because you read “" + "glacier warming " * 4 + "glacier…”"),
        (" ", "Chosen for you"),
    ):
        articles = PLAIN.articles.with_columns(
            title=pl.when(pl.col("article_id") == "a004").then(pl.lit(title)).otherwise("title"),
            abstract=pl.lit("glacier warming carbon drought ocean"),
        )
        request = replace(PLAIN, history=reads, articles=articles)
        assert reasons(request, (0, 8))[0]["text"] == text


def test_a_category_that_she_follows_is_named() -> None:
    follows = PLAIN.users.with_columns(
        preferred_categories=pl.when(pl.col("user_id") == "u01")
        .then(pl.lit(["local_news"]))
        .otherwise("preferred_categories")
    )
    articles = PLAIN.articles.with_columns(category=pl.lit("local_news"))
    request = replace(PLAIN, users=follows, articles=articles)
    assert reasons(request, (0, 3), (1, 3)) == [
        {"code": "for_you", "text": "Chosen for you"},
        {"code": "category_follow", "text": "New in Local news, which you follow"},
    ]


def test_much_read_is_the_best_of_what_she_may_get_and_never_what_nobody_reads() -> None:
    # Among 96 articles at least ten are much read; here eleven are read at all.
    read = tuple(range(20, 31))
    made = reasons(PLAIN, (0, 20), (0, 21), (0, 30), (1, 30), (1, 40), popular=read)
    assert [r["text"] for r in made] == [
        "Chosen for you",
        "Much read in Africa now",
        "Much read in Africa now",
        "Much read in Latin America now",
        "Chosen for you",
    ]
    nowhere = replace(PLAIN, users=PLAIN.users.with_columns(region=pl.lit(UNKNOWN)))
    assert reasons(nowhere, (0, 30), popular=read) == [{"code": "popular", "text": "Much read now"}]


def test_much_read_is_counted_in_her_language() -> None:
    # Ten articles in Spanish are read most; a reader of English is not told that they are all.
    spanish = pl.int_range(pl.len()) < 10
    articles = PLAIN.articles.with_columns(
        language=pl.when(spanish).then(pl.lit("es")).otherwise(pl.lit("en"))
    )
    request = replace(PLAIN, articles=articles)
    assert codes(request, (0, 50), popular=(50, *range(10))) == ["popular_region"]


def test_an_article_of_the_last_six_hours_is_fresh() -> None:
    ages = pl.int_range(pl.len()) * timedelta(hours=1)
    published = pl.lit(AS_OF).cast(pl.Datetime("us", "UTC")) - ages
    request = replace(PLAIN, articles=PLAIN.articles.with_columns(published_at=published))
    assert codes(request, (0, 0), (0, 5), (0, 6)) == ["fresh", "fresh", "for_you"]
    assert reasons(request, (0, 0))[0]["text"] == "Just published"


def test_what_chance_has_placed_says_so_before_all_else() -> None:
    request = replace(PLAIN, history=make_reads([make_read("u00", "a004")]))
    assert reasons(request, (0, 8), step="explored") == [
        {"code": "explored", "text": "Something new for you, in Climate"}
    ]
    unknown = replace(PLAIN, articles=PLAIN.articles.with_columns(category=pl.lit(UNKNOWN)))
    assert reasons(unknown, (0, 8), step="explored") == [
        {"code": "explored", "text": "Something new for you"}
    ]


@pytest.mark.parametrize(
    ("language", "because", "region"),
    [
        ("es", "Porque leíste “{}”", "Muy leído ahora en América Latina"),
        ("pt-BR", "Porque você leu “{}”", "Muito lido agora na América Latina"),
        (
            "fr",
            "Parce que vous avez lu «\N{NO-BREAK SPACE}{}\N{NO-BREAK SPACE}»",
            "Très lu en ce moment en Amérique latine",
        ),
        ("sw", "Because you read “{}”", "Much read in Latin America now"),
    ],
)
def test_reasons_speak_the_language_of_the_reader(language: str, because: str, region: str) -> None:
    request = speaking(replace(PLAIN, history=make_reads([make_read("u01", "a004")])), language)
    title = request.articles.filter(article_id="a004")["title"].item()
    made = reasons(request, (1, 8), (1, 9), popular=(9,))
    assert [r["text"] for r in made] == [because.format(title), region]


def test_reasons_do_not_depend_on_who_else_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    request = make_request(DATA)
    made = Reasons(RequestRows(request), CONTENT, MuchRead(1, 2, count=request.articles.height))
    size = rng.integers(1, 12, READERS)
    placed = pl.DataFrame(
        {
            "user_row": np.repeat(np.arange(READERS), size),
            "article_row": rng.integers(0, request.articles.height, size.sum()),
        }
    ).with_columns(step=pl.lit("ranked"))
    whole = made.of(placed)
    assert whole.struct.field("code").n_unique() >= 3
    monkeypatch.setattr(last_reads, "_READERS", 5)
    assert made.of(placed).equals(whole)
    one = placed["user_row"] == 7
    assert made.of(placed.filter(one)).equals(whole.filter(one))
    assert made.of(placed.clear()).is_empty()
