"""The demo page in a real browser, over the real API and a real PostgreSQL."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from support.api_server import api_server
from support.postgres import query
from support.seed import Seed, seed

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt-get install chromium")
ANA = "reader-00003"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture
def seeded(database_url: str) -> Seed:
    return seed(database_url, readers=24, articles=90)


@pytest.fixture
def address(database_url: str, seeded: Seed, tmp_path: Path) -> Iterator[str]:
    with api_server(
        database_url, tmp_path / "api.log", DEMO="1", WORKERS="1", THREADS="4"
    ) as address:
        yield address


@pytest.fixture
def page(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Page]:
    """The page of one reader; anything wrong in its console fails the test."""
    width = getattr(request, "param", 1280)
    context = browser.new_context(viewport={"width": width, "height": 860})
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda m: wrong.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda e: wrong.append(str(e)))
    page.on("request", lambda r: wrong.append(r.url) if not r.url.startswith(address) else None)
    page.goto(f"{address}/?reader={ANA}")
    expect(page.locator(".card")).to_have_count(10)
    yield page
    context.close()
    assert wrong == []


@pytest.mark.parametrize("page", [1280, 390], ids=["desktop", "phone"], indirect=True)
def test_a_click_is_read_reported_and_marked_until_the_next_run(
    page: Page, seeded: Seed, database_url: str
) -> None:
    article = seeded.slates[ANA][2]
    card = page.locator(f'.card[data-article="{article}"]')
    expect(card.locator(".why")).not_to_be_empty()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    with page.expect_response("**/v1/events"):
        card.locator(".card-open").click()
    expect(page.locator("#reading")).to_be_visible()
    expect(page.locator("#reading-timer")).to_have_text("0:01")
    with page.expect_response("**/v1/events") as sent:
        page.keyboard.press("Escape")
    assert sent.value.status == 202
    expect(card.locator(".state")).to_be_visible()
    events = dict(
        query(
            database_url,
            "SELECT coalesce(payload->>'kind', entity), payload FROM event_inbox "
            "WHERE payload->>'user_id' = %s",
            ANA,
        )
    )
    assert set(events) == {"impressions", "click", "read"}
    shown, click, read = (events[k] for k in ("impressions", "click", "read"))
    assert isinstance(shown, dict)
    assert isinstance(click, dict)
    assert isinstance(read, dict)
    assert shown["article_ids"] == seeded.slates[ANA][:10]
    assert click["view_id"] == read["view_id"]
    assert click["impression_id"] == shown["impression_id"]
    assert 1 <= read["dwell_seconds"] < 30
    assert read["read_at"].startswith("2026-03-08T08:0")
    page.reload()
    expect(page.locator(f'.card[data-article="{article}"] .state')).to_be_visible()


def test_a_new_reader_chooses_and_sees_her_categories_at_once(page: Page) -> None:
    page.click("#new-reader")
    page.click("#onboarding-form [type=submit]")
    expect(page.locator("#onboarding-error")).to_have_text("Choose at least one category.")
    page.locator(".choice", has_text="Climate").click()
    page.click("#onboarding-form [type=submit]")
    expect(page.locator("#onboarding")).not_to_be_visible()
    expect(page.locator("#slate-notice")).to_be_visible()
    expect(page.locator(".card .chip").first).to_have_text("Climate")


def test_another_reader_has_another_slate(page: Page, seeded: Seed) -> None:
    page.click("#choose-reader")
    page.locator('[data-reader="reader-00004"]').click()
    first = page.locator(".card").first
    expect(first).to_have_attribute("data-article", seeded.slates["reader-00004"][0])
    expect(page).to_have_url(re.compile("reader=reader-00004"))


def test_similar_and_trending_articles_open_too(page: Page) -> None:
    trending = page.locator("#trending .line").first
    headline = trending.locator(".line-title").inner_text()
    trending.click()
    expect(page.locator("#reading-title")).to_have_text(headline)
    near = page.locator("#similar .line").first
    headline = near.locator(".line-title").inner_text()
    with page.expect_response("**/v1/events"):
        near.click()
    expect(page.locator("#reading-title")).to_have_text(headline)
    page.click("#reading-close")
    expect(page.locator("#reading")).not_to_be_visible()
