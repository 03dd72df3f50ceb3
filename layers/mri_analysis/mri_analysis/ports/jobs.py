"""Where jobs and their results are kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from mri_analysis.contracts.job import Job, JobError, JobStatus

PIPELINE = "pipeline"
"""Who changes a job in the audit trail where no person asked for it."""


@dataclass(frozen=True)
class AnalysisResult:
    """A row of ``analysis_results``."""

    organization_id: str
    job_id: str
    segmentation_result_key: str
    measurements_key: str
    montage_key: str
    report_key: str
    image_description: str
    enhanced_report: str
    confidence_scores: Mapping[str, float]
    processing_metrics: Mapping[str, Any]


@dataclass(frozen=True)
class JobPosition:
    """A place in the list of jobs: that of the last one already seen."""

    created_at: datetime
    job_id: str


class JobRepository(Protocol):
    """Jobs and results of one database.

    Every method raises ``DatabaseUnavailable`` when the database does not answer; each is one
    transaction. ``actor`` goes into the audit trail: a person's subject, or ``PIPELINE``.
    """

    def register(self, job: Job, actor: str = PIPELINE, *, subject_hash: str | None = None) -> Job:
        """Insert ``job`` unless its id is known; answer the row that is kept.

        ``subject_hash`` is kept beside the job and is no part of it: the analysis never reads it.
        Raises ``SubjectDiffers`` where the row is there with another one, or with none.
        """
        ...

    def find(self, organization_id: str, job_id: str) -> Job | None:
        """The job, or None where the organization has no such job."""
        ...

    def recent(
        self, organization_id: str, limit: int, after: JobPosition | None = None
    ) -> list[Job]:
        """The newest jobs of an organization, newest first; those that follow ``after``."""
        ...

    def restart(self, job: Job, actor: str = PIPELINE) -> Job:
        """Take a new upload for a job that awaits one or failed; raises ``IllegalTransition``
        else.
        """
        ...

    def note_retry(
        self, organization_id: str, job_id: str, execution_name: str, actor: str
    ) -> None:
        """Put into the audit trail that ``actor`` asked for another execution; the job stays."""
        ...

    def advance(
        self, organization_id: str, job_id: str, status: JobStatus, error: JobError | None = None
    ) -> None:
        """Compare-and-set the status; raises ``IllegalTransition`` or ``JobNotFound``."""
        ...

    def complete(self, result: AnalysisResult) -> str:
        """Store the result, complete the job and answer the result id: one transaction,
        repeatable.
        """
        ...

    def result(self, organization_id: str, job_id: str) -> AnalysisResult | None:
        """The stored result, or None."""
        ...
