"""The page of the API's contract in a real browser: it shows the operations, and tries one."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from newsrec_api import openapi
from support.api_server import api_server
from support.seed import seed

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt-get install chromium")


@pytest.fixture(params=[1280, 390], ids=["desktop", "phone"])
def page(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[Page]:
    """/docs; anything that the browser refuses, and any other host, fails the test."""
    seed(database_url, readers=4, articles=30)
    with (
        api_server(database_url, tmp_path / "api.log", WORKERS="1", THREADS="4") as address,
        sync_playwright() as playwright,
        playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        ) as browser,
    ):
        page = browser.new_page(viewport={"width": request.param, "height": 860})
        wrong: list[str] = []
        page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: wrong.append(str(e)))
        page.on(
            "request",
            lambda r: None if r.url.startswith((address, "data:")) else wrong.append(r.url),
        )
        page.goto(f"{address}/docs")
        yield page
        assert wrong == []


def test_every_operation_is_shown_and_can_be_tried(page: Page) -> None:
    expect(page.get_by_role("heading", name="newsrec API")).to_be_visible()
    methods = ("get", "post", "put", "delete")
    paths = openapi.load()["paths"].values()
    operations = [item[m] for item in paths for m in methods if m in item]
    expect(page.locator(".opblock")).to_have_count(len(operations))

    block = page.locator("[id$=getCategories]")
    block.locator(".opblock-summary-control").click()
    with page.expect_response("**/v1/categories") as answered:
        block.get_by_role("button", name="Execute").click()
    assert answered.value.status == 200
    shown = block.locator(".live-responses-table .response")
    expect(shown.locator(".response-col_status")).to_have_text(re.compile("200"))
    expect(shown.locator("pre.microlight, .highlight-code").first).to_contain_text("categories")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
