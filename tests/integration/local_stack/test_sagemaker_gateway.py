"""The model endpoint answers as SageMaker does, also when the model server fails or dies."""

from __future__ import annotations

import json
import os
import signal
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_stack import LocalStack
from tests.integration.local_stack.waiting import eventually

ENDPOINT = "fixture-endpoint"


def put_input(stack: LocalStack, **request: Any) -> str:
    bucket, key = stack.resource("ResultsBucket"), f"inputs/{uuid.uuid4()}.json"
    stack.client("s3").put_object(Bucket=bucket, Key=key, Body=json.dumps(request))
    return f"s3://{bucket}/{key}"


def invoke_async(stack: LocalStack, location: str, **options: Any) -> dict[str, Any]:
    answer: dict[str, Any] = stack.client("sagemaker-runtime").invoke_endpoint_async(
        EndpointName=ENDPOINT,
        InputLocation=location,
        ContentType="application/json",
        InferenceId=f"inference-{uuid.uuid4()}",
        **options,
    )
    return answer


_seen: dict[str, dict[str, Any]] = {}


def notification(stack: LocalStack, inference_id: str) -> dict[str, Any]:
    """Return the notification, which both topics send to a queue."""

    def arrived() -> dict[str, Any] | None:
        for message in (
            stack.client("sqs")
            .receive_message(QueueUrl=stack.resource("NotificationQueue"), MaxNumberOfMessages=10)
            .get("Messages", [])
        ):
            envelope = json.loads(message["Body"])
            content = json.loads(envelope["Message"])
            _seen[content["inferenceId"]] = {**content, "topic": envelope["TopicArn"]}
        return _seen.get(inference_id)

    return eventually(arrived, "the notification")


@pytest.fixture(autouse=True)
def running_model_server(stack: LocalStack) -> None:
    assert stack.wait_for_model_server()


def test_synchronous_invocation(stack: LocalStack) -> None:
    answer = stack.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=ENDPOINT, Body=b'{"x": 1}', ContentType="application/json"
    )

    document = json.loads(answer["Body"].read())
    assert document["got"] == {"x": 1}
    # An isolated container has neither credentials nor an address to use them at.
    assert document["aws_variables"] == []


def test_synchronous_model_error(stack: LocalStack) -> None:
    with pytest.raises(ClientError) as refused:
        stack.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=ENDPOINT, Body=b'{"mode": "error"}', ContentType="application/json"
        )

    assert refused.value.response["Error"]["Code"] == "ModelError"
    assert refused.value.response["OriginalStatusCode"] == 500  # type: ignore[typeddict-item]


def test_unknown_endpoint(stack: LocalStack) -> None:
    with pytest.raises(ClientError) as refused:
        stack.client("sagemaker-runtime").invoke_endpoint_async(
            EndpointName="nobody", InputLocation="s3://b/k"
        )

    error = refused.value.response
    assert error["Error"]["Code"] == "ValidationError"
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert "nobody" in error["Error"]["Message"]


def test_asynchronous_invocation(stack: LocalStack) -> None:
    # When a study is sent
    location = put_input(stack, value=5)
    answer = invoke_async(stack, location)

    # Then the place of its result is known at once
    expected = f"s3://{stack.resource('ResultsBucket')}/inference/{answer['InferenceId']}.out"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert answer["OutputLocation"] == expected

    # And the notification says where it lies
    sent = notification(stack, answer["InferenceId"])
    assert sent["invocationStatus"] == "Completed"
    assert sent["requestParameters"] == {
        "contentType": "application/json",
        "endpointName": ENDPOINT,
        "inputLocation": location,
    }
    assert sent["responseParameters"] == {
        "contentType": "application/json",
        "outputLocation": expected,
    }
    assert (sent["eventName"], sent["eventVersion"]) == ("InferenceResult", "1.0")
    assert sent["topic"] == stack.resource("SegmentationSucceededTopic")
    bucket, key = expected.removeprefix("s3://").split("/", 1)
    result = json.loads(stack.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    assert result["got"] == {"value": 5}


@pytest.mark.parametrize(
    ("request_", "options", "reason"),
    [
        ({"mode": "error"}, {}, "Received server error (500) from model"),
        ({"mode": "crash"}, {}, "closed the connection"),
        ({"mode": "slow", "seconds": 5}, {"InvocationTimeoutSeconds": 1}, "Timed out"),
    ],
)
def test_failure_is_notified(
    stack: LocalStack, request_: dict[str, Any], options: dict[str, Any], reason: str
) -> None:
    answer = invoke_async(stack, put_input(stack, **request_), **options)

    sent = notification(stack, answer["InferenceId"])
    assert sent["invocationStatus"] == "Failed"
    assert reason in sent["failureReason"]
    assert "responseParameters" not in sent
    assert sent["topic"] == stack.resource("SegmentationFailedTopic")


def test_missing_input_is_notified(stack: LocalStack) -> None:
    answer = invoke_async(stack, f"s3://{stack.resource('ResultsBucket')}/nothing")

    assert "Cannot read the input" in notification(stack, answer["InferenceId"])["failureReason"]


def test_model_server_is_started_again_after_a_crash(stack: LocalStack) -> None:
    # Given a model server that is killed
    before = stack.model_server.pid
    assert before is not None
    os.kill(before, signal.SIGKILL)

    # When it is used
    eventually(lambda: stack.model_server.pid not in (None, before), "a new process")
    answer = invoke_async(stack, put_input(stack, value=6))

    # Then a new one answers, under the same address
    assert notification(stack, answer["InferenceId"])["invocationStatus"] == "Completed"


def test_requests_wait_for_a_model_server_that_was_stopped(stack: LocalStack) -> None:
    stack.stop_model_server()
    assert stack.model_server.pid is None
    answer = invoke_async(stack, put_input(stack, value=7))

    stack.start_model_server()

    assert notification(stack, answer["InferenceId"])["invocationStatus"] == "Completed"


def test_endpoint_says_that_it_is_in_service(stack: LocalStack) -> None:
    sagemaker = stack.client("sagemaker")

    assert sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointStatus"] == "InService"
    with pytest.raises(ClientError, match="Could not find endpoint") as caught:
        sagemaker.describe_endpoint(EndpointName="nothing")
    assert caught.value.response["Error"]["Code"] == "ValidationException"
