"""Where a deployed stack is: addresses and names of what the client talks to.

`make up` writes them to a file. Commands for operators speak to S3, Step Functions and the database
themselves, with the caller's own credentials; what a person answers for goes through the REST API.
"""

import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from mri_client.errors import CommandError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

    from mri_analysis.adapters.sql_job_repository import SqlJobRepository
    from mri_analysis.adapters.sql_study_catalogue import SqlStudyCatalogue
    from mri_analysis.adapters.step_functions import StepFunctionsWorkflow

DEFAULT_STACK_FILE = Path("out/local/stack.json")


class StackUnreachable(CommandError):
    """There is no stack to talk to."""

    next_step = "Start a stack with `make up`, or name its file with --stack."


@dataclass(frozen=True)
class Stack:
    """One deployed stack."""

    images_bucket: str
    results_bucket: str
    state_machine_arn: str
    region: str
    endpoint_url: str | None = None
    database_url: str | None = None
    pid: int | None = None
    """of a stack on this machine; its database outlives it"""

    def check_running(self) -> None:
        """Tell whether a stack on this machine is still there.

        Raises
        ------
        StackUnreachable
            Its process has ended: what its database says of a study will never change.
        """
        if self.pid is None:
            return
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            raise StackUnreachable("The stack that this study ran in has ended.") from None
        except PermissionError:
            return  # somebody else's, and there

    @classmethod
    def load(cls, path: Path | None = None) -> "Stack":
        """Read the stack file: ``path``, else ``$MRI_STACK``, else ``out/local/stack.json``.

        Raises
        ------
        StackUnreachable
            There is no such file, or it is not complete.
        """
        path = path or Path(os.environ.get("MRI_STACK", DEFAULT_STACK_FILE))
        try:
            stack = cls.from_document(json.loads(path.read_text()))
        except FileNotFoundError as error:
            raise StackUnreachable(f"No stack is running here ({path} is missing).") from error
        except (ValueError, KeyError, TypeError) as error:
            raise StackUnreachable(f"{path} is not a stack file.") from error
        stack.check_running()
        return stack

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "Stack":
        """From the content of a stack file."""
        outputs = document["outputs"]
        return cls(
            images_bucket=outputs["ImagesBucketName"],
            results_bucket=outputs["ResultsBucketName"],
            state_machine_arn=outputs["StateMachineArn"],
            region=document["region"],
            endpoint_url=document.get("endpoint_url"),
            database_url=document.get("database_url"),
            pid=document.get("pid"),
        )

    @cached_property
    def s3(self) -> "S3Client":
        """S3."""
        return boto3.client("s3", **self._client_options)

    @cached_property
    def stepfunctions(self) -> "SFNClient":
        """Step Functions."""
        return boto3.client("stepfunctions", **self._client_options)

    @cached_property
    def jobs(self) -> "SqlJobRepository | None":
        """The job table, where this machine can reach the database."""
        if self.database_url is None:
            return None
        from mri_analysis.adapters.database_connection import connect
        from mri_analysis.adapters.sql_job_repository import SqlJobRepository

        return SqlJobRepository(connect(self.database_url))

    @cached_property
    def studies(self) -> "SqlStudyCatalogue | None":
        """The same jobs, to be searched."""
        if self.database_url is None:
            return None
        from mri_analysis.adapters.database_connection import connect
        from mri_analysis.adapters.sql_study_catalogue import SqlStudyCatalogue

        return SqlStudyCatalogue(connect(self.database_url))

    @property
    def workflow(self) -> "StepFunctionsWorkflow":
        """The state machine, to start executions."""
        from mri_analysis.adapters.step_functions import StepFunctionsWorkflow

        return StepFunctionsWorkflow(self.stepfunctions, self.state_machine_arn)

    @property
    def _client_options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"region_name": self.region}
        if self.endpoint_url is not None:
            # The local stack takes any credentials; a developer's real ones stay out of it.
            options |= {
                "endpoint_url": self.endpoint_url,
                "aws_access_key_id": "local",
                "aws_secret_access_key": "local",
            }
        return options


def local_provider(path: Path | None = None) -> dict[str, str]:
    """Where to sign in to the stack of this machine: API, issuer, client.

    Raises
    ------
    StackUnreachable
        No stack runs here, or one that serves no API.
    """
    path = path or Path(os.environ.get("MRI_STACK", DEFAULT_STACK_FILE))
    try:
        document = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise StackUnreachable(f"No stack is running here ({path} is missing).") from error
    client = document.get("command_line_client")
    if not client or not document.get("api_url"):
        raise StackUnreachable("The stack of this machine serves no API.")
    return {
        "api_url": document["api_url"],
        "issuer": document["issuer"],
        "client_id": client["id"],
        "client_secret": client["secret"],
    }
