"""Start the analysis of an uploaded object, and start it again after a failure."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from mri_analysis.contracts.job import Job, JobError, JobStatus
from mri_analysis.contracts.tasks import AnalysisInput, UploadedObject
from mri_analysis.errors import IllegalTransition, JobNotFound, RetryRefused, UploadMissing
from mri_analysis.keys import StudyKeys, execution_name, retry_name, study_of_upload
from mri_analysis.ports.jobs import PIPELINE, JobRepository
from mri_analysis.ports.storage import ObjectStore
from mri_analysis.ports.workflow import Workflow


class StartOutcome(StrEnum):
    """What became of one upload event."""

    STARTED = "started"
    FILED = "filed"
    """moved to its study's key, whose own event starts the analysis"""
    DUPLICATE = "duplicate"
    UPLOAD_MISSING = "upload_missing"
    ALREADY_ANALYSED = "already_analysed"


@dataclass(frozen=True)
class Started:
    """The study of an upload event and what became of it."""

    study: StudyKeys
    outcome: StartOutcome


def start_analysis(
    uploaded: UploadedObject,
    *,
    images: ObjectStore,
    jobs: JobRepository,
    workflow: Workflow,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Started:
    """Make or find the job of ``uploaded`` and start one execution for this version of the object.

    The job row is written before the execution starts, so that a stage never meets a job it does
    not know; an event that is delivered again finds both and changes nothing. An object with a name
    of its own is moved to its study's key first: file names are not kept.

    Raises
    ------
    ForeignUpload
        The key names no organization: nobody to tell, so the message belongs in the dead-letter
        queue.
    TransientError
        The message should be delivered again.
    """
    stored = images.head(uploaded.key, uploaded.version_id)
    version_id = stored.version_id if stored is not None else uploaded.version_id
    study = study_of_upload(uploaded.bucket, uploaded.key, version_id)
    if uploaded.key != study.upload:
        if stored is not None:
            images.move(uploaded.key, version_id, study.upload)
            return Started(study, StartOutcome.FILED)
        if images.head(study.upload) is not None:
            return Started(study, StartOutcome.FILED)  # by an earlier delivery of this event
    name = execution_name(uploaded.bucket, study.upload, version_id)
    moment = now()
    wanted = Job(
        organization_id=study.organization_id,
        job_id=study.job_id,
        original_image_key=study.upload,
        original_image_version=version_id,
        execution_name=name,
        status=JobStatus.UPLOADED,
        created_at=moment,
        updated_at=moment,
    )
    job = jobs.register(wanted)
    if stored is None and (job.created_at == moment or job.execution_name != name):
        _fail_missing(job, jobs)
        return Started(study, StartOutcome.UPLOAD_MISSING)
    # An event that is delivered again may find its object prepared and removed: the execution that
    # runs is what counts, and one that has to start now says itself what is missing.
    return Started(study, _start(job, wanted, uploaded.bucket, jobs, workflow))


def retry_analysis(
    organization_id: str,
    job_id: str,
    *,
    images_bucket: str,
    actor: str,
    jobs: JobRepository,
    workflow: Workflow,
    series: int | None = None,
) -> Job:
    """Analyse the upload of a failed job again, in a new execution.

    ``series`` is the number of the series of a DICOM upload that a person chose.

    Step Functions cannot redrive an execution that ended in a ``Fail`` state (the redrive enters
    ``Fail`` again), and it refuses the name of an execution for 90 days: the retry gets a name of
    its own. ``actor`` is who asked for it: the audit trail names them before the execution starts,
    because its first stage may take the job on before anything else is written.

    Raises
    ------
    JobNotFound
        The organization has no such job.
    RetryRefused
        The job has not failed.
    """
    job = jobs.find(organization_id, job_id)
    if job is None:
        raise JobNotFound(f"There is no job {job_id}.")
    if job.status is not JobStatus.FAILED or job.execution_name is None:
        raise RetryRefused(f"The job is {job.status}: only a failed job can be retried.")
    name = retry_name(job.execution_name)
    wanted = job.model_copy(update={"execution_name": name})
    jobs.note_retry(organization_id, job_id, name, actor)
    _start(job, wanted, images_bucket, jobs, workflow, actor, series)
    return jobs.find(organization_id, job_id) or wanted


def _start(
    job: Job,
    wanted: Job,
    bucket: str,
    jobs: JobRepository,
    workflow: Workflow,
    actor: str = PIPELINE,
    series: int | None = None,
) -> StartOutcome:
    """Start the execution of ``wanted`` for the kept ``job``."""
    if job.execution_name != wanted.execution_name:
        if job.status is JobStatus.AWAITING_UPLOAD:
            jobs.restart(wanted, actor)
        elif job.status is not JobStatus.FAILED:
            return StartOutcome.ALREADY_ANALYSED
    source = UploadedObject(
        bucket=bucket,
        key=wanted.original_image_key,
        version_id=wanted.original_image_version,
        series=series,
    )
    task = AnalysisInput(
        organization_id=wanted.organization_id,
        job_id=wanted.job_id,
        source=source,
    )
    if not workflow.start(wanted.execution_name or "", task):
        return StartOutcome.DUPLICATE
    if job.status is JobStatus.FAILED:
        # Only after the start: a late event of an older version must not wake a failed job. Its
        # first stage may have been quicker, and has then taken the job on already.
        with suppress(IllegalTransition):
            jobs.restart(wanted, actor)
    return StartOutcome.STARTED


def _fail_missing(job: Job, jobs: JobRepository) -> None:
    if job.status not in (JobStatus.AWAITING_UPLOAD, JobStatus.UPLOADED):
        return  # a late event for an object that was analysed and removed
    missing = JobError(
        code=UploadMissing.__name__,
        message="The uploaded object was deleted before its analysis began.",
        next_step=UploadMissing.next_step,
    )
    jobs.advance(job.organization_id, job.job_id, JobStatus.FAILED, missing)
