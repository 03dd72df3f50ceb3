"""Start the analysis of an uploaded object."""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum

from mri_analysis.contracts.job import Job, JobError, JobStatus
from mri_analysis.contracts.tasks import AnalysisInput, UploadedObject
from mri_analysis.errors import IllegalTransition, UploadMissing
from mri_analysis.keys import execution_name, study_of_upload
from mri_analysis.ports.jobs import JobRepository
from mri_analysis.ports.storage import ObjectStore
from mri_analysis.ports.workflow import Workflow


class StartOutcome(StrEnum):
    """What became of one upload event."""

    STARTED = "started"
    DUPLICATE = "duplicate"
    UPLOAD_MISSING = "upload_missing"
    ALREADY_ANALYSED = "already_analysed"


def start_analysis(
    uploaded: UploadedObject,
    *,
    images: ObjectStore,
    jobs: JobRepository,
    workflow: Workflow,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> tuple[Job, StartOutcome]:
    """Make or find the job of ``uploaded`` and start one execution for this version of the object.

    The job row is written before the execution starts, so that a stage never meets a job it does
    not know; an event that is delivered again finds both and changes nothing.

    Raises
    ------
    ForeignUpload
        The key names no organization: nobody to tell, so the message belongs in the dead-letter
        queue.
    DatabaseUnavailable, StorageUnavailable
        The message should be delivered again.
    """
    stored = images.head(uploaded.key, uploaded.version_id)
    if stored is not None:
        uploaded = uploaded.model_copy(update={"version_id": stored.version_id})
    study = study_of_upload(uploaded.bucket, uploaded.key, uploaded.version_id)
    name = execution_name(uploaded.bucket, uploaded.key, uploaded.version_id)
    moment = now()
    wanted = Job(
        organization_id=study.organization_id,
        job_id=study.job_id,
        original_image_key=uploaded.key,
        original_image_version=uploaded.version_id,
        execution_name=name,
        status=JobStatus.UPLOADED,
        created_at=moment,
        updated_at=moment,
    )
    job = jobs.register(wanted)
    if stored is None:
        return _fail_missing(job, jobs), StartOutcome.UPLOAD_MISSING
    if job.execution_name != name:
        try:
            job = jobs.restart(wanted)
        except IllegalTransition:
            return job, StartOutcome.ALREADY_ANALYSED
    task = AnalysisInput(
        organization_id=study.organization_id, job_id=study.job_id, source=uploaded
    )
    started = workflow.start(name, task)
    return job, StartOutcome.STARTED if started else StartOutcome.DUPLICATE


def _fail_missing(job: Job, jobs: JobRepository) -> Job:
    if job.status not in (JobStatus.AWAITING_UPLOAD, JobStatus.UPLOADED):
        return job  # a late event for an object that was analysed and removed
    missing = JobError(
        code=UploadMissing.__name__,
        message="The uploaded object was deleted before its analysis began.",
        next_step=UploadMissing.next_step,
    )
    jobs.advance(job.organization_id, job.job_id, JobStatus.FAILED, missing)
    return jobs.find(job.organization_id, job.job_id) or job
