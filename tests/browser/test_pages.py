"""Every page in both themes and on a tablet, what an administrator does, and pictures of it all.

``MRI_PICTURES=docs/images pytest tests/browser/test_pages.py`` (``make pictures``) writes the
pictures of the documents; without it nothing is written.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pytest
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect

from local_stack.reading_room import ReadingRoom
from local_stack.stack import LocalStack
from mri_client.reading_api import ReadingApi
from tests.browser.barriers import barriers, hidden_width
from tests.browser.pictures import WANTED, picture
from tests.support.brains import SAMPLE
from tests.support.chain import Chain
from tests.support.signed_in import id_token

Visit = Callable[[str], Page]
Scheme = Literal["light", "dark"]
WINDOW: ViewportSize = {"width": 1280, "height": 720}
LOOKS: tuple[tuple[ViewportSize, Scheme], ...] = (
    ({"width": 820, "height": 1180}, "dark"),
    ({"width": 820, "height": 1180}, "light"),
    ({"width": 1024, "height": 768}, "light"),
    (WINDOW, "dark"),
    (WINDOW, "light"),
)
ADMINISTRATION = ("Stage times", "Failed studies", "Costs", "Models in use", "Audit trail")


@dataclass(frozen=True)
class Studies:
    """Of one subject: an earlier one that is signed, and a later draft; one that failed."""

    signed: str
    draft: str
    failed: str


@pytest.fixture(scope="module")
def studies(stack: LocalStack) -> Studies:
    token = id_token(stack.issuer, "demo-reviewer")
    api, chain = ReadingApi(stack.api_url, lambda: token), Chain.of(stack)

    def analysed(body: bytes) -> str:
        form = api.prepare_upload(len(body), subject="made-up subject 1")
        chain.ended(chain.put(body, form.fields["key"]))
        return form.job_id

    signed = analysed(SAMPLE.read_bytes())
    api.sign(signed, version=api.report(signed).version)
    found = Studies(signed, analysed(SAMPLE.read_bytes()), analysed(SAMPLE.read_bytes()[:50_000]))
    api.close()
    return found


def in_scheme(page: Page, scheme: Scheme) -> None:
    """The page in this theme, once it is drawn."""
    page.emulate_media(color_scheme=scheme)
    sign = "<" if scheme == "dark" else ">"
    page.wait_for_function(
        "() => getComputedStyle(document.querySelector('.stApp')).backgroundColor"
        f".match(/\\d+/g).slice(0, 3).every(part => part {sign} 128)"
    )


def in_the_way(page: Page) -> list[str]:
    """Barriers, and parts beyond the right border; ends as it began: light, 1280 x 720."""
    found: list[str] = []
    for size, scheme in LOOKS:
        page.set_viewport_size(size)
        in_scheme(page, scheme)
        page.wait_for_timeout(300)  # colours fade
        where = f"{scheme}, {size['width']} px"
        found += [f"{where}: {barrier}" for barrier in barriers(page)]
        if beyond := hidden_width(page):
            found.append(f"{where}: {beyond} px beyond the right border")
    return found


def administration(page: Page, name: str) -> Locator:
    page.locator(".st-key-administration").get_by_role("link", name=name).click()
    page.get_by_role("heading", name=name).wait_for()
    return page.locator(".plain-table").first


def test_pages_of_a_reader(
    visit: Visit, browser: Browser, room: ReadingRoom, studies: Studies
) -> None:
    before = browser.new_context(viewport=WINDOW)
    page = before.new_page()
    page.goto(room.url)
    page.get_by_role("button", name="Sign in").wait_for()
    assert in_the_way(page) == []
    picture(page, "sign_in")
    before.close()

    page = visit("demo-reviewer")
    page.get_by_role("row").nth(1).wait_for()
    assert in_the_way(page) == []
    picture(page, "worklist")

    page.get_by_role("link", name="Upload").click()
    page.locator(".zone").wait_for()
    assert in_the_way(page) == []
    picture(page, "upload")


def test_prior_study_beside_the_later_one(
    visit: Visit, room: ReadingRoom, studies: Studies
) -> None:
    page = visit("demo-reviewer")
    # Overview pictures for the viewer: its software graphics would keep the page waiting.
    page.route("**/niivue.umd.js", lambda route: route.abort())
    page.goto(f"{room.url}/study?job={studies.draft}")
    overview = page.locator("[data-ready=montage] img")
    expect(overview).to_have_js_property("complete", True)  # until then parts below it move

    page.get_by_text("Prior study of the same subject").click()
    choice = page.get_by_label("Prior study, the latest upload first")
    choice.scroll_into_view_if_needed()
    page.wait_for_timeout(1500)  # the part unfolds; a page that moves closes an open list
    choice.press("ArrowDown")
    page.get_by_role("option").filter(has_text=studies.signed[:8]).click()

    expect(page.get_by_text(f"Then: {studies.signed[:8]}")).to_be_visible()
    expect(page.get_by_text(f"Now: {studies.draft[:8]}")).to_be_visible()
    page.locator("table").filter(has_text="Intracranial volume").last.wait_for()
    assert in_the_way(page) == []
    page.evaluate(
        "[...document.querySelectorAll('summary')]"
        ".find(part => part.innerText.includes('Prior study')).scrollIntoView()"
    )
    picture(page, "prior_study")


def test_pages_of_an_administrator(visit: Visit, studies: Studies) -> None:
    page = visit("demo-admin")
    page.get_by_role("link", name="Administration").click()
    for name in ADMINISTRATION:
        table = administration(page, name)
        table.wait_for()
        assert in_the_way(page) == [], name
        picture(page, name.lower().replace(" ", "_"))
        if name == "Failed studies":
            expect(table).to_contain_text(studies.failed)
        if name in ("Costs", "Audit trail"):
            expect(page.locator(".plain-table").last).to_contain_text(studies.draft)


def test_administrator_finds_who_signed_a_study_with_the_keyboard_alone(
    visit: Visit, studies: Studies
) -> None:
    page = visit("demo-admin")

    def press_tab_until(name: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.innerText")[:60].strip() == name:
                return
        raise AssertionError(f"Tab does not reach {name}")

    press_tab_until("Administration")
    page.keyboard.press("Enter")
    page.locator(".st-key-administration").get_by_role("link", name="Audit trail").wait_for()
    press_tab_until("Audit trail")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Audit trail").wait_for()

    page.get_by_label("Study id, or how it begins").focus()
    page.keyboard.type(studies.signed[:13])
    page.keyboard.press("Enter")

    rows = page.get_by_role("row")
    expect(rows.filter(has_text=studies.draft)).to_have_count(0)
    signing = rows.filter(has_text=re.compile("signed", re.IGNORECASE))
    expect(signing).to_contain_text("demo-reviewer")
    expect(signing).to_contain_text(studies.signed)
    page.mouse.move(0, 0)
    picture(page, "audit_trail_of_a_study")


def test_who_is_no_administrator_finds_no_administration(visit: Visit, room: ReadingRoom) -> None:
    page = visit("demo-clinician")
    expect(page.get_by_role("link", name="Administration")).to_have_count(0)

    for name in ("Stage times", "Audit trail"):
        page.goto(f"{room.url}/{name.lower().replace(' ', '-')}")
        page.get_by_role("link", name="Sign out").wait_for()
        expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
        expect(page.get_by_role("heading", name=name)).to_have_count(0)
        expect(page.locator(".plain-table")).to_have_count(0)


@pytest.mark.skipif(not WANTED, reason="only for pictures: MRI_PICTURES=docs/images")
def test_pictures_of_a_study(visit: Visit, room: ReadingRoom, studies: Studies) -> None:
    page = visit("demo-reviewer")

    def opened(study: str) -> None:
        page.goto(f"{room.url}/study?job={study}")
        page.locator("[data-ready=viewer]").wait_for()
        page.wait_for_timeout(3000)  # the viewer has drawn

    opened(studies.draft)
    picture(page, "study")
    in_scheme(page, "dark")
    page.wait_for_timeout(1000)
    picture(page, "study_dark")
    in_scheme(page, "light")
    page.get_by_role("button", name="Source").nth(1).click()
    page.get_by_text("Band derived from published figures").wait_for()
    page.wait_for_timeout(1000)
    picture(page, "citation")
    page.keyboard.press("Escape")

    page.get_by_role("tab", name="Measurements").click()
    page.locator(".measured tbody").filter(has_text="Brain volume").locator("summary").click()
    page.wait_for_timeout(1000)
    picture(page, "measurements")

    page.get_by_role("tab", name="Review").click()
    page.get_by_label("Key findings, sentence 2", exact=True).fill(
        "Intracranial volume is unremarkable."
    )
    page.get_by_role("button", name="Save the changes").click()
    page.get_by_role("tab", name="Review").click()
    page.locator("del, s").first.wait_for()
    page.wait_for_timeout(1000)
    picture(page, "review")

    opened(studies.signed)
    expect(page.get_by_text("Signed by Dr. Rosa Reviewer").first).to_be_visible()
    picture(page, "signed_report")
    page.get_by_text("Download", exact=True).click()
    page.get_by_role("button", name="All of it (zip)").scroll_into_view_if_needed()
    page.wait_for_timeout(1000)
    picture(page, "downloads")
