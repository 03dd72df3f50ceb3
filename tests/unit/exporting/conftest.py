"""Studies whose results are exported."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from knowledge.build import build_snapshot
from mri_analysis.adapters.sqlite_knowledge import SqliteKnowledge
from mri_analysis.contracts.job import ReviewStatus
from mri_analysis.contracts.review import (
    Addendum,
    Decision,
    ReportSections,
    ReviewedReport,
    content_sha256,
    sections_of,
)
from mri_analysis.contracts.segmentation import Measurements
from mri_analysis.reporting.compose import write_report
from mri_analysis.reporting.describe import describe
from mri_analysis.reporting.evidence import Evidence, gather_evidence

AT = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
Reviewed = Callable[..., tuple[ReviewedReport, Evidence]]


@pytest.fixture(scope="session")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> SqliteKnowledge:
    path: Path = tmp_path_factory.mktemp("knowledge") / "knowledge.sqlite"
    build_snapshot(path)
    return SqliteKnowledge(path)


@pytest.fixture(scope="session")
def reviewed(knowledge: SqliteKnowledge) -> Reviewed:
    """``reviewed(measurements, status, change)``: its report in that state, and the evidence."""

    def made(
        measurements: Measurements,
        status: ReviewStatus = ReviewStatus.DRAFT,
        change: Callable[[ReportSections], ReportSections] = lambda sections: sections,
        reviewer: str = "Dr. Reviewer",
    ) -> tuple[ReviewedReport, Evidence]:
        evidence = gather_evidence(measurements, knowledge)
        report = write_report(
            organization_id="clinic-a",
            job_id="job-1",
            description=describe(measurements, evidence.references),
            evidence=evidence,
        )
        sections = change(sections_of(report))
        digest = content_sha256(report, sections)
        rejected = status is ReviewStatus.REJECTED
        decided = Decision(
            review_status=ReviewStatus.REJECTED if rejected else ReviewStatus.SIGNED,
            reviewer_id="r1",
            reviewer_name=reviewer,
            at=AT,
            content_sha256=digest,
            comment="Another patient's scan." if rejected else None,
        )
        added = Addendum(
            reviewer_id="r1",
            reviewer_name=reviewer,
            at=AT,
            content_sha256=digest,
            text="Told by telephone.",
        )
        review = ReviewedReport(
            job_id="job-1",
            review_status=status,
            version=3,
            report=report,
            sections=sections,
            objections=[],
            revisions=[],
            decision=None if status is ReviewStatus.DRAFT else decided,
            addenda=[added] if status is ReviewStatus.AMENDED else [],
            content_sha256=digest,
        )
        return review, evidence

    return made
