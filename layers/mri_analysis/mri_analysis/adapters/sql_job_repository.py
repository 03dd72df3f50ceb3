"""Jobs and results in MySQL, or in SQLite on one machine.

Every status change is a compare-and-set in one transaction with its audit event, because several
writers (stages that are tried again, late callbacks, the error handler) may race for the same job.
"""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from mri_analysis.adapters.sql_rows import (
    append_event,
    job_of,
    job_values,
    naive,
    select_job,
    transaction,
)
from mri_analysis.adapters.sql_tables import analysis_jobs, analysis_results
from mri_analysis.contracts.job import Job, JobError, JobStatus, ReviewStatus, may_follow
from mri_analysis.errors import IllegalTransition, JobNotFound, SubjectDiffers
from mri_analysis.ports.audit import AuditEvent
from mri_analysis.ports.jobs import PIPELINE, AnalysisResult, JobPosition


class SqlJobRepository:
    """Jobs and results of one database; see ``ports.jobs.JobRepository``."""

    def __init__(self, engine: Engine, now: Callable[[], datetime] | None = None) -> None:
        self._engine = engine
        self._now = now or (lambda: datetime.now(UTC))

    def register(self, job: Job, actor: str = PIPELINE, *, subject_hash: str | None = None) -> Job:
        try:
            with transaction(self._engine) as connection:
                kept = select_job(connection, job.organization_id, job.job_id)
                if kept is not None:
                    return _same_subject(kept, subject_hash)
                values = {**job_values(job), "subject_hash": subject_hash}
                connection.execute(insert(analysis_jobs).values(**values))
                action = f"status.{job.status}"
                self._audit(connection, job.organization_id, job.job_id, action, {}, actor)
                return job
        except IntegrityError as error:
            # Another writer was first, or the id belongs to another organization.
            with transaction(self._engine) as connection:
                kept = select_job(connection, job.organization_id, job.job_id)
            if kept is None:
                raise JobNotFound("The job id belongs to another organization.") from error
            return _same_subject(kept, subject_hash)

    def find(self, organization_id: str, job_id: str) -> Job | None:
        with transaction(self._engine) as connection:
            row = select_job(connection, organization_id, job_id)
            return None if row is None else job_of(row)

    def recent(
        self, organization_id: str, limit: int, after: JobPosition | None = None
    ) -> list[Job]:
        created_at, job_id = analysis_jobs.c.created_at, analysis_jobs.c.job_id
        query = (
            select(analysis_jobs)
            .where(analysis_jobs.c.organization_id == organization_id)
            # One direction: the index of organization and time ends with the primary key.
            .order_by(created_at.desc(), job_id.desc())
            .limit(limit)
        )
        if after is not None:
            moment = naive(after.created_at)
            # The first condition is implied by the second; it is the one that bounds the index.
            query = query.where(
                created_at <= moment, or_(created_at < moment, job_id < after.job_id)
            )
        with transaction(self._engine) as connection:
            return [job_of(row) for row in connection.execute(query).mappings()]

    def restart(self, job: Job, actor: str = PIPELINE) -> Job:
        with transaction(self._engine) as connection:
            current = self._require(connection, job.organization_id, job.job_id)
            if current not in (JobStatus.AWAITING_UPLOAD, JobStatus.FAILED):
                raise IllegalTransition(
                    f"The job is {current}: it takes no further upload under the same id."
                )
            self._set_status(
                connection,
                job.organization_id,
                job.job_id,
                current,
                JobStatus.UPLOADED,
                None,
                actor,
                original_image_key=job.original_image_key,
                original_image_version=job.original_image_version,
                execution_name=job.execution_name,
            )
            row = select_job(connection, job.organization_id, job.job_id)
            if row is None:
                raise JobNotFound("The job is gone.")
            return job_of(row)

    def note_retry(
        self, organization_id: str, job_id: str, execution_name: str, actor: str
    ) -> None:
        with transaction(self._engine) as connection:
            detail = {"execution_name": execution_name}
            self._audit(connection, organization_id, job_id, "retry.requested", detail, actor)

    def advance(
        self, organization_id: str, job_id: str, status: JobStatus, error: JobError | None = None
    ) -> None:
        with transaction(self._engine) as connection:
            current = self._require(connection, organization_id, job_id)
            if not may_follow(current, status):
                raise IllegalTransition(f"A job that is {current} cannot become {status}.")
            if current is not status:
                self._set_status(connection, organization_id, job_id, current, status, error)

    def complete(self, result: AnalysisResult) -> str:
        with transaction(self._engine) as connection:
            current = self._require(connection, result.organization_id, result.job_id)
            if not may_follow(current, JobStatus.COMPLETED):
                raise IllegalTransition(f"A job that is {current} cannot become completed.")
            result_id = self._upsert(connection, result)
            if current is not JobStatus.COMPLETED:
                self._set_status(
                    connection,
                    result.organization_id,
                    result.job_id,
                    current,
                    JobStatus.COMPLETED,
                    None,
                )
            return result_id

    def result(self, organization_id: str, job_id: str) -> AnalysisResult | None:
        names = list(AnalysisResult.__dataclass_fields__)
        query = select(*(analysis_results.c[name] for name in names)).where(
            analysis_results.c.organization_id == organization_id,
            analysis_results.c.job_id == job_id,
        )
        with transaction(self._engine) as connection:
            row = connection.execute(query).mappings().first()
            return None if row is None else AnalysisResult(**row)

    # -- inside a transaction -------------------------------------------------------------------

    def _require(self, connection: Connection, organization_id: str, job_id: str) -> JobStatus:
        row = select_job(connection, organization_id, job_id)
        if row is None:
            raise JobNotFound("The organization has no such job.")
        return JobStatus(row["status"])

    def _set_status(
        self,
        connection: Connection,
        organization_id: str,
        job_id: str,
        current: JobStatus,
        status: JobStatus,
        error: JobError | None,
        actor: str = PIPELINE,
        **columns: str | None,
    ) -> None:
        changed = connection.execute(
            update(analysis_jobs)
            .where(analysis_jobs.c.job_id == job_id, analysis_jobs.c.status == current)
            .values(
                status=status,
                error_code=error.code if error else None,
                error_message=error.message if error else None,
                error_next_step=error.next_step if error else None,
                updated_at=naive(self._now()),
                **columns,
            )
        )
        if changed.rowcount != 1:
            raise IllegalTransition(f"Another writer changed the job while it was {current}.")
        detail = {"from": current.value} | ({"code": error.code} if error else {})
        self._audit(connection, organization_id, job_id, f"status.{status}", detail, actor)

    def _upsert(self, connection: Connection, result: AnalysisResult) -> str:
        values: dict[str, Any] = {
            "organization_id": result.organization_id,
            "segmentation_result_key": result.segmentation_result_key,
            "measurements_key": result.measurements_key,
            "montage_key": result.montage_key,
            "report_key": result.report_key,
            "image_description": result.image_description,
            "enhanced_report": result.enhanced_report,
            "confidence_scores": dict(result.confidence_scores),
            "processing_metrics": dict(result.processing_metrics),
            "updated_at": naive(self._now()),
        }
        kept = connection.execute(
            select(analysis_results.c.result_id).where(analysis_results.c.job_id == result.job_id)
        ).scalar()
        if kept is not None:
            changed = connection.execute(
                update(analysis_results)
                .where(
                    analysis_results.c.result_id == kept,
                    analysis_results.c.review_status == ReviewStatus.DRAFT,
                )
                .values(review_version=analysis_results.c.review_version + 1, **values)
            )
            if changed.rowcount != 1:
                raise IllegalTransition("The report was reviewed: it is no draft any more.")
            return str(kept)
        result_id = str(uuid.uuid4())
        connection.execute(
            insert(analysis_results).values(
                result_id=result_id,
                job_id=result.job_id,
                review_status=ReviewStatus.DRAFT,
                created_at=values["updated_at"],
                **values,
            )
        )
        return result_id

    def _audit(
        self,
        connection: Connection,
        organization_id: str,
        job_id: str,
        action: str,
        detail: dict[str, str],
        actor: str,
    ) -> None:
        event = AuditEvent(organization_id, job_id, actor, action, detail, self._now())
        append_event(connection, event)


def _same_subject(kept: RowMapping, subject_hash: str | None) -> Job:
    """The job of a row, unless another subject was given for it; None says nothing of a subject."""
    if subject_hash is not None and subject_hash != kept["subject_hash"]:
        raise SubjectDiffers(
            "The upload was prepared before for another subject, or for none: "
            f"job {kept['job_id']}."
        )
    return job_of(kept)
