"""Review of a draft: revise, sign or reject it, and add to a signed one.

A person may write what they see: the guard's objections are shown beside their words, never in
their way. What was signed is the draft with the sections as they stood, under one hash.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from mri_analysis.access import Caller
from mri_analysis.contracts.job import ReviewStatus
from mri_analysis.contracts.report import Description, Report
from mri_analysis.contracts.review import (
    Addendum,
    Decision,
    Objection,
    ReportSections,
    ReviewedReport,
    Revision,
    content_sha256,
    sections_of,
)
from mri_analysis.contracts.segmentation import Measurements
from mri_analysis.errors import ReportNotReady
from mri_analysis.keys import StudyKeys
from mri_analysis.ports.jobs import AnalysisResult, JobRepository
from mri_analysis.ports.knowledge import KnowledgeBase
from mri_analysis.ports.reviews import Review, ReviewRepository
from mri_analysis.ports.storage import ObjectStore
from mri_analysis.reporting.evidence import gather_evidence
from mri_analysis.reporting.guard import Violation, check_report
from mri_analysis.reporting.reviewed import KINDS, edited
from mri_analysis.use_cases.read_study import finished


def review_of(
    kept: AnalysisResult, *, results: ObjectStore, reviews: ReviewRepository
) -> ReviewedReport:
    """The report of a completed study as it stands; nobody asked the guard what it objects to.

    Raises
    ------
    ReportNotReady
        The job has no report.
    """
    review = reviews.find(kept.organization_id, kept.job_id)
    if review is None:
        raise ReportNotReady("The job has no report.")
    report = Report.model_validate_json(results.get(kept.report_key))
    sections = _current(report, review)
    return ReviewedReport(
        job_id=kept.job_id,
        review_status=review.review_status,
        version=review.version,
        report=report,
        sections=sections,
        objections=[],
        revisions=list(review.revisions),
        decision=review.decision,
        addenda=list(review.addenda),
        content_sha256=content_sha256(report, sections),
    )


@dataclass(frozen=True)
class ReportDesk:
    """What a review needs: who reviews, and where everything is kept."""

    reviewer: Caller
    jobs: JobRepository
    results: ObjectStore
    reviews: ReviewRepository
    knowledge: KnowledgeBase
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def open(self, job_id: str) -> ReviewedReport:
        """The report as it stands.

        Raises
        ------
        JobNotFound, ReportNotReady
            The organization has no such job, or the job no report.
        """
        kept = finished(self.reviewer.organization_id, job_id, self.jobs)
        found = review_of(kept, results=self.results, reviews=self.reviews)
        if not found.revisions:
            return found
        objections = self._objections(kept, found.report, found.sections)
        return found.model_copy(update={"objections": objections})

    def revise(self, job_id: str, sections: ReportSections, *, version: int) -> ReviewedReport:
        """Keep other words for a draft; see ``ReviewRepository`` for what is refused."""
        found = self.open(job_id)
        revision = Revision(
            number=len(found.revisions) + 1,
            author_id=self.reviewer.user_id,
            author_name=self.reviewer.name,
            at=self.now(),
            content_sha256=content_sha256(found.report, sections),
            sections=sections,
        )
        organization_id = self.reviewer.organization_id
        self.reviews.revise(organization_id, job_id, revision, version=version)
        return self.open(job_id)

    def sign(self, job_id: str, *, version: int) -> ReviewedReport:
        """Sign what stands there at ``version``."""
        return self._decide(job_id, ReviewStatus.SIGNED, None, version)

    def reject(self, job_id: str, reason: str, *, version: int) -> ReviewedReport:
        """Reject the draft, and say why."""
        return self._decide(job_id, ReviewStatus.REJECTED, reason, version)

    def amend(self, job_id: str, text: str, *, version: int) -> ReviewedReport:
        """Add to a signed report."""
        found = self.open(job_id)
        addendum = Addendum(
            reviewer_id=self.reviewer.user_id,
            reviewer_name=self.reviewer.name,
            at=self.now(),
            content_sha256=found.content_sha256,
            text=text,
        )
        organization_id = self.reviewer.organization_id
        self.reviews.amend(organization_id, job_id, addendum, version=version)
        return self.open(job_id)

    def _decide(
        self, job_id: str, status: ReviewStatus, comment: str | None, version: int
    ) -> ReviewedReport:
        found = self.open(job_id)
        decision = Decision(
            review_status=status,
            reviewer_id=self.reviewer.user_id,
            reviewer_name=self.reviewer.name,
            at=self.now(),
            content_sha256=found.content_sha256,
            comment=comment,
        )
        organization_id = self.reviewer.organization_id
        self.reviews.decide(organization_id, job_id, decision, version=version)
        return self.open(job_id)

    def _objections(
        self, kept: AnalysisResult, report: Report, sections: ReportSections
    ) -> list[Objection]:
        """What the guard holds against the reader's words and did not hold against the draft.

        The site's own documents are searched for again by words alone: a quotation that the draft
        had from the search service is none to object to.
        """
        measurements = Measurements.model_validate_json(self.results.get(kept.measurements_key))
        keys = StudyKeys(kept.organization_id, kept.job_id)
        description = Description.model_validate_json(self.results.get(keys.description))
        evidence = gather_evidence(
            measurements,
            self.knowledge,
            description.reading,
            for_model=report.mode == "language_model",
        )
        known = {_named(found, report) for found in check_report(report, evidence)}
        changed = edited(report, sections)
        return [
            Objection(rule=found.rule, where=found.where, message=found.message)
            for found in check_report(changed, evidence)
            if found.where.partition("[")[0] in KINDS and _named(found, changed) not in known
        ]


def _current(report: Report, review: Review) -> ReportSections:
    return review.revisions[-1].sections if review.revisions else sections_of(report)


def _named(found: Violation, report: Report) -> tuple[str, str, str]:
    """A violation by rule and sentence: its place may have moved."""
    section, _, rest = found.where.partition("[")
    if not rest or section not in KINDS:
        return found.rule, section, found.message
    statement = getattr(report, section)[int(rest.rstrip("]"))]
    return found.rule, section, statement.text
