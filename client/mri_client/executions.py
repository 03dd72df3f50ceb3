"""What an execution did: its stages in order, with seconds, attempts and errors."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

STAGES = (
    "PrepareStudy",
    "SegmentImage",
    "CheckQuality",
    "ImageToText",
    "EnhanceWithLLM",
    "StoreResults",
    "NotifyUser",
)

_FAILURES = ("LambdaFunctionFailed", "LambdaFunctionTimedOut", "TaskFailed", "TaskTimedOut")
_ENDS = ("ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted")
_ATTEMPTS = ("LambdaFunctionScheduled", "TaskScheduled")


@dataclass
class Stage:
    """One state of an execution."""

    name: str
    status: str
    """'running', 'done' or 'failed'"""
    entered_at: str
    seconds: float | None = None
    attempts: int = 0
    error: str | None = None


@dataclass
class Execution:
    """One execution and its stages."""

    arn: str
    status: str
    """of Step Functions: RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED"""
    started_at: str
    seconds: float | None
    stages: list[Stage]
    error: str | None = None
    cause: str | None = None

    @property
    def running(self) -> bool:
        return self.status == "RUNNING"

    def document(self) -> dict[str, Any]:
        """``execution.json``."""
        return {"schema_version": 1, **asdict(self)}


def find_execution(client: "SFNClient", state_machine_arn: str, name: str) -> Execution | None:
    """The execution of that name, or None while there is none."""
    arn = f"{state_machine_arn.replace(':stateMachine:', ':execution:')}:{name}"
    try:
        description = client.describe_execution(executionArn=arn)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ExecutionDoesNotExist":
            return None
        raise
    pages = client.get_paginator("get_execution_history").paginate(executionArn=arn)
    events = [event for page in pages for event in page["events"]]
    started, stopped = description["startDate"], description.get("stopDate")
    return Execution(
        arn=arn,
        status=description["status"],
        started_at=started.isoformat(),
        seconds=_seconds(started, stopped) if stopped else None,
        stages=stages_of(events),
        error=description.get("error"),
        cause=description.get("cause"),
    )


def stages_of(events: Iterable[Any]) -> list[Stage]:
    """The stages in the order they were entered; ``events`` are those of the execution's
    history.
    """
    stages: list[Stage] = []
    entered: datetime | None = None
    for event in events:
        kind, moment = event["type"], event["timestamp"]
        if kind.endswith("StateEntered"):
            name = event["stateEnteredEventDetails"]["name"]
            stages.append(Stage(name, "running", moment.isoformat()))
            entered = moment
        elif not stages or entered is None:
            continue
        elif kind.endswith("StateExited"):
            stages[-1].seconds = _seconds(entered, moment)
            # A caught failure leaves its stage by exit too.
            stages[-1].status = "failed" if stages[-1].error else "done"
        elif kind in _ATTEMPTS:
            stages[-1].attempts += 1
            stages[-1].error = None
        elif kind in _FAILURES:
            stages[-1].error = _error_of(event)
        elif kind in _ENDS and stages[-1].status == "running":
            stages[-1].status = "failed"
            stages[-1].seconds = _seconds(entered, moment)
    return stages


def _error_of(event: dict[str, Any]) -> str:
    details: dict[str, Any] = next((v for k, v in event.items() if k.endswith("EventDetails")), {})
    return str(details.get("error", "Unknown"))


def _seconds(start: datetime, end: datetime) -> float:
    return round((end - start).total_seconds(), 3)
