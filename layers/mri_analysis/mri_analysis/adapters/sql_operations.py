"""Many studies at once, from MySQL or SQLite; see ``ports.operations.Operations``."""

from datetime import UTC, datetime

from sqlalchemy import Engine, func, select

from mri_analysis.adapters.sql_rows import naive, transaction
from mri_analysis.adapters.sql_tables import analysis_jobs, analysis_results, audit_events
from mri_analysis.contracts.job import JobStatus
from mri_analysis.ports.operations import AnalysedStudy, StatusStep

_STATUS = "status."
_STATUSES = tuple(f"{_STATUS}{status}" for status in JobStatus)


class SqlOperations:
    """Studies of one database, counted and timed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def status_steps(self, organization_id: str, since: datetime, limit: int) -> list[StatusStep]:
        at = audit_events.c.created_at
        query = (
            select(audit_events.c.job_id, audit_events.c.action, at)
            .where(
                audit_events.c.organization_id == organization_id,
                at >= naive(since),
                audit_events.c.action.in_(_STATUSES),
            )
            # One direction: the index of organization and time ends with the primary key.
            .order_by(at.desc(), audit_events.c.event_id.desc())
            .limit(limit)
        )
        with transaction(self._engine) as connection:
            rows = connection.execute(query).all()
        return [
            StatusStep(job_id, JobStatus(action.removeprefix(_STATUS)), moment.replace(tzinfo=UTC))
            for job_id, action, moment in reversed(rows)
        ]

    def count_states(
        self, organization_id: str, since: datetime, limit: int
    ) -> dict[JobStatus, int]:
        newest = (
            select(analysis_jobs.c.status)
            .where(
                analysis_jobs.c.organization_id == organization_id,
                analysis_jobs.c.created_at >= naive(since),
            )
            .order_by(analysis_jobs.c.created_at.desc())
            .limit(limit)
            .subquery()
        )
        query = select(newest.c.status, func.count()).group_by(newest.c.status)
        with transaction(self._engine) as connection:
            return {JobStatus(status): number for status, number in connection.execute(query)}

    def analysed(self, organization_id: str, since: datetime, limit: int) -> list[AnalysedStudy]:
        created_at = analysis_jobs.c.created_at
        query = (
            select(
                analysis_jobs.c.job_id,
                created_at,
                analysis_results.c.created_at.label("stored_at"),
                analysis_results.c.processing_metrics,
            )
            # From the jobs outwards, so that the index of organization and time bounds both.
            .join_from(
                analysis_jobs,
                analysis_results,
                analysis_results.c.job_id == analysis_jobs.c.job_id,
                isouter=True,
            )
            .where(
                analysis_jobs.c.organization_id == organization_id,
                created_at >= naive(since),
                analysis_jobs.c.status == JobStatus.COMPLETED,
            )
            .order_by(created_at.desc(), analysis_jobs.c.job_id.desc())
            .limit(limit)
        )
        with transaction(self._engine) as connection:
            return [
                AnalysedStudy(
                    job_id=job_id,
                    created_at=uploaded.replace(tzinfo=UTC),
                    stored_at=(stored or uploaded).replace(tzinfo=UTC),
                    metrics=metrics or {},
                )
                for job_id, uploaded, stored, metrics in connection.execute(query)
            ]
