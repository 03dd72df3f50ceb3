"""Cancel a job that has not ended."""

from collections.abc import Callable
from datetime import UTC, datetime

from mri_analysis.contracts.job import Job, JobError, JobStatus
from mri_analysis.errors import AnalysisStopped, CancelRefused, IllegalTransition, JobNotFound
from mri_analysis.ports.audit import AuditEvent
from mri_analysis.ports.jobs import JobRepository
from mri_analysis.ports.studies import StudyCatalogue
from mri_analysis.ports.workflow import Workflow

_ENDED = (JobStatus.COMPLETED, JobStatus.FAILED)


def cancel_analysis(
    organization_id: str,
    job_id: str,
    *,
    actor: str,
    jobs: JobRepository,
    studies: StudyCatalogue,
    workflow: Workflow,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Job:
    """Stop the execution of a job and mark the job as failed; it can be retried.

    The execution ends first, so that no stage takes the job on afterwards; that somebody asked for
    it is written before, because it may end by itself meanwhile.

    Raises
    ------
    JobNotFound
        The organization has no such job.
    CancelRefused
        The job has ended.
    """
    job = _found(organization_id, job_id, jobs)
    if job.status in _ENDED:
        raise CancelRefused(f"The job is {job.status}: there is nothing to cancel.")
    studies.note(AuditEvent(organization_id, job_id, actor, "cancel.requested", {}, now()))
    if job.execution_name is not None:
        workflow.stop(job.execution_name)
    stopped = JobError(
        code=AnalysisStopped.__name__,
        message="The analysis was cancelled.",
        next_step=AnalysisStopped.next_step,
    )
    try:
        jobs.advance(organization_id, job_id, JobStatus.FAILED, stopped)
    except IllegalTransition as error:  # it was completed in the last moment
        raise CancelRefused("The job has ended meanwhile.") from error
    return _found(organization_id, job_id, jobs)


def _found(organization_id: str, job_id: str, jobs: JobRepository) -> Job:
    job = jobs.find(organization_id, job_id)
    if job is None:
        raise JobNotFound(f"There is no job {job_id}.")
    return job
