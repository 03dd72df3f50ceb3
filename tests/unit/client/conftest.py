"""A stack file whose services are moto's and whose database is a file."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import Result
from moto import mock_aws
from typer.testing import CliRunner

from mri_analysis.adapters.database_connection import connect
from mri_analysis.adapters.sql_job_repository import SqlJobRepository
from mri_analysis.adapters.sql_tables import metadata
from mri_analysis.contracts.job import Job, JobError, JobStatus
from mri_analysis.keys import StudyKeys
from mri_client.cli import app

MOMENT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NO_BRAIN = JobError(
    code="NotABrain",
    message="The image shows [bold]no brain[/bold] that the network knows, and this sentence is "
    "longer than the eighty columns of a terminal.",
    next_step="Upload a 3-D brain MRI that covers the whole head.",
)
REGION = "eu-central-1"


@dataclass
class Operator:
    """Somebody with the credentials of a stack, and what is in it."""

    jobs: SqlJobRepository
    s3: Any

    def mri(self, *arguments: object, typed: str | None = None) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments], input=typed)

    def add(
        self,
        job_id: str,
        status: JobStatus = JobStatus.UPLOADED,
        organization_id: str = "demo",
    ) -> Job:
        return self.jobs.register(
            Job(
                organization_id=organization_id,
                job_id=job_id,
                original_image_key=StudyKeys(organization_id, job_id).upload,
                status=status,
                created_at=MOMENT,
                updated_at=MOMENT,
            )
        )

    def add_failed(self, job_id: str) -> JobError:
        self.add(job_id)
        self.jobs.advance("demo", job_id, JobStatus.FAILED, NO_BRAIN)
        return NO_BRAIN

    def uploads(self) -> list[str]:
        listed = self.s3.list_objects_v2(Bucket="images").get("Contents", [])
        return sorted(stored["Key"] for stored in listed)


@pytest.fixture
def operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Operator]:
    database = f"sqlite:///{tmp_path / 'jobs.db'}"
    machine = f"arn:aws:states:{REGION}:123456789012:stateMachine:mri"
    document = {
        "region": REGION,
        "database_url": database,
        "outputs": {
            "ImagesBucketName": "images",
            "ResultsBucketName": "results",
            "StateMachineArn": machine,
        },
    }
    path = tmp_path / "stack.json"
    path.write_text(json.dumps(document))
    monkeypatch.setenv("MRI_STACK", str(path))
    monkeypatch.setenv("MRI_SESSION", str(tmp_path / "session.json"))
    monkeypatch.chdir(tmp_path)
    engine = connect(database)
    metadata.create_all(engine)
    with mock_aws():
        s3 = boto3.client("s3", region_name=REGION)
        for bucket in ("images", "results"):
            place = {"LocationConstraint": REGION}
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
        yield Operator(SqlJobRepository(engine), s3)
    engine.dispose()
