"""The pages of an administrator, with the API in place of which answers."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from mri_analysis.contracts.api import AuditEventDocument, AuditTrail, JobDocument, Problem
from mri_analysis.contracts.job import JobError, JobStatus
from mri_analysis.contracts.operations import (
    FailedStudies,
    FailedStudy,
    ModelKind,
    ModelsInUse,
    ModelUse,
    QueueDepth,
    QueueDepths,
    QueueName,
    StageTime,
    StageTimes,
    StateCount,
    StudyCost,
    StudyCosts,
    Total,
    WholeTime,
)
from mri_client.reading_api import ApiProblem, ApiUnreachable
from reading_room.views import (
    audit_trail,
    costs,
    failed_studies,
    models_in_use,
    queues_part,
    stage_times,
)

NOW = datetime(2026, 11, 23, 17, 29, 40, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>"
IDS = ("0b3d9c58-6f9e-4b7a-9f0e-3a5a1c2d4e6f", "5d1f2a7c-0000-4000-8000-3a5a1c2d4e6f")


def failed(job_id: str, code: str, *, retry_may_help: bool) -> FailedStudy:
    error = JobError(code=code, message=f"{code} {HOSTILE}", next_step="Do something.")
    return FailedStudy(
        job_id=job_id,
        created_at=NOW,
        failed_at=NOW,
        error=error,
        retry_may_help=retry_may_help,
    )


class FakeApi:
    """Answers, and remembers what was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.refuses: set[str] = set()
        self.silent = False
        self.lost = 0
        self.failures = [
            failed(IDS[0], "AnalysisTimedOut", retry_may_help=True),
            failed(IDS[1], "ModelFailed", retry_may_help=True),
            failed("a-fruit", "NotABrain", retry_may_help=False),
        ]
        self.begins = [IDS[0]]
        self.trail = AuditTrail(
            events=[
                AuditEventDocument(
                    at=NOW,
                    actor=HOSTILE,
                    action="report.signed",
                    detail={"version": 2},
                    job_id=IDS[0],
                )
            ],
            next_cursor="7",
        )

    def _note(self, *asked: Any) -> None:
        if self.silent:
            raise ApiUnreachable("The API did not answer.")
        self.asked.append(asked)

    def stage_times(self, *, days: int) -> StageTimes:
        self._note("stage times", days)
        stage = StageTime(
            stage=JobStatus.SEGMENTING,
            ended=40,
            failed=1,
            median_seconds=3.264,
            p90_seconds=None,
            longest_seconds=74.2,
        )
        whole = WholeTime(ended=0, median_seconds=None, p90_seconds=None, longest_seconds=None)
        states = [StateCount(status=JobStatus.FAILED, studies=1234)]
        return StageTimes(since=NOW, complete=False, stages=[stage], whole=whole, states=states)

    def queues(self) -> QueueDepths:
        self._note("queues")
        depths = [QueueDepth(queue=name, waiting=0, in_flight=0) for name in QueueName]
        depths[0] = depths[0].model_copy(update={"waiting": 1234})
        depths[2] = depths[2].model_copy(update={"waiting": self.lost})
        return QueueDepths(at=NOW, queues=depths)

    def failed_studies(self, *, limit: int, cursor: str | None) -> FailedStudies:
        self._note("failed", cursor)
        return FailedStudies(studies=self.failures, next_cursor=None)

    def retry(self, job_id: str) -> JobDocument:
        self._note("retry", job_id)
        if job_id in self.refuses:
            raise ApiProblem(
                Problem(
                    type="urn",
                    title="t",
                    status=409,
                    code="RetryRefused",
                    detail="The job is segmenting.",
                    next_step="Wait.",
                )
            )
        self.failures = [study for study in self.failures if study.job_id != job_id]
        return JobDocument(
            job_id=job_id,
            status=JobStatus.UPLOADED,
            error=None,
            created_at=NOW,
            updated_at=NOW,
            review_status=None,
            quality=None,
        )

    def costs(self, *, days: int, limit: int) -> StudyCosts:
        self._note("costs", days)
        nothing: dict[str, Any] = dict.fromkeys(StudyCost.model_fields)
        study = nothing | {"job_id": IDS[0], "created_at": NOW}
        return StudyCosts(
            since=NOW,
            complete=True,
            language_model_usd=Total(value=None, known=0, unknown=1),
            segmentation_seconds=Total(value=3.3, known=1, unknown=1),
            studies=[
                StudyCost(**study),
                StudyCost(
                    **study | {"language_model_asked": False, "language_model_usd": 0.0},
                ),
                StudyCost(
                    **study
                    | {
                        "language_model_asked": True,
                        "language_model_usd": 0.031752,
                        "input_tokens": 6204,
                        "output_tokens": 876,
                        "language_model_seconds": 7.4,
                    },
                ),
            ],
        )

    def models(self, *, days: int) -> ModelsInUse:
        self._note("models", days)
        unnamed: dict[str, Any] = dict.fromkeys(ModelUse.model_fields) | {
            "known": True,
            "studies": 2,
            "first_used": NOW,
            "last_used": NOW,
        }
        return ModelsInUse(
            since=NOW,
            complete=True,
            studies=2,
            models=[
                ModelUse(
                    **unnamed
                    | {
                        "kind": ModelKind.SEGMENTATION,
                        "name": "mri-segmentation",
                        "version": "1.0.0",
                        "weights_sha256": "a" * 64,
                        "contrast": "t1_like",
                    }
                ),
                ModelUse(**unnamed | {"kind": ModelKind.LANGUAGE_MODEL}),
                ModelUse(**unnamed | {"kind": ModelKind.VISION_LANGUAGE_MODEL, "known": False}),
            ],
        )

    def job_ids(self, beginning: str, limit: int) -> list[str]:
        return self.begins

    def audit_trail(
        self, *, limit: int, cursor: str | None, job_id: str | None, action: str | None
    ) -> AuditTrail:
        self._note("trail", cursor, job_id, action)
        return self.trail


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    fake = FakeApi()
    for page in (audit_trail, costs, failed_studies, models_in_use, queues_part, stage_times):
        monkeypatch.setattr(page, "api", lambda: fake)
    return fake


def show_stage_times() -> None:
    from reading_room.views import stage_times

    stage_times.page()


def show_failed_studies() -> None:
    from reading_room.views import failed_studies

    failed_studies.page()


def show_costs() -> None:
    from reading_room.views import costs

    costs.page()


def show_models() -> None:
    from reading_room.views import models_in_use

    models_in_use.page()


def show_audit_trail() -> None:
    from reading_room.views import audit_trail

    audit_trail.page()


PAGES = (show_stage_times, show_failed_studies, show_costs, show_models, show_audit_trail)


def shown(page: Callable[[], None]) -> AppTest:
    app = AppTest.from_function(page).run()
    assert not app.exception
    return app


def html(app: AppTest) -> str:
    return "".join(str(part.proto.body) for part in app.get("html"))


@pytest.mark.parametrize("page", PAGES)
def test_page_has_a_title_and_tables_with_captions(api: FakeApi, page: Any) -> None:
    app = shown(page)

    body = html(app)
    assert len(app.title) == 1
    assert body.count("<table>") == body.count("<caption>") >= 1
    assert HOSTILE not in body


@pytest.mark.parametrize("page", PAGES)
def test_page_says_that_the_api_is_silent(api: FakeApi, page: Any) -> None:
    api.silent = True

    app = shown(page)

    assert app.error
    assert all("The API did not answer" in error.value for error in app.error)


def test_stages_have_seconds_or_a_dash(api: FakeApi) -> None:
    app = shown(show_stage_times)

    body = html(app)
    for text in ("segmenting", "3.3", "74", "Median, s", "1,234"):
        assert text in body
    assert '<td class="figure">-</td>' in body
    assert "the newest are counted" in app.info[0].value
    app.selectbox[0].set_value(90).run()
    assert [asked for asked in api.asked if asked[0] == "stage times"] == [
        ("stage times", 7),
        ("stage times", 90),
    ]


def test_uploads_that_wait_are_counted_and_no_reason_to_warn(api: FakeApi) -> None:
    app = shown(show_stage_times)

    assert "1,234" in html(app)
    assert "17:29:40 UTC" in html(app)
    assert not app.warning


@pytest.mark.parametrize(("lost", "said"), [(1, "1 message could"), (2, "2 messages could")])
def test_what_could_not_be_delivered_is_warned_of(api: FakeApi, lost: int, said: str) -> None:
    api.lost = lost

    app = shown(show_stage_times)

    assert app.warning[0].value.startswith(said)


def test_several_studies_are_analysed_again(api: FakeApi) -> None:
    app = shown(show_failed_studies)
    assert app.button[0].disabled

    app.multiselect[0].set_value(list(IDS)).run()
    app.button[0].click().run()

    assert [asked[1] for asked in api.asked if asked[0] == "retry"] == list(IDS)
    assert app.success[0].value == "2 studies are being analysed again."
    assert "may help" not in html(app)
    assert "cannot help" in html(app)


def test_scan_that_cannot_be_analysed_is_not_offered(api: FakeApi) -> None:
    app = shown(show_failed_studies)

    assert app.multiselect[0].options == list(IDS)
    assert "a-fruit" in html(app)
    app.button[1].click().run()
    assert ("retry", "a-fruit") not in api.asked


def test_refused_retry_keeps_no_other_from_its_analysis(api: FakeApi) -> None:
    api.refuses = {IDS[0]}
    app = shown(show_failed_studies)

    app.button[1].click().run()

    assert app.success[0].value == "1 study is being analysed again."
    assert "segmenting" in app.warning[0].value


def test_no_failure_is_said(api: FakeApi) -> None:
    api.failures = []

    assert shown(show_failed_studies).info[0].value == "No study has failed."


def test_unknown_cost_is_not_nothing(api: FakeApi) -> None:
    body = html(shown(show_costs))

    sums, unknown, unasked, asked = (body.split("<tr>")[place] for place in (2, 5, 6, 7))
    assert "not known" in sums
    assert "0.0000" not in body
    assert unknown.count("not known") == 6
    assert "none asked" in unasked
    assert all(text in asked for text in ("0.0318", "6,204", "876", "7.4"))


def test_model_that_nobody_asked_and_one_that_nobody_knows_are_told_apart(api: FakeApi) -> None:
    body = html(shown(show_models))

    segmentation, language, vision = body.split("<tr>")[2:]
    assert all(text in segmentation for text in ("1.0.0", "a" * 16, "T1-like"))
    assert "none asked" in language
    assert "not known" in vision


def test_trail_is_narrowed_in_plain_words(api: FakeApi) -> None:
    app = shown(show_audit_trail)
    body = html(app)
    assert "signed the report" in body
    assert "report.signed" not in body

    app.selectbox[0].set_value("report.signed").run()
    app.text_input[0].set_value("0B3D9C58").run()

    assert api.asked[-1] == ("trail", None, IDS[0], "report.signed")
    assert "signed the report" in app.selectbox[0].options


def test_other_filter_begins_with_the_newest_again(api: FakeApi) -> None:
    app = shown(show_audit_trail)
    app.button[1].click().run()
    assert api.asked[-1] == ("trail", "7", None, None)

    app.selectbox[0].set_value("study.deleted").run()

    assert api.asked[-1] == ("trail", None, None, "study.deleted")


@pytest.mark.parametrize(
    ("begins", "said"), [([], "whole id"), (list(IDS), "More than one study")], ids=["none", "two"]
)
def test_beginning_that_is_no_one_study_is_told(api: FakeApi, begins: list[str], said: str) -> None:
    api.begins = begins
    app = shown(show_audit_trail)

    app.text_input[0].set_value("0b").run()

    assert said in app.info[0].value
    assert len(api.asked) == 1


def test_part_of_the_trail_without_a_hit_leads_on(api: FakeApi) -> None:
    api.trail = AuditTrail(events=[], next_cursor="9")

    app = shown(show_audit_trail)

    assert "older entries" in app.info[0].value
    assert not app.button[1].disabled
