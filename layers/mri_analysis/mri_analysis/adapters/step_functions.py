"""The state machine: starting executions and answering the states that wait."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from mri_analysis.adapters.aws_errors import error_code, transient_as
from mri_analysis.contracts.base import Contract
from mri_analysis.contracts.tasks import AnalysisInput
from mri_analysis.errors import ServiceUnavailable

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

# The state timed out, was answered before, or its execution was stopped.
_TOO_LATE = {"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"}

_CAUSE_LIMIT = 32_768


class StepFunctionsWorkflow:
    """One state machine."""

    def __init__(self, client: "SFNClient", state_machine_arn: str) -> None:
        self._client = client
        self._arn = state_machine_arn

    def start(self, name: str, task: AnalysisInput) -> bool:
        with _translated():
            try:
                self._client.start_execution(
                    stateMachineArn=self._arn,
                    name=name,
                    input=task.model_dump_json(exclude_none=True),
                )
            except ClientError as error:
                if error_code(error) == "ExecutionAlreadyExists":
                    return False
                raise
        return True

    def stop(self, name: str) -> None:
        # The ARN of an execution names its state machine, never the alias it was started by.
        machine = ":".join(self._arn.split(":")[:7])
        execution = f"{machine.replace(':stateMachine:', ':execution:')}:{name}"
        with _translated():
            try:
                self._client.stop_execution(executionArn=execution, error="AnalysisStopped")
            except ClientError as error:
                if error_code(error) != "ExecutionDoesNotExist":
                    raise


class StepFunctionsTaskTokens:
    """Answers task tokens."""

    def __init__(self, client: "SFNClient") -> None:
        self._client = client

    def succeed(self, task_token: str, output: Contract) -> None:
        with _translated(), _late_ignored():
            self._client.send_task_success(taskToken=task_token, output=output.model_dump_json())

    def fail(self, task_token: str, code: str, message: str) -> None:
        with _translated(), _late_ignored():
            self._client.send_task_failure(
                taskToken=task_token, error=code, cause=message[:_CAUSE_LIMIT]
            )


def _translated() -> AbstractContextManager[None]:
    return transient_as(ServiceUnavailable, "The state machine did not answer.")


@contextmanager
def _late_ignored() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error_code(error) not in _TOO_LATE:
            raise
