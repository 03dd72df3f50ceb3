"""Studies as the reading room shows them: the job, its review, and what happened to it."""

from dataclasses import dataclass
from typing import Protocol

from mri_analysis.contracts.job import Job, JobStatus, ReviewStatus
from mri_analysis.contracts.segmentation import Verdict
from mri_analysis.ports.audit import AuditEvent
from mri_analysis.ports.jobs import JobPosition

DELETED = "study.deleted"
"""Action in the audit trail that outlives a study."""


@dataclass(frozen=True)
class Study:
    """A job and the state of its report."""

    job: Job
    review_status: ReviewStatus | None
    """None while there is no report"""
    quality: Verdict | None
    """of the segmentation; None while there is no report, or where an earlier release kept none"""


@dataclass(frozen=True)
class StudyFilter:
    """Which studies to list; what is None does not matter."""

    status: JobStatus | None = None
    review_status: ReviewStatus | None = None
    id_prefix: str | None = None
    """how the job id begins"""


@dataclass(frozen=True)
class TrailFilter:
    """Which entries of the audit trail to list; what is None does not matter."""

    job_id: str | None = None
    action: str | None = None


@dataclass(frozen=True)
class TrailPage:
    """Entries of the audit trail, newest first."""

    events: list[AuditEvent]
    next_place: int | None
    """entries before this place follow; None where there are none"""


class StudyCatalogue(Protocol):
    """Studies of one database. Every method raises ``DatabaseUnavailable``."""

    def find(self, organization_id: str, job_id: str) -> Study | None:
        """The study, or None where the organization has no such job."""
        ...

    def page(
        self,
        organization_id: str,
        limit: int,
        wanted: StudyFilter,
        after: JobPosition | None = None,
    ) -> list[Study]:
        """The newest studies, newest first; those that follow ``after``."""
        ...

    def prior(self, organization_id: str, job_id: str, limit: int) -> list[Study] | None:
        """Completed studies of the same subject that were uploaded before, newest first; None where
        nobody named a subject for this one, or where the organization has no such job.
        """
        ...

    def events(self, organization_id: str, job_id: str) -> list[AuditEvent]:
        """What happened to a study, oldest first."""
        ...

    def trail(
        self,
        organization_id: str,
        limit: int,
        wanted: TrailFilter,
        before: int | None = None,
    ) -> TrailPage:
        """The newest entries of the whole organization, newest first; those before place
        ``before``. A page of one action may be short, or empty, and have a next one: a bounded
        part of the trail is searched for it.
        """
        ...

    def remove(self, organization_id: str, job_id: str, actor: str) -> bool:
        """Remove job, result and review for good, with an entry in the audit trail, which stays;
        whether there was such a job. Raises ``DeleteRefused`` for one that is being analysed, or
        whose report was signed.
        """
        ...

    def note(self, event: AuditEvent) -> None:
        """Put one entry into the audit trail."""
        ...
