"""One stack with its reading room, people of two organizations, and a Chromium."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from local_stack.people import DEMO_PEOPLE, Person
from local_stack.product import product_stack
from local_stack.reading_room import ReadingRoom, free_port
from local_stack.stack import GatewaySpec, LocalStack

STRANGER = Person("stranger", "Sam Stranger", "clinic-b", ("clinician", "reviewer"))
PATIENCE_MS = 90_000
"""For whatever a page has to show; a bound for a busy machine, not a measure."""
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="package")
def room() -> ReadingRoom:
    return ReadingRoom(Path.cwd(), free_port())


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory, room: ReadingRoom) -> Iterator[LocalStack]:
    with product_stack(
        Path.cwd(),
        tmp_path_factory.mktemp("stack"),
        parameters={"ReadingRoomOrigin": room.url},
        gateway=GatewaySpec((*DEMO_PEOPLE, STRANGER)),
    ) as running:
        room.start(running)
        yield running
        room.stop()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        # Software graphics: the viewer needs WebGL 2, and a test machine has no graphics card.
        chromium = playwright.chromium.launch(
            executable_path=found,
            args=[
                "--no-sandbox",
                "--use-gl=angle",
                "--use-angle=swiftshader",
                "--enable-unsafe-swiftshader",
            ],
        )
        yield chromium
        chromium.close()


@pytest.fixture
def visit(
    browser: Browser, stack: LocalStack, room: ReadingRoom
) -> Iterator[Callable[[str], Page]]:
    """``visit("demo-reviewer")``: a browser of their own, signed in, at the worklist."""
    contexts = []

    def sign_in(subject: str) -> Page:
        context = browser.new_context(viewport={"width": 1280, "height": 720})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(room.url)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_text(subject, exact=True).click()
        page.get_by_role("heading", name="Worklist").wait_for()
        return page

    yield sign_in
    for context in contexts:
        context.close()
