"""What stands between the reading room and its reader: a proxy without sockets, hostile words."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from local_stack.reading_room import ReadingRoom, free_port
from local_stack.stack import LocalStack
from mri_analysis.contracts.report import Report
from mri_analysis.contracts.segmentation import Measurements
from mri_analysis.keys import StudyKeys
from tests.support.brains import SAMPLE
from tests.support.chain import Chain

Visit = Callable[[str], Page]
SLOW_MS = 90_000
HOSTILE = '</script><img src=x onerror="window.hit=1"><script>window.hit=1</script>'


def test_page_follows_the_analysis_where_a_proxy_refuses_sockets(
    visit: Visit, stack: LocalStack, room: ReadingRoom
) -> None:
    # Given a proxy that ends every socket for live updates as soon as it is asked for
    refused: list[str] = []

    def refuse(socket: WebSocketRoute) -> None:
        refused.append(socket.url)
        socket.close(code=1011)

    page = visit("demo-clinician")
    page.route_web_socket(re.compile(re.escape(stack.websocket_url)), refuse)

    # When a study is watched from its upload to its report
    chain = Chain.of(stack)
    keys = chain.put(SAMPLE.read_bytes())
    page.goto(f"{room.url}/study?job={keys.job_id}")

    # Then the report comes all the same
    page.get_by_role("heading", name="Key findings").wait_for(timeout=SLOW_MS)
    assert refused


@pytest.fixture(scope="module")
def hostile(stack: LocalStack, room: ReadingRoom) -> str:
    """Address of a study whose labels, checks and report hold markup, as if its container did."""
    chain = Chain.of(stack)
    keys = chain.put(SAMPLE.read_bytes())
    chain.ended(keys)
    measured = Measurements.model_validate(chain.document(keys, "measurements.json"))
    check = measured.quality.checks[0].model_copy(update={"message": HOSTILE})
    put(
        stack,
        keys,
        "measurements.json",
        measured.model_copy(
            update={
                "label_names": {**measured.label_names, 17: HOSTILE, 10: HOSTILE},
                "quality": measured.quality.model_copy(
                    update={"checks": [check, *measured.quality.checks[1:]]}
                ),
                "not_assessed": [HOSTILE, *measured.not_assessed],
            }
        ).model_dump_json(),
    )
    report = Report.model_validate(chain.document(keys, "report.json"))
    first, *rest = report.key_findings
    said = first.model_copy(update={"text": HOSTILE})
    put(
        stack,
        keys,
        "report.json",
        report.model_copy(
            update={"key_findings": [said, *rest], "not_assessed": [HOSTILE]}
        ).model_dump_json(),
    )
    return f"{room.url}/study?job={keys.job_id}"


def put(stack: LocalStack, keys: StudyKeys, name: str, body: str) -> None:
    bucket = stack.resource("ResultsBucket")
    stack.client("s3").put_object(Bucket=bucket, Key=keys.results + name, Body=body.encode())


def test_markup_in_labels_and_report_is_text(visit: Visit, hostile: str) -> None:
    page = visit("demo-reviewer")
    page.goto(hostile)
    page.get_by_role("heading", name="Key findings").wait_for(timeout=SLOW_MS)
    page.locator("[data-ready=viewer]").wait_for(timeout=SLOW_MS)

    expect(page.get_by_text(HOSTILE).first).to_be_visible()
    for tab in ("Measurements", "Review", "Report"):
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(500)
        assert markup_of(page) == {"images": 0, "hit": None}, tab
    # And it would have been seen.
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x>')")
    assert markup_of(page)["images"] == 1


def markup_of(page: Page) -> Any:
    """What became markup, in the page and in its components, and what of it ran."""
    return page.evaluate(
        """() => {
          const roots = [document];
          for (const root of roots)
            for (const one of root.querySelectorAll("*"))
              if (one.shadowRoot) roots.push(one.shadowRoot);
          const images = roots.flatMap(root => [...root.querySelectorAll("img[src=x]")]);
          return {images: images.length, hit: window.hit ?? null};
        }"""
    )


def test_address_of_a_study_leads_to_the_sign_in_right_after_a_start(
    browser: Browser, stack: LocalStack
) -> None:
    # Given a reading room that nobody has opened since it started
    fresh = ReadingRoom(Path.cwd(), free_port())
    fresh.start(stack)
    try:
        page = browser.new_context().new_page()
        page.set_default_timeout(SLOW_MS)

        # When somebody follows a link to a study, or to another page
        for address in ("study?job=0b3d9c58-6f9e-4b7a-9f0e-3a5a1c2d4e6f", "audit_trail"):
            page.goto(f"{fresh.url}/{address}")

            # Then they are asked to sign in, and see nothing of how the pages are made
            expect(page.get_by_role("button", name="Sign in")).to_be_visible()
            expect(page.get_by_text("measurements tab")).to_have_count(0)
            expect(page.get_by_text("One study: where it is")).to_have_count(0)
        page.context.close()
    finally:
        fresh.stop()


def test_study_and_typed_words_outlive_a_sign_in(
    browser: Browser, stack: LocalStack, room: ReadingRoom
) -> None:
    # Given somebody who opens the address of a study before they have signed in
    chain = Chain.of(stack)
    keys = chain.put(SAMPLE.read_bytes())
    chain.ended(keys)
    address = f"{room.url}/study?job={keys.job_id}"
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(SLOW_MS)

    def signed_in_at_the_study(subject: str) -> None:
        page.goto(address)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_text(subject, exact=True).click()
        page.get_by_role("heading", name="Key findings").wait_for()
        expect(page).to_have_url(address)
        page.get_by_role("tab", name="Review").click()

    # When they sign in, Then they are at the study
    signed_in_at_the_study("demo-reviewer")
    first = page.get_by_label("Key findings, sentence 1", exact=True)
    expect(first).not_to_have_value("")
    drafted = first.input_value()

    # And when the sign-in is gone before their words were saved
    first.fill("Words of mine.")
    first.blur()
    expect(page.get_by_text("Your changes are not saved")).to_be_visible()
    context.clear_cookies()

    # Then the words are there after the next one
    signed_in_at_the_study("demo-reviewer")
    expect(first).to_have_value("Words of mine.")
    expect(page.get_by_text("Your changes are not saved")).to_be_visible()
    page.get_by_role("button", name="Discard my changes").click()
    expect(first).to_have_value(drafted)
    context.close()
