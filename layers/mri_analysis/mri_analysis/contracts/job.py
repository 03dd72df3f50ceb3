"""The life of a job: its record, its states and the steps between them."""

from datetime import datetime
from enum import StrEnum

from mri_analysis.contracts.base import Contract, Identifier, S3Key


class JobStatus(StrEnum):
    """Where a job is."""

    AWAITING_UPLOAD = "awaiting_upload"
    UPLOADED = "uploaded"
    SEGMENTING = "segmenting"
    CONVERTING = "converting"
    ENHANCING = "enhancing"
    COMPLETED = "completed"
    FAILED = "failed"


_ORDER = [
    JobStatus.AWAITING_UPLOAD,
    JobStatus.UPLOADED,
    JobStatus.SEGMENTING,
    JobStatus.CONVERTING,
    JobStatus.ENHANCING,
    JobStatus.COMPLETED,
]


def may_follow(current: JobStatus, following: JobStatus) -> bool:
    """Whether a job may go from ``current`` to ``following``.

    A stage that is tried again asks for the state the job is already in: allowed, nothing changes.
    A failed job may enter any state again, because a redriven execution resumes where it failed.
    A completed job never changes.
    """
    if current is following:
        return True
    if current is JobStatus.COMPLETED:
        return False
    if current is JobStatus.FAILED:
        return following is not JobStatus.AWAITING_UPLOAD
    if following is JobStatus.FAILED:
        return True
    return _ORDER.index(following) == _ORDER.index(current) + 1


class ReviewStatus(StrEnum):
    """Where the report of a completed job is."""

    DRAFT = "draft"
    SIGNED = "signed"
    AMENDED = "amended"
    REJECTED = "rejected"


class JobError(Contract):
    """Why a job failed, for the person who reads it."""

    code: str
    message: str
    next_step: str


class Job(Contract):
    """A row of ``analysis_jobs``. Times are UTC."""

    organization_id: Identifier
    job_id: Identifier
    user_id: str | None = None
    original_image_key: S3Key
    original_image_version: str | None = None
    execution_name: str | None = None
    status: JobStatus
    error: JobError | None = None
    created_at: datetime
    updated_at: datetime
