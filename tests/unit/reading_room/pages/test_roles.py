"""What each role sees, is offered, and is not."""

from collections.abc import Callable

import pytest

from mri_analysis.contracts.api import AuditEventDocument
from mri_analysis.contracts.job import JobError, JobStatus
from mri_analysis.contracts.report import Report
from mri_analysis.contracts.study import OfferedSeries, SeriesOffer
from tests.support.scripted_api import MOMENT, ScriptedApi
from tests.unit.reading_room.pages.seen import Visit, area, button, compared, markup, offered, words

Study = Callable[..., str]
ROLES = ("clinician", "reviewer", "admin")
FAILED = JobError(code="NotABrain", message="This is no brain.", next_step="Upload a brain MRI.")
EDIT = {"Save the changes", "Reject"}


def pages_of(visit: Visit, *roles: str) -> set[str]:
    app = visit(*roles)
    return {str(page.get("url_pathname")) for page in app._registered_pages.values()} - {""}


def test_each_role_has_its_pages(visit: Visit) -> None:
    administration = {"stage-times", "failed-studies", "costs", "models-in-use", "audit-trail"}
    assert pages_of(visit, "clinician") == {"study", "upload"}
    assert pages_of(visit, "reviewer") == {"study"}
    assert pages_of(visit, "admin") == {"study", "upload"} | administration
    assert pages_of(visit) == {"study"}


@pytest.mark.parametrize("role", ROLES)
def test_empty_worklist_says_so(visit: Visit, role: str) -> None:
    assert "No study here yet." in words(visit(role))


def test_somebody_without_a_role_is_told_whom_to_ask(visit: Visit, study: Study) -> None:
    for app in (visit(), visit(page="study", job=study())):
        assert "This needs the role clinician or reviewer." in words(app)
        assert "Ask the administrator" in words(app)
        assert offered(app) == set()


def test_another_organization_sees_nothing(visit: Visit, study: Study) -> None:
    job = study()

    assert "No study here yet." in words(visit("reviewer", organization="clinic-b"))
    app = visit("reviewer", page="study", job=job, organization="clinic-b")

    assert "There is no job" in words(app)
    assert "Key findings" not in words(app)


@pytest.mark.parametrize(
    ("role", "offers"), [("clinician", True), ("admin", True), ("reviewer", False)]
)
def test_who_may_upload_may_stop_and_repeat(
    visit: Visit, api: ScriptedApi, role: str, offers: bool
) -> None:
    running, failed = api.has_job("bb22"), api.has_job("cc33", JobStatus.FAILED, FAILED)

    app = visit(role, page="study", job=running)
    assert "segmenting — now" in words(app)
    assert ("Cancel the analysis" in offered(app)) is offers

    app = visit(role, page="study", job=failed)
    assert "This is no brain." in words(app)
    assert "Upload a brain MRI." in words(app)
    assert ("Analyse again" in offered(app)) is offers


def test_failed_study_is_analysed_again(visit: Visit, api: ScriptedApi) -> None:
    app = visit("clinician", page="study", job=api.has_job("cc33", JobStatus.FAILED, FAILED))

    button(app, "Analyse again").click().run()

    assert "uploaded — now" in words(app)


def test_series_of_an_ambiguous_upload_is_chosen(visit: Visit, api: ScriptedApi) -> None:
    error = FAILED.model_copy(update={"code": "SeriesAmbiguous", "message": "2 series."})
    api.series = SeriesOffer(
        series=[OfferedSeries(number=n, description=f"series {n}, T1") for n in (2, 5)],
        left_out=["Series 1 is a localizer."],
    )
    job = api.has_job("cc33", JobStatus.FAILED, error)
    assert visit("reviewer", page="study", job=job).selectbox.len == 0
    app = visit("clinician", page="study", job=job)
    assert button(app, "Analyse this series").disabled
    assert "Series 1 is a localizer" in words(app)

    app.selectbox[0].set_value(api.series.series[1]).run()
    button(app, "Analyse this series").click().run()

    assert f"POST /v1/jobs/{job}/retry?series=5" in api.asked


@pytest.mark.parametrize("role", ROLES)
def test_only_a_reviewer_is_offered_a_change(visit: Visit, study: Study, role: str) -> None:
    app = visit(role, page="study", job=study())

    assert "Draft. Not for clinical use" in words(app).replace("**", "")
    if role == "reviewer":
        assert offered(app) == EDIT  # a signature needs a tick first
        compared(app)
        assert offered(app) == {*EDIT, "Sign the report"}
    else:
        assert offered(app) == set()
        assert not app.text_area
        assert "A reviewer signs or rejects this draft." in words(app)


@pytest.mark.parametrize("role", ROLES)
def test_signed_study_takes_addenda_of_a_reviewer_alone(
    visit: Visit, api: ScriptedApi, study: Study, role: str
) -> None:
    job = study()
    api.desk().sign(job, version=0)

    app = visit(role, page="study", job=job)

    assert "**Signed** by Dr. Other" in words(app)
    assert "Not for clinical use until" not in words(app)
    assert "no medical report until" not in words(app)  # the draft's own caption
    assert offered(app) == ({"Add to the signed report"} if role == "reviewer" else set())


def test_amended_study_shows_what_was_added(visit: Visit, api: ScriptedApi, study: Study) -> None:
    job = study()
    api.desk().sign(job, version=0)
    app = visit("reviewer", page="study", job=job)

    area(app, "Addendum").input("Told by phone.")
    button(app, "Add to the signed report").click().run()

    assert "Told by phone." in words(app)
    assert "✔ amended" in words(app)


@pytest.mark.parametrize("role", ROLES)
def test_rejected_study_is_no_report_to_use(
    visit: Visit, api: ScriptedApi, study: Study, role: str
) -> None:
    job = study()
    api.desk().reject(job, "Wrong patient.", version=0)

    app = visit(role, page="study", job=job)

    assert "**Rejected** by Dr. Other" in words(app)
    assert "Wrong patient." in words(app)
    assert "Not for clinical use" in words(app)
    assert offered(app) == set()


def test_audit_trail_is_for_administrators(visit: Visit, api: ScriptedApi) -> None:
    api.trail = [
        AuditEventDocument(at=MOMENT, actor="u1", action="report.signed", detail={}, job_id="aa11")
    ]

    assert "signed the report" in markup(visit("admin", page="audit-trail"))
    for role in ("clinician", "reviewer"):
        assert "signed the report" not in markup(visit(role, page="audit-trail"))


HOSTILE = '<img src=x onerror="hit()"> [a](javascript:hit()) # *b* ~~c~~ $d$ :red[e]'


def test_markup_in_name_report_and_error_is_text(
    visit: Visit, api: ScriptedApi, study: Study
) -> None:
    def hostile(report: Report) -> Report:
        first, *rest = report.key_findings
        said = first.model_copy(update={"text": HOSTILE})
        return report.model_copy(update={"key_findings": [said, *rest], "not_assessed": [HOSTILE]})

    job = study(hostile)
    error = FAILED.model_copy(update={"message": HOSTILE, "next_step": HOSTILE})
    failed = api.has_job("cc33", JobStatus.FAILED, error)
    api.desk(name=HOSTILE).sign(job, version=0)

    for app in (
        visit("reviewer", page="study", job=job, name=HOSTILE),
        visit("clinician", page="study", job=failed, name=HOSTILE),
    ):
        assert HOSTILE in words(app)
        assert "<img" not in markup(app)
        assert not any(one.allow_html for one in app.markdown)
        for one in (*app.markdown, *app.error, *app.success, *app.caption):
            assert HOSTILE not in one.value  # every sign of Markdown in it is escaped
