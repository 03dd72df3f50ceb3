"""The REST API in one process: contract documents, real use cases, and refusals on request."""

import base64
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from mri_analysis.access import Caller, Role, caller_of
from mri_analysis.contracts.api import (
    AddendumRequest,
    ArtefactDocument,
    ArtefactList,
    AuditEventDocument,
    AuditTrail,
    EventDocument,
    EventList,
    JobDocument,
    JobList,
    LiveTicketDocument,
    PriorStudies,
    RejectionRequest,
)
from mri_analysis.contracts.base import Contract
from mri_analysis.contracts.job import Job, JobError, JobStatus, ReviewStatus
from mri_analysis.contracts.report import Description, Report
from mri_analysis.contracts.review import Addendum, Decision, ReportSections, Revision
from mri_analysis.contracts.segmentation import Measurements
from mri_analysis.contracts.study import SeriesOffer
from mri_analysis.errors import (
    AnalysisError,
    JobNotFound,
    ReportChanged,
    ReportFinal,
    RouteNotFound,
    SignInRequired,
)
from mri_analysis.keys import StudyKeys
from mri_analysis.ports.jobs import AnalysisResult
from mri_analysis.ports.knowledge import KnowledgeBase
from mri_analysis.ports.reviews import Review
from mri_analysis.problems import problem
from mri_analysis.use_cases.review_report import ReportDesk
from tests.support.memory_ports import MemoryJobs, MemoryObjects

MOMENT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
_STAGES = [*JobStatus][:-1]


def token(
    subject: str, *roles: str, organization: str = "demo", seconds: float = 3600, name: str = ""
) -> str:
    """An ID token as the provider writes one, with no signature to check."""
    claims = {
        "iss": "https://provider",
        "sub": subject,
        "name": name or f"Dr. {subject}",
        "custom:organization": organization,
        "cognito:groups": list(roles),
        "exp": time.time() + seconds,
    }
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{body}.c2ln"


@dataclass
class MemoryReviews:
    """Reviews that refuse what the database refuses."""

    kept: dict[str, Review] = field(default_factory=dict)

    def find(self, organization_id: str, job_id: str) -> Review | None:
        return self.kept.get(job_id)

    def revise(
        self, organization_id: str, job_id: str, revision: Revision, *, version: int
    ) -> None:
        found = self._take(job_id, version, ReviewStatus.DRAFT)
        self.kept[job_id] = replace(found, revisions=(*found.revisions, revision))

    def decide(
        self, organization_id: str, job_id: str, decision: Decision, *, version: int
    ) -> None:
        found = self._take(job_id, version, ReviewStatus.DRAFT)
        self.kept[job_id] = replace(found, review_status=decision.review_status, decision=decision)

    def amend(self, organization_id: str, job_id: str, addendum: Addendum, *, version: int) -> None:
        found = self._take(job_id, version, ReviewStatus.SIGNED, ReviewStatus.AMENDED)
        self.kept[job_id] = replace(
            found, review_status=ReviewStatus.AMENDED, addenda=(*found.addenda, addendum)
        )

    def _take(self, job_id: str, version: int, *allowed: ReviewStatus) -> Review:
        found = self.kept[job_id]
        if found.review_status not in allowed:
            raise ReportFinal(f"The report is {found.review_status}.")
        if found.version != version:
            raise ReportChanged("The report was changed since it was loaded.")
        return replace(found, version=version + 1)


Answer = Contract | None


class ScriptedApi:
    """``httpx.MockTransport(api)`` behind the real client.

    ``down`` leaves every request without an answer; ``refused`` maps a pattern of ``METHOD path``
    to the error it is answered with. ``asked`` tells every request that came.
    """

    def __init__(self, knowledge: KnowledgeBase, organization: str = "demo") -> None:
        self.organization = organization
        self.down = False
        self.refused: dict[str, AnalysisError] = {}
        self.asked: list[str] = []
        self.trail: list[AuditEventDocument] = []
        self.series = SeriesOffer(series=[], left_out=[])
        self.jobs, self.objects, self.reviews = MemoryJobs(), MemoryObjects(), MemoryReviews()
        self._knowledge = knowledge

    # ---- what there is -----------------------------------------------------------------------

    def has_job(
        self, job_id: str, status: JobStatus = JobStatus.SEGMENTING, error: JobError | None = None
    ) -> str:
        """A study that came to ``status``."""
        self.jobs.jobs[job_id] = Job(
            organization_id=self.organization,
            job_id=job_id,
            original_image_key=StudyKeys(self.organization, job_id).upload,
            status=status,
            error=error,
            created_at=MOMENT,
            updated_at=MOMENT,
        )
        return job_id

    def has_report(
        self, job_id: str, report: Report, measurements: Measurements, description: Description
    ) -> str:
        """A completed study, its report a draft."""
        keys = StudyKeys(self.organization, job_id)
        self.has_job(job_id, JobStatus.COMPLETED)
        for key, document in (
            (keys.report, report),
            (keys.results + "measurements.json", measurements),
            (keys.description, description),
        ):
            self.objects.put(key, document.model_dump_json().encode(), "application/json")
        self.jobs.results[job_id] = AnalysisResult(
            organization_id=self.organization,
            job_id=job_id,
            segmentation_result_key=keys.results + "labels.nii.gz",
            measurements_key=keys.results + "measurements.json",
            montage_key=keys.results + "montage.png",
            report_key=keys.report,
            image_description=description.text,
            enhanced_report="",
            confidence_scores={},
            processing_metrics={},
        )
        self.reviews.kept[job_id] = Review(ReviewStatus.DRAFT, 0)
        return job_id

    def desk(self, subject: str = "other", name: str = "Dr. Other") -> ReportDesk:
        """The review as somebody else works at it."""
        person = Caller(self.organization, subject, frozenset({Role.REVIEWER}), name)
        return self._desk(person)

    # ---- requests ----------------------------------------------------------------------------

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        asked = f"{request.method} {path}"
        self.asked.append(asked + (f"?{request.url.query.decode()}" if request.url.query else ""))
        if self.down:
            raise httpx.ConnectError("Connection refused", request=request)
        try:
            for pattern, error in self.refused.items():
                if re.fullmatch(pattern, asked):
                    raise error
            answer = self._answer(asked, request)
        except AnalysisError as error:
            document = problem(error)
            return httpx.Response(document.status, text=document.model_dump_json())
        if answer is None:
            return httpx.Response(204)
        return httpx.Response(200, text=answer.model_dump_json())

    def _answer(self, asked: str, request: httpx.Request) -> Answer:
        person = _caller(request)
        if person.organization_id != self.organization and "/v1/jobs/" in asked:
            raise JobNotFound("There is no job of that id.")
        for pattern, (roles, handler) in self._routes().items():
            found = re.fullmatch(pattern, asked)
            if found:
                person.require(*roles)
                return handler(person, request, *found.groups())
        raise RouteNotFound("There is no such address.")

    def _routes(self) -> Mapping[str, tuple[tuple[Role, ...], Callable[..., Answer]]]:
        reading = (Role.CLINICIAN, Role.REVIEWER)
        one = "/v1/jobs/([^/]+)"
        return {
            "GET /v1/jobs": (reading, self._list),
            f"GET {one}": (reading, self._job),
            f"GET {one}/events": (reading, self._events),
            f"GET {one}/report": (reading, lambda who, _, job: self._desk(who).open(job)),
            f"GET {one}/measurements": (reading, self._kept(Measurements, "measurements")),
            f"GET {one}/description": (reading, self._kept(Description, "description")),
            f"GET {one}/artefacts": (reading, self._artefacts),
            f"GET {one}/prior-studies": (
                reading,
                lambda *_: PriorStudies(subject_given=False, prior_studies=[]),
            ),
            f"GET {one}/series": (reading, lambda *_: self.series),
            f"POST {one}/(retry|cancel)": ((Role.CLINICIAN,), self._moved),
            "POST /v1/live-tickets": (
                reading,
                lambda *_: LiveTicketDocument(ticket="t", url="ws://live", expires_in_seconds=60),
            ),
            "GET /v1/audit-events": (
                (Role.ADMIN,),
                lambda *_: AuditTrail(events=self.trail, next_cursor=None),
            ),
            f"PUT {one}/report/sections": ((), self._revise),
            f"POST {one}/report/signature": ((), self._sign),
            f"POST {one}/report/rejection": ((), self._reject),
            f"POST {one}/report/addenda": ((), self._amend),
        }

    def _list(self, _: Caller, request: httpx.Request) -> JobList:
        wanted = request.url.params
        found = [
            document
            for document in map(self._document, self.jobs.jobs)
            if wanted.get("status") in (None, document.status)
            and wanted.get("review_status") in (None, document.review_status)
            and document.job_id.startswith(wanted.get("job_id", ""))
        ]
        mine = _caller(request).organization_id == self.organization
        return JobList(jobs=found if mine else [], next_cursor=None)

    def _job(self, _: Caller, __: httpx.Request, job_id: str) -> JobDocument:
        return self._document(job_id)

    def _document(self, job_id: str) -> JobDocument:
        job, review = self.jobs.find(self.organization, job_id), self.reviews.kept.get(job_id)
        if job is None:
            raise JobNotFound(f"There is no job {job_id}.")
        quality = None
        if review is not None:
            kept = self.objects.get(self._key(job_id, "measurements"))
            quality = Measurements.model_validate_json(kept).quality.verdict
        return JobDocument.of(job, review.review_status if review else None, quality)

    def _events(self, _: Caller, __: httpx.Request, job_id: str) -> EventList:
        status = self._document(job_id).status
        reached = _STAGES[: _STAGES.index(status) + 1] if status in _STAGES else [status]
        return EventList(
            events=[
                EventDocument(
                    at=MOMENT + timedelta(seconds=2 * position),
                    actor="pipeline",
                    action=f"status.{stage}",
                    detail={},
                )
                for position, stage in enumerate(reached)
            ]
        )

    def _kept(self, document: type[Contract], name: str) -> Callable[..., Answer]:
        def read(_: Caller, __: httpx.Request, job_id: str) -> Contract:
            return document.model_validate_json(self.objects.get(self._key(job_id, name)))

        return read

    def _key(self, job_id: str, name: str) -> str:
        return f"{StudyKeys(self.organization, job_id).results}{name}.json"

    def _artefacts(self, *_: Any) -> ArtefactList:
        montage = ArtefactDocument(
            name="montage.png", content_type="image/png", size_bytes=1, url="https://s3/montage.png"
        )
        return ArtefactList(artefacts=[montage], expires_in_seconds=300)

    def _moved(self, _: Caller, __: httpx.Request, job_id: str, what: str) -> JobDocument:
        self.has_job(job_id, JobStatus.UPLOADED if what == "retry" else JobStatus.FAILED)
        return self._document(job_id)

    def _desk(self, person: Caller) -> ReportDesk:
        return ReportDesk(person, self.jobs, self.objects, self.reviews, self._knowledge)

    def _revise(self, person: Caller, request: httpx.Request, job_id: str) -> Answer:
        sections = ReportSections.model_validate_json(request.content)
        return self._reviewing(person).revise(job_id, sections, version=_version(request))

    def _sign(self, person: Caller, request: httpx.Request, job_id: str) -> Answer:
        return self._reviewing(person).sign(job_id, version=_version(request))

    def _reject(self, person: Caller, request: httpx.Request, job_id: str) -> Answer:
        reason = RejectionRequest.model_validate_json(request.content).reason
        return self._reviewing(person).reject(job_id, reason, version=_version(request))

    def _amend(self, person: Caller, request: httpx.Request, job_id: str) -> Answer:
        text = AddendumRequest.model_validate_json(request.content).text
        return self._reviewing(person).amend(job_id, text, version=_version(request))

    def _reviewing(self, person: Caller) -> ReportDesk:
        person.require_own(Role.REVIEWER)
        return self._desk(person)


def _version(request: httpx.Request) -> int:
    return int(request.headers["If-Match"].strip('"'))


def _caller(request: httpx.Request) -> Caller:
    body = request.headers["Authorization"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    if claims["exp"] < time.time():
        raise SignInRequired("The request carries no valid ID token.")
    claims["cognito:groups"] = ",".join(claims["cognito:groups"])
    return caller_of(claims)
