"""One real scan through a stage that was just deployed.

First the stage checks itself (the function ``check-deployment-STAGE``), so that a missing endpoint
is named as such and not as a study that never ended. Then the sample is put where the API would
have it put, its execution is waited for, and the report is read.

It needs nothing of the product but boto3: what it proves is that the deployed stage works for
somebody who has only the documented places and names. ``tests/infrastructure/test_pipeline.py``
holds those against the product's own.
"""

import argparse
import hashlib
import json
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

SAMPLE = Path("samples/pycortex_S1_T1w.nii.gz")
ORGANIZATION = "smoke-test"  # pipeline/deployment_roles.yaml opens this one only
_POLL_SECONDS = 5.0
_NO_ENTITY = ("NoSuchKey", "404")


class Failed(Exception):
    """The stage does not do what it should: what happened, and what to do next."""


@dataclass(frozen=True)
class Stage:
    """Names of one deployed stage."""

    name: str
    account: str
    region: str
    partition: str = "aws"

    @property
    def images_bucket(self) -> str:
        return f"healthcare-mri-images-{self.account}-{self.region}-{self.name}"

    @property
    def results_bucket(self) -> str:
        return f"healthcare-processed-results-{self.account}-{self.region}-{self.name}"

    @property
    def check_function(self) -> str:
        return f"check-deployment-{self.name}"

    def execution_arn(self, key: str, version_id: str | None) -> str:
        """Of the execution that analyses this version of an upload."""
        identity = "\n".join((self.images_bucket, key, version_id or ""))
        name = hashlib.sha256(identity.encode()).hexdigest()
        machine = f"mri-analysis-{self.name}"
        return (
            f"arn:{self.partition}:states:{self.region}:{self.account}:execution:{machine}:{name}"
        )


def check_deployment(functions: Any, stage: Stage) -> None:
    """Let the stage check its own components.

    Raises
    ------
    Failed
        Naming every component that does not work, with its next step.
    """
    with _told(f"the function {stage.check_function} could not be called"):
        answer = functions.invoke(FunctionName=stage.check_function, Payload=b"{}")
        report = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise Failed(
            f"{stage.check_function} itself failed ({report.get('errorType', 'unknown error')}). "
            f"Read its log in /mri-analysis/{stage.name}/functions."
        )
    for check in report["checks"]:
        print(f"{'ok    ' if check['ok'] else 'FAILED'} {check['name']}: {check['message']}")
    if not report["ok"]:
        broken = [
            f"{c['name']}: {c['message']} {c['next_step']}" for c in report["checks"] if not c["ok"]
        ]
        raise Failed("The deployment is not complete. " + " ".join(broken))


def submit(storage: Any, stage: Stage, sample: Path) -> tuple[str, str]:
    """Put the sample as a new study; its job id and the ARN of its execution."""
    job_id = str(uuid.uuid4())
    key = f"incoming/{ORGANIZATION}/{job_id}/upload"
    with _told("the sample could not be uploaded"):
        # One request, so that the bucket sends one event.
        answer = storage.put_object(Bucket=stage.images_bucket, Key=key, Body=sample.read_bytes())
    return job_id, stage.execution_arn(key, answer.get("VersionId"))


def wait_for(workflow: Any, execution_arn: str, limit_seconds: float) -> None:
    """Return when the execution has succeeded.

    Raises
    ------
    Failed
        It failed, or neither started nor ended in time.
    """
    deadline = time.monotonic() + limit_seconds
    while True:
        execution = _execution(workflow, execution_arn)
        if execution and execution["status"] == "SUCCEEDED":
            return
        if execution and execution["status"] != "RUNNING":
            error = execution.get("error", execution["status"])
            raise Failed(
                f"The study ended as {execution['status']} with {error}: "
                f"{execution.get('cause', 'no cause was given')} Look at {execution_arn}."
            )
        if time.monotonic() > deadline:
            if execution is None:
                raise Failed(
                    f"No execution began within {limit_seconds:g} s of the upload. Look at the "
                    "queue mri-uploads, its dead letters, and the log of start-analysis."
                )
            raise Failed(
                f"The study did not end within {limit_seconds:g} s. An endpoint that rests needs "
                f"some minutes to start; look at {execution_arn} and at its endpoint."
            )
        time.sleep(_POLL_SECONDS)


def check_report(storage: Any, stage: Stage, job_id: str) -> str:
    """Verdict of the study's report.

    Raises
    ------
    Failed
        There is no report, it is none of this study, or it does not say what the sample's must.
    """
    key = f"results/{ORGANIZATION}/{job_id}/report.json"
    try:
        with _told("the report could not be read"):
            body = storage.get_object(Bucket=stage.results_bucket, Key=key)["Body"].read()
    except Failed as failed:
        cause = failed.__cause__
        if isinstance(cause, ClientError) and cause.response["Error"]["Code"] in _NO_ENTITY:
            raise Failed(f"The study succeeded but left no {key}.") from cause
        raise
    report = json.loads(body)
    if report["job_id"] != job_id or report["status"] != "draft":
        raise Failed(f"{key} is not the draft of study {job_id}.")
    # A good scan of a whole head: anything but "pass" means that the model or its input changed.
    if report["verdict"] != "pass":
        raise Failed(f"The sample's verdict is {report['verdict']!r}; it must be 'pass'.")
    if not report["key_findings"]:
        raise Failed(f"{key} holds no finding.")
    return str(report["verdict"])


def run(session: Any, stage: Stage, arguments: argparse.Namespace) -> None:
    """The whole test."""
    check_deployment(session.client("lambda"), stage)
    if arguments.check_only:
        return
    storage = session.client("s3")
    job_id, execution_arn = submit(storage, stage, arguments.sample)
    print(f"waiting for study {job_id}")
    wait_for(session.client("stepfunctions"), execution_arn, arguments.timeout)
    print(f"study {job_id}: verdict {check_report(storage, stage, job_id)}")


def main(argv: list[str] | None = None) -> int:
    arguments = _parse(argv)
    try:
        with _told("the stage's account could not be entered"):
            session = _session(arguments.role_arn)
            caller = session.client("sts").get_caller_identity()
        partition = caller["Arn"].split(":")[1]
        stage = Stage(arguments.stage, caller["Account"], session.region_name, partition)
        run(session, stage, arguments)
    except Failed as failed:
        print(f"The smoke test of {arguments.stage} failed: {failed}", file=sys.stderr)
        return 1
    print(f"{arguments.stage} works")
    return 0


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="One real scan through a deployed stage.")
    parser.add_argument("--stage", required=True)
    parser.add_argument("--role-arn", default="", help="role of the stage's account to take")
    parser.add_argument("--check-only", action="store_true", help="submit no study")
    parser.add_argument("--sample", type=Path, default=SAMPLE)
    parser.add_argument("--timeout", type=float, default=2400, help="seconds for the study")
    return parser.parse_args(argv)


def _session(role_arn: str) -> Any:
    if not role_arn:
        return boto3.Session()
    answer = boto3.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="smoke-test")
    credentials = answer["Credentials"]
    return boto3.Session(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )


def _execution(workflow: Any, arn: str) -> dict[str, Any] | None:
    with _told("the execution could not be looked up"):
        try:
            found: dict[str, Any] = workflow.describe_execution(executionArn=arn)
        except workflow.exceptions.ExecutionDoesNotExist:
            return None
    return found


@contextmanager
def _told(what: str) -> Iterator[None]:
    """A failure of AWS as a sentence."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise Failed(f"{what[0].upper()}{what[1:]}: {error}") from error


if __name__ == "__main__":
    sys.exit(main())
