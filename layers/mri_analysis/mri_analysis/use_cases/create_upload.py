"""Prepare the upload of one scan."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from mri_analysis.contracts.job import Job, JobStatus
from mri_analysis.errors import EmptyFile, FileTooLarge, UploadArrived
from mri_analysis.keys import StudyKeys
from mri_analysis.ports.jobs import JobRepository
from mri_analysis.ports.uploads import SignedForm, UploadForms

FORM_SECONDS = 15 * 60

# Fixed for ever: the same request of the same person names the same job.
_REQUEST_NAMESPACE = uuid.UUID("0f0b7e62-3f0c-5c0e-8a51-1d6f5a3c9b7d")


@dataclass(frozen=True)
class PreparedUpload:
    """The job that waits for the scan, and the form that puts it."""

    job: Job
    form: SignedForm


def create_upload(
    organization_id: str,
    user_id: str,
    size_bytes: int,
    *,
    subject_hash: str | None = None,
    idempotency_key: str | None,
    max_bytes: int,
    jobs: JobRepository,
    forms: UploadForms,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> PreparedUpload:
    """Write the job row and sign a form for the key that the server chose.

    A repeated ``idempotency_key`` of the same person finds the same job and gets a fresh form: the
    job id is derived from the key, so no signed form has to be kept anywhere.

    Raises
    ------
    EmptyFile, FileTooLarge
        Said before the scan travels.
    UploadArrived
        The upload of this ``idempotency_key`` has arrived already.
    SubjectDiffers
        It was prepared before for another subject, or for none.
    """
    if size_bytes == 0:
        raise EmptyFile("The file has no content.")
    if size_bytes > max_bytes:
        raise FileTooLarge(f"The file has {size_bytes} bytes; the limit is {max_bytes}.")
    job_id = _job_id(organization_id, user_id, idempotency_key)
    moment = now()
    job = jobs.register(
        Job(
            organization_id=organization_id,
            job_id=job_id,
            user_id=user_id,
            original_image_key=StudyKeys(organization_id, job_id).upload,
            status=JobStatus.AWAITING_UPLOAD,
            created_at=moment,
            updated_at=moment,
        ),
        actor=user_id,
        subject_hash=subject_hash,
    )
    if job.status is not JobStatus.AWAITING_UPLOAD:
        raise UploadArrived(f"The upload of this key arrived already: job {job_id}.")
    return PreparedUpload(job, forms.sign(job.original_image_key, max_bytes, FORM_SECONDS))


def _job_id(organization_id: str, user_id: str, idempotency_key: str | None) -> str:
    if idempotency_key is None:
        return str(uuid.uuid4())
    request = "\n".join((organization_id, user_id, idempotency_key))
    return str(uuid.uuid5(_REQUEST_NAMESPACE, request))
