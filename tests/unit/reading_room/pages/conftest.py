"""The reading room as somebody sees it, in front of a scripted API."""

from collections.abc import Callable

import httpx
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from knowledge.build import build_snapshot
from mri_analysis.adapters.sqlite_knowledge import SqliteKnowledge
from mri_analysis.contracts.report import Report
from mri_analysis.reporting.compose import write_report
from mri_analysis.reporting.describe import describe
from mri_analysis.reporting.evidence import gather_evidence
from mri_client.reading_api import ReadingApi
from reading_room.unsaved import drafts
from tests.support.measurements import some_measurements
from tests.support.scripted_api import ScriptedApi, token
from tests.unit.reading_room.pages.seen import Visit, sign_in

# Beside a folder named "pages" the runner would run its files instead of main.py.
MAIN = "import runpy; runpy.run_module('reading_room.main')"


@pytest.fixture(scope="session")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> SqliteKnowledge:
    path = tmp_path_factory.mktemp("knowledge") / "knowledge.sqlite"
    build_snapshot(path)
    return SqliteKnowledge(path)


@pytest.fixture
def api(knowledge: SqliteKnowledge) -> ScriptedApi:
    # Every AppTest is the same session to the cache.
    st.cache_data.clear()
    drafts.clear()
    return ScriptedApi(knowledge)


@pytest.fixture
def study(api: ScriptedApi, knowledge: SqliteKnowledge) -> Callable[..., str]:
    """``study(change)``: a completed study; ``change`` is handed its report."""

    def made(change: Callable[[Report], Report] = lambda report: report) -> str:
        measurements = some_measurements()
        evidence = gather_evidence(measurements, knowledge)
        description = describe(measurements, evidence.references)
        report = write_report(
            organization_id="demo", job_id="aa11", description=description, evidence=evidence
        )
        return api.has_report("aa11", change(report), measurements, description)

    return made


@pytest.fixture
def visit(api: ScriptedApi) -> Visit:
    """``visit("reviewer", page="study", job="aa11")``: the page as somebody of these roles."""

    def opened(
        *roles: str,
        page: str = "",
        job: str = "",
        subject: str = "demo-1",
        organization: str = "demo",
        seconds: float = 3600,
        name: str = "",
    ) -> AppTest:
        app = AppTest.from_string(MAIN, default_timeout=60)
        kept = token(subject, *roles, organization=organization, seconds=seconds, name=name)
        sign_in(app, kept)
        app.session_state["api"] = ReadingApi(
            "http://api", lambda: str(st.user.tokens["id"]), httpx.MockTransport(api)
        )
        if job:
            app.query_params["job"] = job
        if page:
            app._page_hash = calc_hash(page)
        app.run()
        assert not app.exception
        return app

    return opened
