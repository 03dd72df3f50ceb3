"""Many studies at once, from MySQL or SQLite; see ``ports.operations.Operations``."""

from datetime import UTC, datetime

from sqlalchemy import Engine, func, select

from mri_analysis.adapters.sql_rows import naive, transaction
from mri_analysis.adapters.sql_tables import analysis_jobs, audit_events
from mri_analysis.contracts.job import JobStatus
from mri_analysis.ports.operations import StatusStep

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
