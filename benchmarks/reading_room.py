"""What a reader waits for: answers of the API, the first view of a study, a click, a change.

One stack, its reading room and a Chromium on the machine that is measured; Chromium draws in
software, as a test machine has no graphics card.
"""

import contextlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from sqlalchemy import insert

from local_stack.people import DEMO_PEOPLE, Person
from local_stack.product import product_stack
from local_stack.reading_room import ReadingRoom, free_port
from local_stack.stack import GatewaySpec, LocalStack
from mri_analysis.adapters.database_connection import connect
from mri_analysis.adapters.sql_study_catalogue import SqlStudyCatalogue
from mri_analysis.adapters.sql_tables import analysis_jobs
from mri_analysis.contracts.job import JobStatus
from mri_analysis.keys import StudyKeys
from mri_analysis.ports.studies import StudyFilter
from mri_client.reading_api import ReadingApi
from tests.support.chain import Chain
from tests.support.signed_in import id_token

SAMPLE = Path("samples/pycortex_S1_T1w.nii.gz")
ROUNDS = 5
USERS = 20
ROUND_SECONDS = 15.0
PAUSE_SECONDS = 1.0
JOBS = 1000
UPLOAD_MB = 300
TICKS = 6
PATIENCE_MS = 120_000
STAGES = {"segmenting": "segmenting", "converting": "describing", "enhancing": "writing"}
"""As the page calls them."""
UPLOADER = Person("uploader", "Uta Uploader", "bench", ("clinician",))
"""Of an organization of her own: what she uploads wakes nobody who is measured."""
BOUNDS = {
    "api.p99_ms": 150,
    "upload.frontend_growth_mb": 30,
    "first_view_seconds": 3,
    "rerun_ms": 300,
    "status_to_browser_seconds": 1,
}


def reading_room() -> dict[str, Any]:
    """All figures of the section; each is the median of :data:`ROUNDS` rounds, listed beside it."""
    room = ReadingRoom(Path.cwd(), free_port())
    with contextlib.ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory()))
        stack = running.enter_context(
            product_stack(
                Path.cwd(),
                folder / "stack",
                # The throttle bounds what is taken; here it is asked how long an answer takes.
                parameters={"ReadingRoomOrigin": room.url, "ApiRequestsPerSecond": "5000"},
                gateway=GatewaySpec((*DEMO_PEOPLE, UPLOADER)),
            )
        )
        stack.wait_for_model_server()
        study = _analysed(stack)
        _seed_jobs(stack)
        found: dict[str, Any] = {
            "rounds": ROUNDS,
            "load_average_at_start": round(os.getloadavg()[0], 2),
            "api": _api(stack, study),
        }
        room.start(stack)
        running.callback(room.stop)
        browser = running.enter_context(_chromium())
        found |= _study_page(browser, room, study)
        found |= _status_changes(browser, room, stack)
        found["upload"] = _upload(browser, room, folder)
    return found | {"load_average_at_end": round(os.getloadavg()[0], 2), "bounds": BOUNDS}


def _medians(name: str, values: list[float], digits: int = 2) -> dict[str, Any]:
    rounded = [round(value, digits) for value in values]
    return {name: round(statistics.median(values), digits), f"{name}_of_each_round": rounded}


# ---- the stack -----------------------------------------------------------------------------------


def _analysed(stack: LocalStack) -> str:
    chain = Chain.of(stack)
    keys = chain.put(SAMPLE.read_bytes())
    job = chain.ended(keys)
    if job.status is not JobStatus.COMPLETED:
        raise RuntimeError(f"the study did not complete: {job.error}")
    return keys.job_id


def _seed_jobs(stack: LocalStack) -> None:
    """Older jobs of the same organization: a worklist that is in use."""
    first = datetime(2026, 1, 1)
    rows = []
    for number in range(JOBS):
        job_id = str(uuid.UUID(int=number))
        at = first + timedelta(minutes=number)
        rows.append(
            {
                "job_id": job_id,
                "organization_id": "demo",
                "original_image_key": StudyKeys("demo", job_id).upload,
                "status": JobStatus.AWAITING_UPLOAD,
                "created_at": at,
                "updated_at": at,
            }
        )
    with connect(stack.description()["database_url"]).begin() as connection:
        connection.execute(insert(analysis_jobs), rows)


# ---- the API -------------------------------------------------------------------------------------


def _api(stack: LocalStack, study: str) -> dict[str, Any]:
    """Answers to people who look at the worklist and at a study; what the database took, apart."""
    job = f"/v1/jobs/{study}"
    orders = {
        "url": stack.api_url,
        "token": id_token(stack.issuer, "demo-clinician"),
        "paths": ["/v1/jobs?limit=20", job, f"{job}/events", job, f"{job}/report"],
        "users": USERS,
        "seconds": ROUND_SECONDS,
        "pause_seconds": PAUSE_SECONDS,
        "rounds": ROUNDS + 1,  # the first starts the processes of the function
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.api_users"],
        input=json.dumps(orders),
        check=True,
        capture_output=True,
        text=True,
    )
    _, *rounds = json.loads(done.stdout)
    return {
        "users": USERS,
        "seconds_between_requests_of_one": PAUSE_SECONDS,
        "requests": sum(one["requests"] for one in rounds),
        **_medians("p50_ms", [one["p50_ms"] for one in rounds], 1),
        **_medians("p99_ms", [one["p99_ms"] for one in rounds], 1),
        "database_ms": _database_milliseconds(stack),
    }


def _database_milliseconds(stack: LocalStack) -> float:
    """One page of the worklist, asked of the database alone."""
    engine = connect(stack.description()["database_url"])
    catalogue = SqlStudyCatalogue(engine)
    taken = []
    for _ in range(200):
        started = time.perf_counter()
        catalogue.page("demo", 21, StudyFilter(None, None, None))
        taken.append((time.perf_counter() - started) * 1000)
    engine.dispose()
    return round(statistics.median(taken), 2)


# ---- the browser ---------------------------------------------------------------------------------


@contextlib.contextmanager
def _chromium() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise RuntimeError("There is no Chromium: run scripts/install_chromium.sh.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found,
            args=[
                "--no-sandbox",
                "--use-gl=angle",
                "--use-angle=swiftshader",
                "--enable-unsafe-swiftshader",
            ],
        )
        yield browser
        browser.close()


@contextlib.contextmanager
def _signed_in(browser: Browser, room: ReadingRoom, subject: str) -> Iterator[Page]:
    context: BrowserContext = browser.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(room.url)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text(subject, exact=True).click()
    page.get_by_role("heading", name="Worklist").wait_for()
    yield page
    context.close()


def _study_page(browser: Browser, room: ReadingRoom, study: str) -> dict[str, Any]:
    """From the address to the findings in words, by a browser that saw no study yet; a rerun."""
    views, reruns = [], []
    for number in range(ROUNDS + 1):  # the first one warms the server
        with _signed_in(browser, room, "demo-reviewer") as page:
            started = time.perf_counter()
            page.goto(f"{room.url}/study?job={study}", wait_until="commit")
            page.get_by_role("heading", name="Key findings").wait_for()
            view = time.perf_counter() - started
            page.locator("[data-ready=viewer]").wait_for(state="attached")
            page.wait_for_timeout(2000)  # the viewer has drawn, and rests
            rerun = _milliseconds_of_a_rerun(page)
        if number:
            views.append(view)
            reruns.append(rerun)
    return {**_medians("first_view_seconds", views), **_medians("rerun_ms", reruns, 0)}


_RERUN = """
box => new Promise(flipped => {
  const sign = () => [...document.querySelectorAll("button")]
    .find(button => button.innerText.includes("Sign the report"));
  const before = sign().disabled;
  const started = performance.now();
  const look = () => {
    if (sign()?.disabled === !before) flipped(performance.now() - started);
    else requestAnimationFrame(look);
  };
  box.click();
  look();
})
"""


def _milliseconds_of_a_rerun(page: Page) -> float:
    """From a tick in the review until the server's answer to it has drawn, in the browser.

    The median of some ticks, on and off.
    """
    page.get_by_role("tab", name="Review").click()
    box = page.get_by_role("checkbox", name="I have compared this report with the images.")
    taken = []
    for _ in range(TICKS):
        page.wait_for_timeout(500)
        taken.append(float(page.evaluate(_RERUN, box.element_handle())))
    return statistics.median(taken)


# ---- a change of status --------------------------------------------------------------------------

_WATCH = """
words => {
  window.seen = {};
  const look = () => {
    const text = document.body.innerText;
    for (const [status, word] of Object.entries(words))
      if (!(status in window.seen) && text.includes(word)) window.seen[status] = Date.now() / 1000;
  };
  const every = {subtree: true, childList: true, characterData: true};
  new MutationObserver(look).observe(document.body, every);
}
"""


def _status_changes(browser: Browser, room: ReadingRoom, stack: LocalStack) -> dict[str, Any]:
    """From the row in the database to the words in the browser.

    The end of an analysis is announced on the socket; the stages before it are asked for.
    """
    ends: list[float] = []
    stages: list[float] = []
    token = id_token(stack.issuer, "demo-clinician")
    api = ReadingApi(stack.api_url, lambda: token)
    with _signed_in(browser, room, "demo-clinician") as page:
        for _ in range(ROUNDS):
            form = api.prepare_upload(SAMPLE.stat().st_size)
            page.goto(f"{room.url}/study?job={form.job_id}")
            page.get_by_text("awaiting upload").first.wait_for()
            page.evaluate(_WATCH, {**STAGES, "completed": "Key findings"})
            Chain.of(stack).put(SAMPLE.read_bytes(), form.fields["key"])
            page.get_by_role("heading", name="Key findings").wait_for()
            seen: dict[str, float] = page.evaluate("window.seen")
            changed = {
                event.action.removeprefix("status."): event.at.timestamp()
                for event in api.events(form.job_id).events
            }
            ends.append(seen.pop("completed") - changed["completed"])
            stages += [at - changed[status] for status, at in seen.items()]
    api.close()
    return {
        **_medians("status_to_browser_seconds", ends),
        "stage_to_browser_seconds": round(statistics.median(stages), 2) if stages else None,
    }


# ---- memory --------------------------------------------------------------------------------------


def _upload(browser: Browser, room: ReadingRoom, folder: Path) -> dict[str, Any]:
    """How much the reading room's process grows while a browser uploads a large file."""
    scan = folder / "large.nii"
    with scan.open("wb") as file:
        # A NIfTI-1 header's length is all that the page looks at; the rest is noise.
        file.write(np.int32(348).tobytes())
        noise = np.random.default_rng(1).bytes(1_000_000)
        for _ in range(UPLOAD_MB):
            file.write(noise)
    growth, seconds = [], []
    with _signed_in(browser, room, UPLOADER.subject) as page:
        for number in range(ROUNDS + 1):  # the first one warms the server
            page.get_by_role("link", name="Upload").click()
            page.get_by_role("heading", name="Upload").wait_for()
            page.locator(".zone").wait_for()
            with _memory_of(room) as peak:
                before = peak()
                started = time.perf_counter()
                page.locator("input[type=file]").set_input_files(str(scan))
                page.wait_for_url(re.compile(r"/study\?job="))
                if number:
                    seconds.append(time.perf_counter() - started)
                    growth.append(peak() - before)
    return {
        "megabytes": UPLOAD_MB,
        **_medians("frontend_growth_mb", growth, 1),
        **_medians("seconds", seconds),
    }


@contextlib.contextmanager
def _memory_of(room: ReadingRoom) -> Iterator[Callable[[], float]]:
    """The greatest resident memory of the process since here, in MB, looked at every 20 ms."""
    status = Path(f"/proc/{room.pid}/status")
    greatest = 0.0
    ended = threading.Event()

    def look() -> None:
        nonlocal greatest
        found = re.search(r"^VmRSS:\s+(\d+) kB", status.read_text(), re.MULTILINE)
        greatest = max(greatest, int(found[1]) * 1024 / 1e6 if found else 0.0)

    def watch() -> None:
        while not ended.wait(0.02):
            look()

    def peak() -> float:
        look()
        return greatest

    watcher = threading.Thread(target=watch)
    watcher.start()
    yield peak
    ended.set()
    watcher.join()


def main() -> None:
    """Print the section alone."""
    print(json.dumps(reading_room(), indent=1))


if __name__ == "__main__":
    main()
