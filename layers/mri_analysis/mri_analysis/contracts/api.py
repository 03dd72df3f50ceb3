"""Requests and answers of the REST API. Their version is the ``/v1`` in every address."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field

from mri_analysis.contracts.base import Contract, Identifier
from mri_analysis.contracts.job import Job, JobError, JobStatus


class HealthDocument(Contract):
    """The API answers."""

    status: Literal["ok"] = "ok"


class JobDocument(Contract):
    """A job as its organization sees it: no keys, no names of executions."""

    job_id: Identifier
    status: JobStatus
    error: JobError | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, job: Job) -> Self:
        """The part of ``job`` that leaves the API."""
        return cls(
            job_id=job.job_id,
            status=job.status,
            error=job.error,
            created_at=job.created_at,
            updated_at=job.updated_at,
        )


class JobList(Contract):
    """One page of jobs, newest first."""

    jobs: list[JobDocument]
    next_cursor: str | None = Field(description="Asks for the next page; null on the last one")


class UploadRequest(Contract):
    """A scan that somebody wants to upload. Its file name is not asked for and not kept."""

    size_bytes: Annotated[int, Field(ge=0, strict=True)]


class UploadDocument(Contract):
    """Where to post the scan: a multipart form of these fields, then the file as ``file``."""

    job_id: Identifier
    url: str
    fields: Mapping[str, str]
    max_bytes: int
    expires_in_seconds: int


class LiveTicketDocument(Contract):
    """Opens one socket: ``{url}?ticket={ticket}``."""

    ticket: str
    url: str
    expires_in_seconds: int


class Problem(Contract):
    """An error as ``application/problem+json`` (RFC 9457), with our code and a next step."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    next_step: str
