"""Slates: stored, topped up, or made for want of one."""

from newsrec_api.use_cases.recommend import Recommend
from newsrec_api.values import Block, Profile
from support.fakes_api import Store
from support.seed import NOW


def recommend(store: Store) -> Recommend:
    r = store.repositories()
    return Recommend(r.slates, r.articles, r.readers, lambda: NOW)


def ids(items: list[dict[str, object]]) -> list[object]:
    return [i["article_id"] for i in items]


def store() -> Store:
    made = Store.of(40)
    keys = list(made.articles)
    made.slates["ana"] = keys[10:16]
    made.popular[("", "")] = keys[:10]
    made.popular[("africa", "en")] = keys[20:24]
    return made


def test_a_stored_slate_is_cut_to_the_limit_and_is_no_fallback() -> None:
    slate = recommend(store()).slate("ana", 4)
    assert ids(slate.items) == [f"article-{n:05}" for n in range(10, 14)]
    assert not slate.fallback
    assert slate.variant == "champion"


def test_missing_places_of_a_slate_are_filled_with_popular_articles_once_each() -> None:
    made = store()
    made.slates["ana"] = ["article-00003", "article-00012", "article-99999"]
    slate = recommend(made).slate("ana", 6)
    assert ids(slate.items)[:4] == [
        *("article-00003", "article-00012", "article-00000", "article-00001")
    ]
    assert [i["reason"]["code"] for i in slate.items] == ["als"] * 2 + ["popular"] * 4
    assert [i["rank"] for i in slate.items] == list(range(1, 7))
    assert len(set(ids(slate.items))) == 6
    assert not slate.fallback


def test_a_stranger_gets_popular_articles_of_the_region_she_asks_for() -> None:
    slate = recommend(store()).slate("nobody", 6, region="africa", language="en")
    assert slate.fallback
    assert ids(slate.items) == [f"article-{n:05}" for n in (20, 21, 22, 23, 0, 1)]


def test_a_reader_with_chosen_categories_gets_their_newest_before_popular_ones() -> None:
    made = store()
    made.profiles["new"] = Profile("new", "africa", "es", "UTC", ["climate"], True)
    slate = recommend(made).slate("new", 10)
    chosen = [i for i in slate.items if i["reason"]["code"] == "newest"]
    assert slate.fallback
    assert slate.items[: len(chosen)] == chosen
    assert {(i["category"], i["language"]) for i in chosen} == {("climate", "es")}
    assert chosen == sorted(chosen, key=lambda i: i["published_at"], reverse=True)
    assert len(slate.items) == 10


def test_blocked_articles_are_in_no_list() -> None:
    made = store()
    bad = "article-00010"
    made.blocks.append(Block(bad, NOW, "ben", "invented"))
    made.popular[("", "")].insert(0, bad)
    made.similar["article-00000"] = [bad, "article-00001"]
    made.profiles["new"] = Profile("new", None, None, None, [made.articles[bad].category], True)
    use = recommend(made)
    lists = (
        use.slate("ana", 50).items,
        use.slate("nobody", 50).items,
        use.slate("new", 50).items,
        use.trending("", "", 50).items,
        use.similar("article-00000", 10),
    )
    assert all(items for items in lists)
    assert all(bad not in ids(items) for items in lists)


def test_before_the_first_run_everybody_gets_what_was_just_published() -> None:
    made = store()
    made.run = None
    slate = recommend(made).slate("nobody", 3)
    assert slate.run is None
    assert slate.as_of == NOW
    assert ids(slate.items) == ["article-00000", "article-00001", "article-00002"]


def test_with_no_articles_at_all_the_slate_is_empty() -> None:
    assert recommend(Store.of(0)).slate("nobody", 10).items == []
