"""Rows and transactions that the repositories of one database share."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, insert, select
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mri_analysis.adapters.sql_tables import analysis_jobs, audit_events
from mri_analysis.contracts.job import Job, JobError, JobStatus
from mri_analysis.errors import DatabaseUnavailable
from mri_analysis.ports.audit import AuditEvent


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction; raises ``DatabaseUnavailable`` where the database does not answer."""
    try:
        with engine.begin() as connection:
            yield connection
    except IntegrityError:
        raise
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        raise DatabaseUnavailable("The database did not answer.") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise DatabaseUnavailable("The database connection was lost.") from error
        raise


def append_event(connection: Connection, event: AuditEvent) -> None:
    """Add a row to the audit trail, in the transaction of what it tells of."""
    connection.execute(
        insert(audit_events).values(
            organization_id=event.organization_id,
            job_id=event.job_id,
            actor=event.actor,
            action=event.action,
            detail=dict(event.detail),
            created_at=naive(event.at),
        )
    )


def select_job(connection: Connection, organization_id: str, job_id: str) -> RowMapping | None:
    """The row of a job of this organization."""
    query = select(analysis_jobs).where(
        analysis_jobs.c.organization_id == organization_id, analysis_jobs.c.job_id == job_id
    )
    return connection.execute(query).mappings().first()


def job_values(job: Job) -> dict[str, Any]:
    """What a new row of ``analysis_jobs`` holds."""
    return {
        "job_id": job.job_id,
        "organization_id": job.organization_id,
        "user_id": job.user_id,
        "original_image_key": job.original_image_key,
        "original_image_version": job.original_image_version,
        "execution_name": job.execution_name,
        "status": job.status,
        "created_at": naive(job.created_at),
        "updated_at": naive(job.updated_at),
    }


def job_of(row: RowMapping) -> Job:
    """The job of a row."""
    error = None
    if row["error_code"]:
        error = JobError(
            code=row["error_code"],
            message=row["error_message"] or "",
            next_step=row["error_next_step"] or "",
        )
    return Job(
        organization_id=row["organization_id"],
        job_id=row["job_id"],
        user_id=row["user_id"],
        original_image_key=row["original_image_key"],
        original_image_version=row["original_image_version"],
        execution_name=row["execution_name"],
        status=JobStatus(row["status"]),
        error=error,
        created_at=row["created_at"].replace(tzinfo=UTC),
        updated_at=row["updated_at"].replace(tzinfo=UTC),
    )


def naive(moment: datetime) -> datetime:
    """UTC without the zone: MySQL's DATETIME keeps none."""
    return moment.astimezone(UTC).replace(tzinfo=None)
