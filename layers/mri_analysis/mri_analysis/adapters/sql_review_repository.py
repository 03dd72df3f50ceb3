"""Reviews in MySQL or SQLite; see ``ports.reviews.ReviewRepository``.

The version of a report is its lock: every change is an update of the row that still has the version
the reader saw. Of two readers who change the same version, one is told to look again.
"""

import uuid
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, insert, select, update

from mri_analysis.adapters.sql_rows import append_event, naive, transaction
from mri_analysis.adapters.sql_tables import analysis_results, report_reviews, report_revisions
from mri_analysis.contracts.job import ReviewStatus
from mri_analysis.contracts.review import Addendum, Decision, ReportSections, Revision
from mri_analysis.errors import ReportChanged, ReportFinal, ReportNotReady
from mri_analysis.ports.audit import AuditEvent
from mri_analysis.ports.reviews import Review

_DECIDED = (ReviewStatus.SIGNED, ReviewStatus.REJECTED)


class SqlReviewRepository:
    """Reviews of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, organization_id: str, job_id: str) -> Review | None:
        with transaction(self._engine) as connection:
            row = _select_state(connection, organization_id, job_id)
            if row is None:
                return None
            revisions = connection.execute(
                select(report_revisions)
                .where(report_revisions.c.job_id == job_id)
                .order_by(report_revisions.c.number)
            ).mappings()
            reviews = list(
                connection.execute(
                    select(report_reviews)
                    .where(report_reviews.c.job_id == job_id)
                    .order_by(report_reviews.c.created_at, report_reviews.c.review_id)
                ).mappings()
            )
            decided = [r for r in reviews if ReviewStatus(r["review_status"]) in _DECIDED]
            amended = [r for r in reviews if r["review_status"] == ReviewStatus.AMENDED]
            return Review(
                review_status=ReviewStatus(row["review_status"]),
                version=row["review_version"],
                revisions=[_revision(revision) for revision in revisions],
                decision=_decision(decided[-1]) if decided else None,
                addenda=[_addendum(review) for review in amended],
            )

    def revise(
        self, organization_id: str, job_id: str, revision: Revision, *, version: int
    ) -> None:
        with transaction(self._engine) as connection:
            self._take(connection, organization_id, job_id, version, ReviewStatus.DRAFT)
            connection.execute(
                insert(report_revisions).values(
                    revision_id=str(uuid.uuid4()),
                    job_id=job_id,
                    organization_id=organization_id,
                    number=revision.number,
                    author_id=revision.author_id,
                    author_name=revision.author_name,
                    sections=revision.sections.model_dump(mode="json"),
                    content_sha256=revision.content_sha256,
                    created_at=naive(revision.at),
                )
            )
            detail = {"revision": revision.number, "content_sha256": revision.content_sha256}
            who, at = revision.author_id, revision.at
            append_event(
                connection,
                AuditEvent(organization_id, job_id, who, "report.revised", detail, at),
            )

    def decide(
        self, organization_id: str, job_id: str, decision: Decision, *, version: int
    ) -> None:
        with transaction(self._engine) as connection:
            self._take(
                connection,
                organization_id,
                job_id,
                version,
                ReviewStatus.DRAFT,
                becomes=decision.review_status,
                at=decision.at,
            )
            self._record(
                connection,
                organization_id,
                job_id,
                decision.review_status,
                decision,
                decision.comment,
            )

    def amend(self, organization_id: str, job_id: str, addendum: Addendum, *, version: int) -> None:
        with transaction(self._engine) as connection:
            self._take(
                connection,
                organization_id,
                job_id,
                version,
                ReviewStatus.SIGNED,
                ReviewStatus.AMENDED,
                becomes=ReviewStatus.AMENDED,
                at=addendum.at,
            )
            self._record(
                connection, organization_id, job_id, ReviewStatus.AMENDED, addendum, addendum.text
            )

    # -- inside a transaction -------------------------------------------------------------------

    def _take(
        self,
        connection: Connection,
        organization_id: str,
        job_id: str,
        version: int,
        *allowed: ReviewStatus,
        becomes: ReviewStatus | None = None,
        at: datetime | None = None,
    ) -> None:
        """Move the report from ``version`` to the next, if its status is one of ``allowed``."""
        values: dict[str, Any] = {"review_version": version + 1}
        if becomes is not None and at is not None:
            values |= {"review_status": becomes, "updated_at": naive(at)}
        changed = connection.execute(
            update(analysis_results)
            .where(
                analysis_results.c.organization_id == organization_id,
                analysis_results.c.job_id == job_id,
                analysis_results.c.review_version == version,
                analysis_results.c.review_status.in_(allowed),
            )
            .values(**values)
        )
        if changed.rowcount == 1:
            return
        row = _select_state(connection, organization_id, job_id)
        if row is None:
            raise ReportNotReady("There is no report to review.")
        if ReviewStatus(row["review_status"]) not in allowed:
            raise ReportFinal(f"The report is {row['review_status']}.")
        raise ReportChanged("The report was changed since it was loaded.")

    def _record(
        self,
        connection: Connection,
        organization_id: str,
        job_id: str,
        status: ReviewStatus,
        made: Decision | Addendum,
        comment: str | None,
    ) -> None:
        connection.execute(
            insert(report_reviews).values(
                review_id=str(uuid.uuid4()),
                job_id=job_id,
                organization_id=organization_id,
                reviewer_id=made.reviewer_id,
                reviewer_name=made.reviewer_name,
                review_status=status,
                comment=comment,
                content_sha256=made.content_sha256,
                created_at=naive(made.at),
            )
        )
        detail = {"content_sha256": made.content_sha256}
        event = AuditEvent(
            organization_id, job_id, made.reviewer_id, f"report.{status}", detail, made.at
        )
        append_event(connection, event)


def _select_state(connection: Connection, organization_id: str, job_id: str) -> RowMapping | None:
    query = select(analysis_results.c.review_status, analysis_results.c.review_version).where(
        analysis_results.c.organization_id == organization_id, analysis_results.c.job_id == job_id
    )
    return connection.execute(query).mappings().first()


def _revision(row: RowMapping) -> Revision:
    return Revision(
        number=row["number"],
        author_id=row["author_id"],
        author_name=row["author_name"],
        at=row["created_at"].replace(tzinfo=UTC),
        content_sha256=row["content_sha256"],
        sections=ReportSections.model_validate(row["sections"]),
    )


def _decision(row: RowMapping) -> Decision:
    return Decision(
        review_status=ReviewStatus(row["review_status"]),
        reviewer_id=row["reviewer_id"],
        reviewer_name=row["reviewer_name"] or row["reviewer_id"],
        at=row["created_at"].replace(tzinfo=UTC),
        content_sha256=row["content_sha256"],
        comment=row["comment"],
    )


def _addendum(row: RowMapping) -> Addendum:
    return Addendum(
        reviewer_id=row["reviewer_id"],
        reviewer_name=row["reviewer_name"] or row["reviewer_id"],
        at=row["created_at"].replace(tzinfo=UTC),
        content_sha256=row["content_sha256"],
        text=row["comment"] or "",
    )
