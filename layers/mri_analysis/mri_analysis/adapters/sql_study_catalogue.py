"""Studies for the reading room, from MySQL or SQLite; see ``ports.studies.StudyCatalogue``."""

from datetime import UTC
from typing import Any

from sqlalchemy import Engine, RowMapping, Select, or_, select

from mri_analysis.adapters.sql_rows import append_event, job_of, naive, transaction
from mri_analysis.adapters.sql_tables import analysis_jobs, analysis_results, audit_events
from mri_analysis.contracts.job import ReviewStatus
from mri_analysis.contracts.segmentation import Verdict
from mri_analysis.ports.audit import AuditEvent
from mri_analysis.ports.jobs import JobPosition
from mri_analysis.ports.studies import Study, StudyFilter

_MOST_EVENTS = 1000
"""Of one study: its whole history, but for a study that is opened all day long."""


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
