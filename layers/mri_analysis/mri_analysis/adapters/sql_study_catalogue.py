"""Studies for the reading room, from MySQL or SQLite; see ``ports.studies.StudyCatalogue``."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, RowMapping, Select, delete, or_, select

from mri_analysis.adapters.sql_rows import append_event, job_of, naive, select_job, transaction
from mri_analysis.adapters.sql_tables import (
    analysis_jobs,
    analysis_results,
    audit_events,
    report_reviews,
    report_revisions,
)
from mri_analysis.contracts.job import JobStatus, ReviewStatus
from mri_analysis.contracts.segmentation import Verdict
from mri_analysis.errors import DeleteRefused
from mri_analysis.ports.audit import AuditEvent
from mri_analysis.ports.jobs import JobPosition
from mri_analysis.ports.studies import DELETED, Study, StudyFilter, TrailFilter, TrailPage

_AT_REST = (JobStatus.AWAITING_UPLOAD, JobStatus.COMPLETED, JobStatus.FAILED)
_UNSIGNED = (ReviewStatus.DRAFT, ReviewStatus.REJECTED)
_MOST_EVENTS = 1000
"""Of one study: its whole history, but for a study that is opened all day long."""
_MOST_SEARCHED = 20_000
"""Entries of the trail that are searched for those of one action, a page at a time."""


class SqlStudyCatalogue:
    """Studies of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, organization_id: str, job_id: str) -> Study | None:
        query = _studies(organization_id).where(analysis_jobs.c.job_id == job_id)
        with transaction(self._engine) as connection:
            row = connection.execute(query).mappings().first()
            return None if row is None else _study(row)

    def page(
        self,
        organization_id: str,
        limit: int,
        wanted: StudyFilter,
        after: JobPosition | None = None,
    ) -> list[Study]:
        created_at, job_id = analysis_jobs.c.created_at, analysis_jobs.c.job_id
        # One direction: the index of organization and time ends with the primary key.
        query = _studies(organization_id).order_by(created_at.desc(), job_id.desc()).limit(limit)
        if wanted.status is not None:
            query = query.where(analysis_jobs.c.status == wanted.status)
        if wanted.review_status is not None:
            query = query.where(analysis_results.c.review_status == wanted.review_status)
        if wanted.id_prefix is not None:
            query = query.where(job_id.startswith(wanted.id_prefix, autoescape=True))
        if after is not None:
            moment = naive(after.created_at)
            # The first condition is implied by the second; it is the one that bounds the index.
            query = query.where(
                created_at <= moment, or_(created_at < moment, job_id < after.job_id)
            )
        with transaction(self._engine) as connection:
            return [_study(row) for row in connection.execute(query).mappings()]

    def prior(self, organization_id: str, job_id: str, limit: int) -> list[Study] | None:
        with transaction(self._engine) as connection:
            this = select_job(connection, organization_id, job_id)
            if this is None or this["subject_hash"] is None:
                return None
            at, id_ = analysis_jobs.c.created_at, analysis_jobs.c.job_id
            query = (
                _studies(organization_id)
                .where(
                    analysis_jobs.c.subject_hash == this["subject_hash"],
                    analysis_jobs.c.status == JobStatus.COMPLETED,
                    at <= this["created_at"],
                    or_(at < this["created_at"], id_ < job_id),
                )
                .order_by(at.desc(), id_.desc())
                .limit(limit)
            )
            return [_study(row) for row in connection.execute(query).mappings()]

    def events(self, organization_id: str, job_id: str) -> list[AuditEvent]:
        query = (
            select(audit_events)
            .where(
                audit_events.c.organization_id == organization_id, audit_events.c.job_id == job_id
            )
            .order_by(audit_events.c.event_id.desc())
            .limit(_MOST_EVENTS)
        )
        with transaction(self._engine) as connection:
            rows = list(connection.execute(query).mappings())
            return [_event(row) for row in reversed(rows)]

    def trail(
        self,
        organization_id: str,
        limit: int,
        wanted: TrailFilter,
        before: int | None = None,
    ) -> TrailPage:
        place, own = audit_events.c.event_id, audit_events.c.organization_id == organization_id
        known = [own] if before is None else [own, place < before]
        query = select(audit_events).where(*known).order_by(place.desc()).limit(limit + 1)
        horizon: int | None = None
        with transaction(self._engine) as connection:
            if wanted.job_id is not None:
                query = query.where(audit_events.c.job_id == wanted.job_id)
            elif wanted.action is not None:
                # No index begins with the action: look no further back than this.
                horizon = connection.execute(
                    select(place)
                    .where(*known)
                    .order_by(place.desc())
                    .offset(_MOST_SEARCHED - 1)
                    .limit(1)
                ).scalar()
                if horizon is not None:
                    query = query.where(place >= horizon)
            if wanted.action is not None:
                query = query.where(audit_events.c.action == wanted.action)
            rows = list(connection.execute(query).mappings())
        page = rows[:limit]
        following = page[-1]["event_id"] if len(rows) > limit else horizon
        return TrailPage([_event(row) for row in page], following)

    def remove(self, organization_id: str, job_id: str, actor: str) -> bool:
        with transaction(self._engine) as connection:
            row = (
                connection.execute(
                    _studies(organization_id)
                    .where(analysis_jobs.c.job_id == job_id)
                    .with_for_update(of=analysis_jobs)
                )
                .mappings()
                .first()
            )
            if row is None:
                return False
            study = _study(row)
            if study.job.status not in _AT_REST:
                raise DeleteRefused(f"The job is {study.job.status}: it is being analysed.")
            removed = connection.execute(
                delete(analysis_results).where(
                    analysis_results.c.job_id == job_id,
                    analysis_results.c.review_status.in_(_UNSIGNED),
                )
            )
            if study.review_status is not None and removed.rowcount == 0:
                raise DeleteRefused("The report was signed.")
            for table in (report_revisions, report_reviews, analysis_jobs):
                connection.execute(delete(table).where(table.c.job_id == job_id))
            event = AuditEvent(organization_id, job_id, actor, DELETED, {}, datetime.now(UTC))
            append_event(connection, event)
            return True

    def note(self, event: AuditEvent) -> None:
        with transaction(self._engine) as connection:
            append_event(connection, event)


def _studies(organization_id: str) -> Select[Any]:
    return (
        select(
            analysis_jobs,
            analysis_results.c.review_status,
            analysis_results.c.processing_metrics,
        )
        .join_from(
            analysis_jobs,
            analysis_results,
            analysis_results.c.job_id == analysis_jobs.c.job_id,
            isouter=True,
        )
        .where(analysis_jobs.c.organization_id == organization_id)
    )


def _study(row: RowMapping) -> Study:
    reviewed, metrics = row["review_status"], row["processing_metrics"] or {}
    quality = metrics.get("quality_verdict")
    return Study(
        job=job_of(row),
        review_status=ReviewStatus(reviewed) if reviewed else None,
        quality=Verdict(quality) if quality else None,
    )


def _event(row: RowMapping) -> AuditEvent:
    return AuditEvent(
        organization_id=row["organization_id"],
        job_id=row["job_id"],
        actor=row["actor"],
        action=row["action"],
        detail=row["detail"],
        at=row["created_at"].replace(tzinfo=UTC),
    )
