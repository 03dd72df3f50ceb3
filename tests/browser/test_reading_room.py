"""A reviewer's day: sign in, upload a real scan, look, change, sign; and what others see of it."""

import io
import re
from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from local_stack.reading_room import ReadingRoom
from local_stack.stack import LocalStack
from tests.browser.barriers import barriers
from tests.support.brains import SAMPLE
from tests.support.chain import Chain

Visit = Callable[[str], Page]
SLOW_MS = 90_000
"""Software graphics and a segmentation on two cores."""


@pytest.fixture(scope="module")
def study(stack: LocalStack, room: ReadingRoom) -> str:
    """Address of an analysed study."""
    chain = Chain.of(stack)
    keys = chain.put(SAMPLE.read_bytes())
    chain.ended(keys)
    return f"{room.url}/study?job={keys.job_id}"


def open_study(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("heading", name="Key findings").wait_for(timeout=SLOW_MS)


def canvas_pixels(page: Page) -> np.ndarray:
    picture = page.locator("canvas[id^=''], .stage canvas").last.screenshot()
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"), np.int16)


def test_scan_goes_from_the_browser_to_a_report(visit: Visit) -> None:
    page = visit("demo-clinician")
    outside: list[str] = []
    page.on("request", lambda request: outside.append(request.url))

    page.get_by_role("link", name="Upload").click()
    page.get_by_role("heading", name="Upload").wait_for()
    page.locator("input[type=file]").set_input_files(str(SAMPLE))
    page.wait_for_url(re.compile(r"/study\?job="))
    page.get_by_role("heading", name="Key findings").wait_for(timeout=SLOW_MS)

    expect(page.get_by_text("Not for clinical use until a reader")).to_be_visible()
    assert [
        url
        for url in outside
        if not re.match(r"(https?|ws)://(localhost|127\.0\.0\.1)", url)
        and not url.startswith(("data:", "blob:"))
    ] == []


def test_file_that_is_no_scan_is_refused_before_it_is_sent(visit: Visit) -> None:
    page = visit("demo-clinician")
    page.get_by_role("link", name="Upload").click()
    chooser = page.locator("input[type=file]")

    chooser.set_input_files({"name": "a.nii", "mimeType": "x", "buffer": b"no scan"})
    expect(page.get_by_role("alert").filter(has_text="no NIfTI image")).to_be_visible()
    chooser.set_input_files({"name": "a.nii", "mimeType": "x", "buffer": b""})
    expect(page.get_by_role("alert").filter(has_text="empty")).to_be_visible()


def test_viewer_draws_the_labels_and_takes_them_away(visit: Visit, study: str) -> None:
    page = visit("demo-reviewer")
    open_study(page, study)
    page.locator("[data-ready=viewer]").wait_for(timeout=SLOW_MS)
    page.get_by_role("button", name="Axial").click()
    page.wait_for_timeout(1000)
    with_labels = canvas_pixels(page)
    page.get_by_role("slider", name="Opacity of the labels").fill("0")
    page.wait_for_timeout(1000)
    without = canvas_pixels(page)

    def coloured(pixels: np.ndarray) -> float:
        return float((pixels.max(axis=2) - pixels.min(axis=2) > 40).mean())

    assert with_labels.shape == without.shape
    assert coloured(with_labels) > 0.05
    assert coloured(without) < 0.01


def test_keys_move_through_the_scan_and_tell_what_is_there(visit: Visit, study: str) -> None:
    page = visit("demo-reviewer")
    open_study(page, study)
    page.locator("[data-ready=viewer]").wait_for(timeout=SLOW_MS)
    page.get_by_text("Keys", exact=True).click()
    expect(page.get_by_text("labels on and off")).to_be_visible()
    page.locator(".viewer").focus()

    def after(*keys: str) -> np.ndarray:
        for key in keys:
            page.keyboard.press(key)
        page.wait_for_timeout(1000)
        return canvas_pixels(page)

    coronal = after("3", "ArrowUp", "ArrowDown")  # the first step goes to the middle of a voxel
    expect(page.get_by_role("button", name="Coronal")).to_have_attribute("aria-pressed", "true")
    in_front = after("Shift+ArrowUp", "ArrowUp")
    back = after("Shift+ArrowDown", "ArrowDown")
    assert np.abs(in_front - coronal).mean() > 1
    assert np.abs(back - coronal).mean() < 0.1

    after("Shift+ArrowLeft", "Shift+ArrowLeft")
    expect(page.locator(".place")).to_have_text(re.compile(r"right: \d+(\.\d)? mL$"))

    slider = page.get_by_role("slider", name="Opacity of the labels")
    after("o")
    expect(slider).to_have_value("0")
    after("o", "]")
    expect(slider).to_have_value("55")
    after("Shift+PageUp", "Home")
    expect(slider).to_have_value("45")
    expect(page.get_by_role("button", name="All planes")).to_have_attribute("aria-pressed", "true")


def test_verdict_opens_what_it_rests_on(visit: Visit, study: str) -> None:
    page = visit("demo-clinician")
    open_study(page, study)
    page.get_by_role("tab", name="Measurements").click()
    brain = page.locator(".measured tbody").filter(has_text="Brain volume")
    expect(brain).to_contain_text("within, band 933 to 1526 mL")
    source = brain.get_by_role("link", name="https://doi.org/10.3171/jns.1996.84.6.0982")
    expect(source).to_be_hidden()

    brain.locator("summary").focus()
    page.keyboard.press("Enter")

    expect(source).to_be_visible()
    expect(brain.get_by_text("Population: 49 healthy adults")).to_be_visible()


def test_worklist_leads_to_the_study(visit: Visit, study: str) -> None:
    page = visit("demo-clinician")
    job_id = study.rpartition("=")[2]
    row = page.get_by_role("row").filter(has_text=job_id)
    expect(row).to_contain_text("completed")
    expect(row).to_contain_text("draft")

    page.get_by_label("Study id begins with").fill("ffffffff")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No study fits.")).to_be_visible()
    page.get_by_label("Study id begins with").fill(job_id[:8])
    page.keyboard.press("Enter")
    row.get_by_role("link").click()

    page.get_by_role("heading", name="Key findings").wait_for(timeout=SLOW_MS)


def test_sentence_leads_to_what_it_rests_on(visit: Visit, study: str) -> None:
    page = visit("demo-clinician")
    open_study(page, study)

    page.get_by_role("button", name="Source").nth(1).click()

    expect(page.get_by_text("Band derived from published figures")).to_be_visible()
    cited = page.get_by_text("Matsumae M, Kikinis R").filter(visible=True)
    expect(cited.first).to_be_visible()


def test_draft_is_changed_signed_amended_and_downloaded(visit: Visit, study: str) -> None:
    page = visit("demo-reviewer")
    open_study(page, study)
    page.get_by_role("tab", name="Review").click()

    page.locator("[data-ready]").wait_for(state="attached")
    page.locator(".viewer canvas").evaluate("canvas => { window.canvas = canvas }")

    first = page.get_by_label("Key findings, sentence 2", exact=True)
    first.fill("Acute infarct of the left hemisphere.")
    page.get_by_role("button", name="Save the changes").click()
    expect(page.get_by_text("does not find this supported").first).to_be_visible()
    expect(page.locator("del, s").first).to_be_visible()

    page.get_by_text("I have compared this report with the images.").click()
    page.get_by_role("button", name="Sign the report").click()
    expect(page.get_by_text("Signed by Dr. Rosa Reviewer").last).to_be_visible()
    expect(page.get_by_text("Not for clinical use until")).to_have_count(0)
    assert page.evaluate("window.canvas.isConnected"), "the scan was loaded anew"

    page.get_by_label("Addendum").fill("<script>alert(1)</script> Discussed by *phone*.")
    page.get_by_role("button", name="Add to the signed report").click()
    expect(page.get_by_label("Addendum")).to_have_value("")  # it is saved: the field is free again
    page.get_by_role("tab", name="Report").click()
    added = page.get_by_text("<script>alert(1)</script> Discussed by *phone*.")
    expect(added.first).to_be_visible()

    page.get_by_text("Download", exact=True).click()
    with page.expect_download() as taken:
        page.get_by_role("button", name="Report, amended (Markdown)").click()
    assert taken.value.suggested_filename.endswith("-report-signed.md")
    kept = taken.value.path().read_text(encoding="utf-8")
    assert kept.startswith("# Brain MRI volumetry: signed report with addenda")
    with page.expect_download() as taken:
        page.get_by_role("button", name="Report, amended (PDF)").click()
    assert taken.value.suggested_filename.endswith("-report-signed.pdf")
    printed = "".join(sheet.extract_text() for sheet in PdfReader(taken.value.path()).pages)
    for words in ("Acute infarct of the left hemisphere.", "by Dr. Rosa Reviewer", "Discussed by"):
        assert words in kept
        assert words in printed


def test_of_two_who_sign_the_second_is_told(
    visit: Visit, stack: LocalStack, room: ReadingRoom
) -> None:
    chain = Chain.of(stack)
    keys = chain.put(SAMPLE.read_bytes())
    chain.ended(keys)
    pages = [visit("demo-reviewer"), visit("demo-reviewer")]
    for page in pages:
        # Two viewers on software graphics keep two cores busy: a click waits until they have drawn.
        page.set_default_timeout(SLOW_MS)
        open_study(page, f"{room.url}/study?job={keys.job_id}")
        page.locator("[data-ready]").wait_for(state="attached")
        page.get_by_role("tab", name="Review").click()
        page.get_by_text("I have compared this report with the images.").click()
    for page in pages:
        page.get_by_role("button", name="Sign the report").click()

    expect(pages[0].get_by_text("Signed by Dr. Rosa Reviewer").last).to_be_visible()
    expect(pages[1].get_by_text("The report is signed").first).to_be_visible()


def test_another_organization_sees_nothing(visit: Visit, study: str) -> None:
    page = visit("stranger")
    expect(page.get_by_text("No study here yet.")).to_be_visible()
    page.goto(study)
    expect(page.get_by_text("There is no job")).to_be_visible()


def test_who_signed_out_is_out(visit: Visit, study: str) -> None:
    page = visit("demo-clinician")
    page.get_by_role("link", name="Sign out").click()
    page.get_by_role("button", name="Sign in").wait_for()
    page.goto(study)

    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(page.get_by_text("Key findings")).to_have_count(0)


# ---- barriers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_puts_a_barrier_in_the_way(
    visit: Visit, study: str, scheme: Literal["light", "dark"]
) -> None:
    page = visit("demo-reviewer")
    page.emulate_media(color_scheme=scheme)
    page.reload()
    page.get_by_role("row").nth(1).wait_for()
    assert barriers(page) == []
    page.get_by_role("link", name="Upload").click()
    page.get_by_role("heading", name="Upload").wait_for()
    page.locator(".zone").wait_for()
    assert barriers(page) == []
    open_study(page, study)
    page.locator("[data-ready=viewer]").wait_for(timeout=SLOW_MS)
    for tab in ("Report", "Measurements", "Review"):
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(500)
        assert barriers(page) == [], tab
    # And it would have found one.
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=\"data:,\">')")
    assert any(found.startswith("image-alt") for found in barriers(page))
