"""The REST API as API Gateway calls it, and the database behind it."""

import copy
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import select

from mri_analysis import wiring
from mri_analysis.adapters.sql_tables import audit_events
from mri_analysis.contracts.job import Job, JobError, JobStatus
from mri_analysis.errors import error_type
from mri_analysis.keys import StudyKeys
from tests.unit.functions.conftest import Context

EVENT: dict[str, Any] = json.loads(Path("events/api.json").read_text())
NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
JOB_ID = "0b3d9c58-6f9e-4b7a-9f0e-3a5a1c2d4e6f"
PERSON = "1b2c3d4e-0000-4000-8000-000000000001"
"""The subject in ``events/api.json``."""


@dataclass(frozen=True)
class Answer:
    """What API Gateway would send."""

    status: int
    headers: dict[str, list[str]]
    body: str

    @property
    def document(self) -> Any:
        return json.loads(self.body)


@dataclass
class Api:
    """The function and the person who calls it."""

    module: ModuleType
    organization: str | None = "demo"
    groups: Any = "clinician"
    person: str | None = None
    """Subject of the token; None for the one in ``events/api.json``."""

    def get(self, path: str, headers: dict[str, str] | None = None, **query: str) -> Answer:
        return self.send("GET", path, headers=headers, query=query)

    def post(self, path: str, body: object = None, headers: dict[str, str] | None = None) -> Answer:
        return self.send("POST", path, body=json.dumps(body), headers=headers)

    def put(self, path: str, body: object, headers: dict[str, str] | None = None) -> Answer:
        return self.send("PUT", path, body=json.dumps(body), headers=headers)

    def send(
        self,
        method: str,
        path: str,
        body: str | None = None,
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
    ) -> Answer:
        event = copy.deepcopy(EVENT)
        event |= {"httpMethod": method, "path": path, "body": body}
        event["headers"].pop("Idempotency-Key")
        event["headers"] |= headers or {}
        event["multiValueHeaders"] = {name: [text] for name, text in event["headers"].items()}
        event["queryStringParameters"] = query or None
        event["multiValueQueryStringParameters"] = {k: [v] for k, v in (query or {}).items()}
        event["requestContext"] |= {"path": f"/dev{path}", "httpMethod": method}
        claims = event["requestContext"]["authorizer"]["claims"]
        if self.person is not None:
            claims["sub"] = self.person
        for name, value in {
            "custom:organization": self.organization,
            "cognito:groups": self.groups,
        }.items():
            claims.pop(name)
            if value is not None:
                claims[name] = value
        return answered(self.module.handler(event, Context()))


def answered(raw: dict[str, Any]) -> Answer:
    return Answer(raw["statusCode"], raw["multiValueHeaders"], raw.get("body") or "")


def assert_problem(answer: Answer, status: int, code: str) -> None:
    document = answer.document
    assert (answer.status, document["status"], document["code"]) == (status, status, code)
    assert answer.headers["Content-Type"] == ["application/problem+json"]
    assert document["next_step"] == error_type(code).next_step
    assert document["type"] == f"urn:mri-analysis:error:{code}"
    assert document["detail"]


def kept(
    organization: str = "demo",
    job_id: str = JOB_ID,
    status: JobStatus = JobStatus.COMPLETED,
    age_minutes: int = 0,
    error: JobError | None = None,
) -> Job:
    """A job in the database."""
    moment = NOW - timedelta(minutes=age_minutes)
    job = Job(
        organization_id=organization,
        job_id=job_id,
        user_id="somebody",
        original_image_key=StudyKeys(organization, job_id).upload,
        original_image_version="v1",
        execution_name="e" * 64,
        status=JobStatus.UPLOADED if status is JobStatus.FAILED else status,
        created_at=moment,
        updated_at=moment,
    )
    wiring.jobs().register(job)
    if status is JobStatus.FAILED:
        wiring.jobs().advance(organization, job_id, status, error)
    return job


def audited() -> list[tuple[str, str, str]]:
    """Job, actor and action of each event, the oldest first."""
    with wiring.jobs()._engine.begin() as connection:
        rows = connection.execute(select(audit_events).order_by(audit_events.c.event_id)).mappings()
        return [(row["job_id"], row["actor"], row["action"]) for row in rows]
