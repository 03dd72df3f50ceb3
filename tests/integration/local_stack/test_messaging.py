"""Queues feed functions, topics call them, and failures end where AWS sends them."""

from __future__ import annotations

import json
import uuid
from collections import Counter

from local_stack import LocalStack
from local_stack.sqs_poller import failed_message_ids
from tests.integration.local_stack.waiting import eventually


def records(stack: LocalStack) -> list[dict[str, object]]:
    return [
        json.loads(line.removeprefix("message "))
        for line in stack.log("batch").splitlines()
        if line.startswith("message ")
    ]


def receive(stack: LocalStack, queue: str) -> list[str]:
    answer = stack.client("sqs").receive_message(
        QueueUrl=stack.resource(queue), MaxNumberOfMessages=10
    )
    return [message["Body"] for message in answer.get("Messages", [])]


def test_only_the_failed_message_of_a_batch_comes_back_and_is_redriven(stack: LocalStack) -> None:
    # Given a batch with one message that the function refuses
    run = str(uuid.uuid4())
    stack.client("sqs").send_message_batch(
        QueueUrl=stack.resource("UploadQueue"),
        Entries=[{"Id": name, "MessageBody": f"{run} {name}"} for name in ("a", "poison", "b")],
    )

    # When the queue's visibility timeout (1 s) has passed as often as maxReceiveCount says (2)
    dead: list[str] = []

    def redriven() -> bool:
        dead.extend(receive(stack, "UploadDeadLetterQueue"))
        return f"{run} poison" in dead

    eventually(redriven, "the message in the dead letter queue")

    # Then the others were handled once, and it was tried twice
    bodies = Counter(str(record["body"]) for record in records(stack))
    assert bodies[f"{run} a"] == bodies[f"{run} b"] == 1
    assert bodies[f"{run} poison"] == 2
    attributes = stack.client("sqs").get_queue_attributes(
        QueueUrl=stack.resource("UploadQueue"),
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )["Attributes"]
    assert set(attributes.values()) == {"0"}


def test_record_has_the_shape_of_lambda(stack: LocalStack) -> None:
    body = f"shape {uuid.uuid4()}"
    stack.client("sqs").send_message(
        QueueUrl=stack.resource("UploadQueue"),
        MessageBody=body,
        MessageAttributes={"kind": {"DataType": "String", "StringValue": "test"}},
    )

    (record,) = eventually(
        lambda: [r for r in records(stack) if r["body"] == body], "the message in the function"
    )
    assert record["eventSource"] == "aws:sqs"
    assert str(record["eventSourceARN"]).startswith("arn:aws:sqs:us-east-1:123456789012:")
    assert record["attributes"]["ApproximateReceiveCount"] == "1"  # type: ignore[index]
    assert record["messageAttributes"]["kind"]["stringValue"] == "test"  # type: ignore[index]


def test_partial_batch_response_is_read_as_lambda_reads_it() -> None:
    batch = [{"MessageId": "1"}, {"MessageId": "2"}]

    assert failed_message_ids(b"null", batch) == set()
    assert failed_message_ids(b'{"batchItemFailures": []}', batch) == set()
    assert failed_message_ids(b'{"batchItemFailures": [{"itemIdentifier": "2"}]}', batch) == {"2"}
    for not_understood in (
        b"no json",
        b'{"batchItemFailures": [{"itemIdentifier": "9"}]}',
        b'{"batchItemFailures": [{"itemIdentifier": ""}]}',
        b'{"batchItemFailures": [{"id": "1"}]}',
    ):
        assert failed_message_ids(not_understood, batch) == {"1", "2"}


def test_function_behind_a_topic_is_tried_three_times(stack: LocalStack) -> None:
    identity = str(uuid.uuid4())
    stack.client("sns").publish(
        TopicArn=stack.resource("EventTopic"),
        Message=json.dumps({"id": identity, "failures": 2}),
    )

    eventually(
        lambda: f"handled {identity} at attempt 3" in stack.log("subscriber"), "the third attempt"
    )


def test_event_that_always_fails_goes_to_the_failure_destination(stack: LocalStack) -> None:
    identity = str(uuid.uuid4())
    stack.client("sns").publish(
        TopicArn=stack.resource("EventTopic"),
        Message=json.dumps({"id": identity, "failures": 99}),
    )

    (failed,) = eventually(lambda: receive(stack, "FailedEventQueue"), "the failed event")
    document = json.loads(failed)
    assert document["requestContext"]["approximateInvokeCount"] == 3
    assert document["responsePayload"]["errorMessage"] == f"attempt 3 of {identity}"
