"""Faults of AWS services become errors the state machine tries again; others pass."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from boto3.exceptions import RetriesExceededError
from botocore.exceptions import ClientError, EndpointConnectionError

from mri_analysis.adapters.dynamodb_callbacks import DynamoDbCallbackStore
from mri_analysis.adapters.s3_object_store import S3ObjectStore
from mri_analysis.adapters.sns_notifier import SnsNotifier
from mri_analysis.adapters.step_functions import StepFunctionsTaskTokens, StepFunctionsWorkflow
from mri_analysis.contracts.tasks import AnalysisInput, UploadedObject
from mri_analysis.errors import (
    ServiceUnavailable,
    StorageUnavailable,
    TransientError,
    UploadMissing,
)
from mri_analysis.ports.segmentation import PendingCallback, Purpose


class Failing:
    """A boto3 client whose every call raises."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: object, **kwargs: object) -> Any:
            raise self._error

        return call


def refused(code: str, status: int) -> ClientError:
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "Operation")  # type: ignore[arg-type]


TASK = AnalysisInput(organization_id="demo", job_id="j", source=UploadedObject(bucket="b", key="k"))
CALLS: dict[str, tuple[Callable[[Any], object], type[TransientError]]] = {
    "get": (lambda c: S3ObjectStore(c, "b").get("k"), StorageUnavailable),
    "download": (lambda c: S3ObjectStore(c, "b").download("k", Path("x")), StorageUnavailable),
    "move": (lambda c: S3ObjectStore(c, "b").move("k", None, "n"), StorageUnavailable),
    "save callback": (
        lambda c: DynamoDbCallbackStore(c, "t").save(PendingCallback("i", "o", "j", "t")),
        ServiceUnavailable,
    ),
    "find callback": (lambda c: DynamoDbCallbackStore(c, "t").find("i"), ServiceUnavailable),
    "notify": (lambda c: SnsNotifier(c, "t").notify("o", "j", "e"), ServiceUnavailable),
    "start": (lambda c: StepFunctionsWorkflow(c, "a").start("n", TASK), ServiceUnavailable),
    "fail": (lambda c: StepFunctionsTaskTokens(c).fail("t", "c", "m"), ServiceUnavailable),
}
TRANSIENT = {
    "throttled": refused("ThrottlingException", 400),
    "server fault": refused("InternalError", 503),
    "no answer": EndpointConnectionError(endpoint_url="x"),
    "download given up": RetriesExceededError(None),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fault", TRANSIENT)
def test_fault_of_the_service_is_transient(call: str, fault: str) -> None:
    run, kind = CALLS[call]

    with pytest.raises(kind):
        run(Failing(TRANSIENT[fault]))


@pytest.mark.parametrize("call", CALLS)
def test_refusal_passes(call: str) -> None:
    run, _ = CALLS[call]

    with pytest.raises(ClientError):
        run(Failing(refused("AccessDenied", 403)))


def test_missing_object_has_a_code_of_its_own() -> None:
    with pytest.raises(UploadMissing):
        S3ObjectStore(Failing(refused("NoSuchKey", 404)), "b").get("k")  # type: ignore[arg-type]


def test_execution_that_exists_and_answer_that_is_late_are_no_errors() -> None:
    exists = Failing(refused("ExecutionAlreadyExists", 400))
    late = Failing(refused("TaskTimedOut", 400))

    assert StepFunctionsWorkflow(exists, "a").start("n", TASK) is False  # type: ignore[arg-type]
    StepFunctionsTaskTokens(late).fail("t", "c", "m")  # type: ignore[arg-type]


class Table:
    """A DynamoDB table with one item."""

    def __init__(self, item: dict[str, Any] | None = None) -> None:
        self.item = item

    def put_item(self, TableName: str, Item: dict[str, Any]) -> None:
        self.item = Item

    def get_item(self, **_: Any) -> dict[str, Any]:
        return {"Item": self.item} if self.item else {}


@pytest.mark.parametrize(
    "callback",
    [
        PendingCallback("i", "o", "j", "t"),
        PendingCallback("i", "o", "j", "t", Purpose.OBSERVATION, 1_790_000_000.25),
    ],
)
def test_callback_comes_back_as_it_was_kept(callback: PendingCallback) -> None:
    store = DynamoDbCallbackStore(Table(), "t")  # type: ignore[arg-type]

    store.save(callback)

    assert store.find("i") == callback


def test_row_of_before_the_vision_language_model_is_one_of_the_segmentation() -> None:
    row = {key: {"S": "x"} for key in ("id", "organization_id", "job_id", "task_token")}

    found = DynamoDbCallbackStore(Table(row), "t").find("x")  # type: ignore[arg-type]

    assert found == PendingCallback("x", "x", "x", "x", Purpose.SEGMENTATION)
