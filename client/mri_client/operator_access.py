"""Studies of a stack, with the credentials of the stack: see :mod:`mri_client.study_access`."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from mri_analysis.contracts.job import Job, JobStatus
from mri_analysis.errors import JobNotFound, UploadMissing
from mri_analysis.keys import StudyKeys
from mri_client.stack import Stack, StackUnreachable
from mri_client.studies import check_file, find_job_id, known_organization, submit
from mri_client.study_access import Bytes, Pause, Sent, StudyState

if TYPE_CHECKING:
    from mri_analysis.adapters.sql_job_repository import SqlJobRepository

# Fixed for ever: the same content is the same study of an organization.
_CONTENT_NAMESPACE = uuid.UUID("b7a3c8de-4a0b-5f5e-9c57-6d2f1c8e0a35")
_PAUSE_S = 0.5


class OperatorAccess:
    """Studies of one organization of a stack."""

    def __init__(self, stack: Stack, organization_id: str) -> None:
        self._stack = stack
        self._organization_id = known_organization(organization_id)

    def whole_id(self, given: str) -> str:
        return find_job_id(self._stack, self._organization_id, given)

    def state(self, job_id: str) -> StudyState:
        self._stack.check_running()
        job = self._jobs.find(self._organization_id, job_id)
        if job is not None:
            return _state(job)
        if self._arrived(job_id):
            return StudyState(job_id, JobStatus.UPLOADED, None, None)
        raise JobNotFound(f"There is no job {job_id}.")

    def newest(self, limit: int) -> list[StudyState]:
        return [_state(job) for job in self._jobs.recent(self._organization_id, limit)]

    def send(self, scan: Path, content: str, progress: Bytes) -> Sent:
        check_file(scan)
        job_id = str(uuid.uuid5(_CONTENT_NAMESPACE, f"{self._organization_id}\n{content}"))
        if self._arrived(job_id):
            return Sent(job_id, was_there=True)
        submit(self._stack, scan, self._organization_id, job_id)
        size = scan.stat().st_size
        progress(size, size)
        return Sent(job_id, was_there=False)

    @contextmanager
    def changes(self) -> Iterator[Pause]:
        yield lambda: time.sleep(_PAUSE_S)

    @property
    def _jobs(self) -> SqlJobRepository:
        if self._stack.jobs is None:
            raise StackUnreachable("The stack file names no database, so jobs cannot be followed.")
        return self._stack.jobs

    def _arrived(self, job_id: str) -> bool:
        """Whether the upload of this job came: by its row, which outlives the upload, or by the
        upload, which comes before the row.
        """
        job = self._stack.jobs.find(self._organization_id, job_id) if self._stack.jobs else None
        if job is not None and job.status is not JobStatus.AWAITING_UPLOAD:
            return job.error is None or job.error.code != UploadMissing.__name__
        key = StudyKeys(self._organization_id, job_id).upload
        try:
            self._stack.s3.head_object(Bucket=self._stack.images_bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound"):
                return False
            raise StackUnreachable(f"Object storage did not answer: {error}") from error
        except BotoCoreError as error:
            raise StackUnreachable(f"Object storage did not answer: {error}") from error
        return True


def _state(job: Job) -> StudyState:
    return StudyState(job.job_id, job.status, job.error, job.updated_at)
