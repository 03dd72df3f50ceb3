"""Driving the whole chain in a test: put an object, wait for its job, read what it left."""

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from local_stack.stack import LocalStack
from mri_analysis.adapters.database_connection import connect
from mri_analysis.adapters.sql_job_repository import SqlJobRepository
from mri_analysis.contracts.job import Job, JobStatus
from mri_analysis.keys import StudyKeys, study_of_upload
from mri_client.executions import Execution, find_execution

T = TypeVar("T")

_POLL_S = 0.05


def wait_for(look: Callable[[], T | None], what: str, limit_s: float = 60) -> T:
    """Look again and again until there is something; fail with ``what`` after ``limit_s``."""
    deadline = time.monotonic() + limit_s
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {limit_s:g} s in vain for {what}")
        time.sleep(_POLL_S)


@dataclass
class Chain:
    """A running stack of the product."""

    stack: LocalStack
    jobs: SqlJobRepository

    @classmethod
    def of(cls, stack: LocalStack) -> "Chain":
        return cls(stack, SqlJobRepository(connect(stack.description()["database_url"])))

    @property
    def images_bucket(self) -> str:
        return self.stack.resource("ImagesBucket")

    def put(self, body: bytes, key: str | None = None) -> StudyKeys:
        """Put an object as a stranger would, without the client."""
        key = key or StudyKeys("demo", str(uuid.uuid4())).upload
        answer = self.stack.client("s3").put_object(Bucket=self.images_bucket, Key=key, Body=body)
        return study_of_upload(self.images_bucket, key, answer["VersionId"])

    def send(self, body: str) -> None:
        """Put a message into the upload queue."""
        url = self.stack.resource("UploadQueue")
        self.stack.client("sqs").send_message(QueueUrl=url, MessageBody=body)

    def event_for(self, key: str) -> str:
        """An S3 notification for ``key``, whether or not there is such an object."""
        stored = {"key": key, "size": 1, "eTag": "0" * 32}
        entry = {"s3": {"bucket": {"name": self.images_bucket}, "object": stored}}
        return json.dumps({"Records": [entry]})

    def job(self, study: StudyKeys) -> Job | None:
        return self.jobs.find(study.organization_id, study.job_id)

    def ended(self, study: StudyKeys, limit_s: float = 120) -> Job:
        """The job, once its execution has ended too."""

        def look() -> Job | None:
            job = self.job(study)
            if job is None or job.status not in (JobStatus.COMPLETED, JobStatus.FAILED):
                return None
            execution = self.execution(job)
            return job if execution is None or not execution.running else None

        return wait_for(look, f"the end of job {study.job_id}", limit_s)

    def execution(self, job: Job) -> Execution | None:
        assert job.execution_name is not None
        return find_execution(
            self.stack.client("stepfunctions"),
            self.stack.resource("MriAnalysisStateMachine"),
            job.execution_name,
        )

    def stage_entered(self, study: StudyKeys, name: str) -> None:
        """Return when the study has entered a stage."""

        def look() -> bool:
            job = self.job(study)
            execution = self.execution(job) if job else None
            return execution is not None and any(s.name == name for s in execution.stages)

        wait_for(look, f"stage {name}")

    def result(self, study: StudyKeys, name: str) -> bytes:
        answer = self.stack.client("s3").get_object(
            Bucket=self.stack.resource("ResultsBucket"), Key=study.results + name
        )
        body: bytes = answer["Body"].read()
        return body

    def document(self, study: StudyKeys, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.result(study, name))
        return found

    def dead_letters(self) -> list[str]:
        """Bodies of the messages nobody could handle; taken out of the queue."""
        sqs, url = self.stack.client("sqs"), self.stack.resource("UploadDeadLetterQueue")
        bodies = []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                bodies.append(message["Body"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return bodies

    def queue_is_empty(self) -> bool:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.stack.client("sqs").get_queue_attributes(
            QueueUrl=self.stack.resource("UploadQueue"), AttributeNames=names
        )["Attributes"]
        return all(attributes[name] == "0" for name in names)
