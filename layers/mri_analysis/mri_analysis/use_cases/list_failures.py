"""Failed studies of an organization, page by page, with what may be done about each."""

from mri_analysis.contracts.job import Job, JobError, JobStatus
from mri_analysis.contracts.operations import FailedStudies, FailedStudy
from mri_analysis.errors import InternalError, is_the_scans_fault
from mri_analysis.ports.studies import StudyCatalogue, StudyFilter
from mri_analysis.use_cases.list_studies import list_studies

_UNEXPLAINED = JobError(
    code=InternalError.__name__,
    message="Why the analysis stopped was not recorded.",
    next_step=InternalError.next_step,
)


def list_failures(
    organization_id: str, limit: int, cursor: str | None, *, studies: StudyCatalogue
) -> FailedStudies:
    """One page of failed studies, those that were uploaded last first.

    Raises
    ------
    InvalidRequest
        The cursor is none of ours.
    """
    wanted = StudyFilter(status=JobStatus.FAILED)
    page = list_studies(organization_id, limit, cursor, wanted, studies=studies)
    return FailedStudies(
        studies=[_failed(study.job) for study in page.studies], next_cursor=page.next_cursor
    )


def _failed(job: Job) -> FailedStudy:
    error = job.error or _UNEXPLAINED
    return FailedStudy(
        job_id=job.job_id,
        created_at=job.created_at,
        failed_at=job.updated_at,
        error=error,
        # What never got an execution has nothing that could be started again.
        retry_may_help=not is_the_scans_fault(error.code) and job.execution_name is not None,
    )
