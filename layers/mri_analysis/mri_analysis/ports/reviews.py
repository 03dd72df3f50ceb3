"""Where reviews of reports are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from mri_analysis.contracts.job import ReviewStatus
from mri_analysis.contracts.review import Addendum, Decision, Revision


@dataclass(frozen=True)
class Review:
    """The review of one report."""

    review_status: ReviewStatus
    version: int
    """counts every change"""
    revisions: Sequence[Revision] = ()
    decision: Decision | None = None
    addenda: Sequence[Addendum] = ()


class ReviewRepository(Protocol):
    """Reviews of one database.

    Every change names the version it was made for, is one transaction with its entry in the audit
    trail, and raises ``ReportChanged`` where the version is another by now, ``ReportFinal`` where
    the review status allows no such change, ``ReportNotReady`` where there is no report. Every
    method raises ``DatabaseUnavailable``.
    """

    def find(self, organization_id: str, job_id: str) -> Review | None:
        """The review, or None where there is no report."""
        ...

    def revise(
        self, organization_id: str, job_id: str, revision: Revision, *, version: int
    ) -> None:
        """Keep a reader's sections of a draft."""
        ...

    def decide(
        self, organization_id: str, job_id: str, decision: Decision, *, version: int
    ) -> None:
        """Sign or reject a draft."""
        ...

    def amend(self, organization_id: str, job_id: str, addendum: Addendum, *, version: int) -> None:
        """Add to a signed report."""
        ...
