"""The page that describes the API, in a browser: it loads nothing from outside, and it works."""

import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from local_stack.stack import LocalStack
from tests.contract.conftest import Studies
from tests.support.signed_in import id_token


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = chromium.new_page()
        page.set_default_timeout(30_000)
        yield page
        chromium.close()


def test_page_describes_the_api_and_tries_it_with_a_token(
    stack: LocalStack, studies: Studies, page: Page
) -> None:
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))

    page.goto(f"{stack.api_url}/v1/docs")
    page.get_by_role("button", name="Authorize").click()
    page.get_by_role("textbox", name=re.compile("auth-bearer")).fill(
        id_token(stack.issuer, "demo-clinician")
    )
    page.get_by_role("button", name="Apply credentials").click()
    page.get_by_role("button", name="Close", exact=True).click()
    block = page.locator("#operations-jobs-get_jobs")
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Try it out").click()
    block.get_by_role("button", name="Execute").click()

    expect(block.locator(".live-responses-table").get_by_text(studies.draft)).to_be_visible()
    assert [url for url in asked if not url.startswith((stack.api_url, "data:", "blob:"))] == []
    assert f"{stack.api_url}/v1/jobs?limit=20" in asked
    assert complaints == []
