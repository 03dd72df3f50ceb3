"""Jobs whose changes are announced to the browsers that watch; see ``ports.jobs.JobRepository``."""

from botocore.exceptions import BotoCoreError, ClientError

from mri_analysis.contracts.job import Job, JobError, JobStatus
from mri_analysis.errors import TransientError
from mri_analysis.observability import logger, metrics
from mri_analysis.ports.jobs import PIPELINE, AnalysisResult, JobPosition, JobRepository
from mri_analysis.ports.workflow import Notifier


class AnnouncedJobs:
    """A repository of jobs that tells of every change of a status, after it is kept.

    An announcement only makes a browser read the job sooner than it would ask by itself: one that
    fails is logged and counted, and changes nothing else.
    """

    def __init__(self, jobs: JobRepository, notifier: Notifier) -> None:
        self._jobs = jobs
        self._notifier = notifier

    def register(self, job: Job, actor: str = PIPELINE, *, subject_hash: str | None = None) -> Job:
        kept = self._jobs.register(job, actor, subject_hash=subject_hash)
        self._announce(kept.organization_id, kept.job_id, kept.status)
        return kept

    def find(self, organization_id: str, job_id: str) -> Job | None:
        return self._jobs.find(organization_id, job_id)

    def recent(
        self, organization_id: str, limit: int, after: JobPosition | None = None
    ) -> list[Job]:
        return self._jobs.recent(organization_id, limit, after)

    def restart(self, job: Job, actor: str = PIPELINE) -> Job:
        kept = self._jobs.restart(job, actor)
        self._announce(kept.organization_id, kept.job_id, kept.status)
        return kept

    def note_retry(
        self, organization_id: str, job_id: str, execution_name: str, actor: str
    ) -> None:
        self._jobs.note_retry(organization_id, job_id, execution_name, actor)

    def advance(
        self, organization_id: str, job_id: str, status: JobStatus, error: JobError | None = None
    ) -> None:
        self._jobs.advance(organization_id, job_id, status, error)
        self._announce(organization_id, job_id, status)

    def complete(self, result: AnalysisResult) -> str:
        result_id = self._jobs.complete(result)
        self._announce(result.organization_id, result.job_id, JobStatus.COMPLETED)
        return result_id

    def result(self, organization_id: str, job_id: str) -> AnalysisResult | None:
        return self._jobs.result(organization_id, job_id)

    def _announce(self, organization_id: str, job_id: str, status: JobStatus) -> None:
        try:
            self._notifier.notify(organization_id, job_id, f"status.{status}")
        except (TransientError, ClientError, BotoCoreError):
            logger.exception("a change was not announced", job_id=job_id)
            metrics.add_metric(name="ChangeNotAnnounced", unit="Count", value=1)
