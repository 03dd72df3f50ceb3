"""What is expected of the deployed stack, each as a function that raises when it is not so."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from emulated_stack.api_client import create_person, get, sign_in
from emulated_stack.stack import EmulatedStack
from local_stack.account import REGION
from mri_analysis.contracts.job import Job, JobStatus
from mri_analysis.contracts.report import Report
from mri_analysis.keys import StudyKeys
from mri_client.executions import find_execution

_ORGANIZATION = "emulated"
_LIMIT_S = 180.0
_STAGES = [
    "PrepareStudy",
    "SegmentImage",
    "CheckQuality",
    "ImageToText",
    "EnhanceWithLLM",
    "StoreResults",
    "NotifyUser",
    "AnalysisCompleted",
]


class CheckFailed(Exception):
    """The deployed stack did something else than expected."""


def study_becomes_report(stack: EmulatedStack, scan: Path) -> str:
    """Put a scan into the bucket; a complete job and its report must come of it."""
    study, job = _analyse(stack, scan.read_bytes())
    if job.status is not JobStatus.COMPLETED:
        raise CheckFailed(f"The study ended {job.status}: {job.error}")
    execution = _execution(stack, job)
    stages = [stage.name for stage in execution.stages]
    if execution.status != "SUCCEEDED" or stages != _STAGES:
        raise CheckFailed(f"The execution ended {execution.status} after {stages}.")
    bucket = stack.outputs["ResultsBucketName"]
    stored = stack.client("s3").get_object(Bucket=bucket, Key=study.report)["Body"].read()
    report = Report.model_validate(json.loads(stored))
    if not report.key_findings:
        raise CheckFailed("The report has no findings.")
    return f"job {job.job_id} completed, report with {len(report.key_findings)} findings"


def refused_upload_is_named(stack: EmulatedStack) -> str:
    """Put text in place of a scan: the error's class must reach the job by its name."""
    _, job = _analyse(stack, b"This is a shopping list, not a brain.")
    code = job.error.code if job.error else None
    if (job.status, code) != (JobStatus.FAILED, "UnsupportedFormat"):
        raise CheckFailed(f"The text ended {job.status} with {job.error}.")
    execution = _execution(stack, job)
    if execution.status != "FAILED" or execution.stages[0].attempts != 1:
        raise CheckFailed(f"The execution ended {execution.status}: {execution.stages}")
    return f"job {job.job_id} failed with {code}, not tried again"


def permissions_are_asked_for(stack: EmulatedStack) -> str:
    """An account without rights must get nothing; else the other checks prove no policy."""
    iam = stack.client("iam")
    iam.create_user(UserName="stranger")
    key = iam.create_access_key(UserName="stranger")["AccessKey"]
    stranger = boto3.client(
        "s3",
        endpoint_url=stack.endpoint_url,
        region_name=REGION,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    try:
        stranger.list_objects_v2(Bucket=stack.outputs["ResultsBucketName"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "AccessDenied":
            return "an IAM user without rights is refused"
        raise
    raise CheckFailed("An IAM user without rights could list the results.")


def api_knows_who_asks(stack: EmulatedStack) -> str:
    """The REST API must answer its own organization, and nobody who is not signed in."""
    inside = sign_in(stack, create_person(stack, "a@example.org", _ORGANIZATION, "clinician"))
    outside = sign_in(stack, create_person(stack, "b@example.org", "elsewhere", "clinician"))
    asked = {
        "health": get(stack, "/v1/health"),
        "jobs, no token": get(stack, "/v1/jobs"),
        "jobs, a made-up token": get(stack, "/v1/jobs", "made.up.token"),
        "jobs": get(stack, "/v1/jobs", inside),
        "jobs of another organization": get(stack, "/v1/jobs", outside),
    }
    found = {name: status for name, (status, _) in asked.items()}
    if list(found.values()) != [200, 401, 401, 200, 200]:
        raise CheckFailed(f"The API answered {found}: {asked}")
    seen = [len(asked[name][1]["jobs"]) for name in ("jobs", "jobs of another organization")]
    if seen != [2, 0]:
        raise CheckFailed(f"The organizations see {seen} jobs, not [2, 0].")
    return "signed in through the form; 200 with a token, 401 without, jobs of one's own only"


def _analyse(stack: EmulatedStack, body: bytes) -> tuple[StudyKeys, Job]:
    study = StudyKeys(_ORGANIZATION, str(uuid.uuid4()))
    stack.client("s3").put_object(
        Bucket=stack.outputs["ImagesBucketName"], Key=study.upload, Body=body
    )
    jobs = stack.as_client().jobs
    assert jobs is not None
    deadline = time.monotonic() + _LIMIT_S
    while time.monotonic() < deadline:
        job = jobs.find(study.organization_id, study.job_id)
        if job and job.status in (JobStatus.COMPLETED, JobStatus.FAILED):
            # The row is written by a state; the execution ends with the state after it.
            while time.monotonic() < deadline and _execution(stack, job).running:
                time.sleep(0.1)
            return study, job
        time.sleep(0.2)
    state = f"is {job.status}" if job else "was never registered"
    raise CheckFailed(f"After {_LIMIT_S:g} s job {study.job_id} {state}; see {stack.state_dir}.")


def _execution(stack: EmulatedStack, job: Job) -> Any:
    assert job.execution_name is not None
    client = stack.as_client()
    found = find_execution(client.stepfunctions, client.state_machine_arn, job.execution_name)
    if found is None:
        raise CheckFailed(f"Job {job.job_id} names an execution that does not exist.")
    return found
