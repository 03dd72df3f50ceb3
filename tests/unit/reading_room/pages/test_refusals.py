"""Refusals and silence of the API: told in words with the next step, and gone when it is back."""

from collections.abc import Callable

import pytest

from mri_analysis.errors import (
    AnalysisError,
    DatabaseUnavailable,
    IllegalTransition,
    JobNotFound,
    ReportFinal,
    RoleMissing,
    TooManyRequests,
)
from tests.support.scripted_api import ScriptedApi
from tests.unit.reading_room.pages.seen import Visit, button, compared, offered, words

Study = Callable[..., str]
SILENT = "The API did not answer"
REFUSALS = [
    RoleMissing("This needs another role."),
    JobNotFound("There is no such job."),
    IllegalTransition("It is not like that."),
    ReportFinal("The report is signed."),
    TooManyRequests("Too many requests."),
    DatabaseUnavailable("The database is away."),
]


def named(error: AnalysisError) -> str:
    return error.code


@pytest.mark.parametrize("error", REFUSALS, ids=named)
@pytest.mark.parametrize(
    ("page", "asked"),
    [
        ("", "GET /v1/jobs"),
        ("study", "GET /v1/jobs/aa11"),
        ("study", "GET /v1/jobs/aa11/report"),
        ("study", "GET /v1/jobs/aa11/measurements"),
        ("study", "GET /v1/jobs/aa11/events"),
        ("audit-trail", "GET /v1/audit-events"),
    ],
)
def test_refusal_is_told_with_its_next_step(
    visit: Visit, api: ScriptedApi, study: Study, error: AnalysisError, page: str, asked: str
) -> None:
    study()
    api.refused[asked] = error

    app = visit("admin", page=page, job="aa11" if page == "study" else "")

    (shown,) = app.error
    assert str(error) in shown.value.replace("\\", "")
    assert error.next_step in shown.value.replace("\\", "")


@pytest.mark.parametrize(("page", "back"), [("", "aa11"), ("study", "Key findings")])
def test_page_of_a_silent_api_says_so_and_comes_back(
    visit: Visit, api: ScriptedApi, study: Study, page: str, back: str
) -> None:
    job = study()
    api.down = True
    app = visit("reviewer", page=page, job=job if page else "")
    assert SILENT in words(app)
    assert back not in words(app)

    api.down = False
    app.run()

    assert SILENT not in words(app)
    assert back in words(app)


def test_running_study_comes_back(visit: Visit, api: ScriptedApi) -> None:
    app = visit("clinician", page="study", job=api.has_job("bb22"))
    api.down = True
    app.run()
    assert SILENT in words(app)

    api.down = False
    app.run()

    assert "segmenting — now" in words(app)


def test_token_that_ran_out_leads_to_the_sign_in(visit: Visit, study: Study) -> None:
    app = visit("reviewer", page="study", job=study(), seconds=-1)

    assert "Your sign-in has run out." in words(app)
    assert "Key findings" not in words(app)
    assert offered(app) == {"Sign in"}


def test_silence_while_signing_leaves_the_draft_unsigned(
    visit: Visit, api: ScriptedApi, study: Study
) -> None:
    app = visit("reviewer", page="study", job=study())
    compared(app)
    api.refused["POST .*/signature"] = DatabaseUnavailable("The database is away.")

    button(app, "Sign the report").click().run()

    assert "The database is away." in words(app)
    assert "Signed" not in words(app)
    api.refused.clear()
    button(app, "Sign the report").click().run()
    assert "**Signed** by Dr. demo-1" in words(app)
