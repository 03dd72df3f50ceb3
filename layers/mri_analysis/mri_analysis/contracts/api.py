"""Requests and answers of the REST API. Their version is the ``/v1`` in every address."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, Secret, StringConstraints

from mri_analysis.contracts.base import Contract, Identifier
from mri_analysis.contracts.job import Job, JobError, JobStatus, ReviewStatus
from mri_analysis.contracts.review import ReaderText
from mri_analysis.contracts.segmentation import Verdict
from mri_analysis.ports.audit import AuditEvent


class HealthDocument(Contract):
    """The API answers."""

    status: Literal["ok"] = "ok"


class JobDocument(Contract):
    """A job as its organization sees it: no keys, no names of executions."""

    job_id: Identifier
    status: JobStatus
    error: JobError | None
    created_at: datetime
    updated_at: datetime
    review_status: ReviewStatus | None = Field(description="Null while there is no report")
    quality: Verdict | None = Field(description="Of the segmentation; null where it is not known")

    @classmethod
    def of(
        cls, job: Job, review_status: ReviewStatus | None = None, quality: Verdict | None = None
    ) -> Self:
        """The part of ``job`` that leaves the API."""
        return cls(
            job_id=job.job_id,
            status=job.status,
            error=job.error,
            created_at=job.created_at,
            updated_at=job.updated_at,
            review_status=review_status,
            quality=quality,
        )


class JobList(Contract):
    """One page of jobs, newest first."""

    jobs: list[JobDocument]
    next_cursor: str | None = Field(description="Asks for the next page; null on the last one")


class ExportFile(StrEnum):
    """A file that a completed study can be taken along as."""

    REPORT = "report.md"
    REPORT_PDF = "report.pdf"
    MEASUREMENTS = "measurements.csv"
    FHIR = "fhir.json"
    SEGMENTATION = "segmentation.dcm"
    STRUCTURED_REPORT = "measurements.dcm"
    REPORT_DICOM = "report.dcm"
    EVERYTHING = "study.zip"


class ExportReady(Contract):
    """A file that was made; ``Location`` says the same address."""

    file: ExportFile
    url: str = Field(description="Gets the file and takes no token")
    expires_in_seconds: int


class ExportBeingMade(Contract):
    """A file that was asked for and is not there yet."""

    file: ExportFile
    retry_after_seconds: int = Field(ge=1, description="Ask again then")


MOST_PRIOR_STUDIES = 50


class PriorStudy(Contract):
    """An earlier completed study of the same subject."""

    job_id: Identifier
    created_at: datetime = Field(description="When its upload was prepared, not when it was taken")
    quality: Verdict | None = Field(description="Of the segmentation; null where it is not known")
    review_status: ReviewStatus | None


class PriorStudies(Contract):
    """Earlier completed studies of the same subject and organization, the latest upload first."""

    subject_given: bool = Field(description="Whether the upload of this study named a subject")
    prior_studies: list[PriorStudy] = Field(description=f"{MOST_PRIOR_STUDIES} at most")


class EventDocument(Contract):
    """One thing that happened to a study."""

    at: datetime
    actor: str = Field(description="A person's subject, or 'pipeline'")
    action: str
    detail: Mapping[str, Any]

    @classmethod
    def of(cls, event: AuditEvent) -> Self:
        """An entry of the audit trail, without what the address already names."""
        return cls(at=event.at, actor=event.actor, action=event.action, detail=event.detail)


class EventList(Contract):
    """What happened to a study, oldest first."""

    events: list[EventDocument]


class AuditEventDocument(EventDocument):
    """One entry of an organization's audit trail."""

    job_id: str


class AuditTrail(Contract):
    """A page of an organization's audit trail, newest first."""

    events: list[AuditEventDocument]
    next_cursor: str | None = Field(description="Asks for the next page; null on the last one")


class ArtefactDocument(Contract):
    """A file of a study and an address that gets it."""

    name: str
    content_type: str
    size_bytes: int
    url: str


class ArtefactList(Contract):
    """Files of a study. The addresses carry their own permission and end soon: do not keep them."""

    artefacts: list[ArtefactDocument]
    expires_in_seconds: int


def _whole(given: Any) -> Any:
    """JSON does not tell 5.0 from 5, and JSON Schema calls both integers."""
    return int(given) if isinstance(given, float) and given.is_integer() else given


Subject = Secret[
    Annotated[str, StringConstraints(max_length=64, pattern=r"^[ -~]*[!-~][ -~]*$", strict=True)]
]
"""Printable ASCII, one sign at least that is no space. No trace and no log shows what it holds."""


class UploadRequest(Contract):
    """A scan that somebody wants to upload. Its file name is not asked for and not kept."""

    size_bytes: Annotated[int, Field(ge=0, strict=True), BeforeValidator(_whole)]
    subject: Subject | None = Field(
        default=None,
        description="Patient number or study code, the same for all studies of one subject. Never "
        "kept: only a keyed hash of it, which links them",
    )


class UploadDocument(Contract):
    """Where to post the scan: a multipart form of these fields, then the file as ``file``."""

    job_id: Identifier
    url: str
    fields: Mapping[str, str]
    max_bytes: int
    expires_in_seconds: int


class RejectionRequest(Contract):
    """Why a draft is rejected."""

    reason: ReaderText


class AddendumRequest(Contract):
    """What is added to a signed report."""

    text: ReaderText


class LiveTicketDocument(Contract):
    """Opens one socket: ``{url}?ticket={ticket}``."""

    ticket: str
    url: str
    expires_in_seconds: int


class Problem(Contract):
    """An error as ``application/problem+json`` (RFC 9457), with our code and a next step."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    next_step: str
