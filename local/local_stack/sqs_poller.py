"""Lambda's pollers: from a queue to a function, as the event source mapping says.

moto has a mapping of its own, which invokes once per message inside ``SendMessage``, ignores
``batchItemFailures`` and never retries. It is therefore not created in moto at all.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from dataclasses import dataclass
from typing import Any

from local_stack.account import REGION, AwsClients
from local_stack.lambda_runtime import LambdaRunner, TooManyRequestsError

logger = logging.getLogger(__name__)

_LONG_POLL_S = 1
_RECEIVE_LIMIT = 10
"""Most messages of one ReceiveMessage (SQS API reference)."""


@dataclass(frozen=True)
class EventSourceMapping:
    """An ``AWS::Lambda::EventSourceMapping`` on a queue.

    Parameters
    ----------
    maximum_concurrency
        Batches in work at once. AWS starts with five pollers and needs at least 2 here; without a
        value two are enough for one machine.
    """

    queue_arn: str
    function_name: str
    batch_size: int = 10
    batching_window_s: float = 0
    report_batch_item_failures: bool = False
    maximum_concurrency: int = 2


class SqsPoller:
    """Threads that receive, invoke and delete for one mapping."""

    def __init__(
        self, mapping: EventSourceMapping, clients: AwsClients, runner: LambdaRunner
    ) -> None:
        self.mapping = mapping
        self._sqs = clients.client("sqs")
        self._runner = runner
        self._stopping = threading.Event()
        queue_name = mapping.queue_arn.split(":")[-1]
        self._queue_url = self._sqs.get_queue_url(QueueName=queue_name)["QueueUrl"]
        self._threads = [
            threading.Thread(target=self._poll, name=f"poll-{queue_name}-{n}", daemon=True)
            for n in range(mapping.maximum_concurrency)
        ]

    def start(self) -> None:
        """Start polling."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop polling after the batches in work."""
        self._stopping.set()

    def join(self, timeout_s: float) -> None:
        """Wait for the threads to end."""
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _poll(self) -> None:
        while not self._stopping.is_set():
            try:
                messages = self._receive_batch()
                if messages and not self._stopping.is_set():
                    self._handle(messages)
            except Exception:
                if self._stopping.is_set():
                    return
                logger.exception("Polling %s failed", self.mapping.queue_arn)
                self._stopping.wait(1)

    def _receive_batch(self) -> list[dict[str, Any]]:
        messages = self._receive(_LONG_POLL_S)
        window_end = time.monotonic() + self.mapping.batching_window_s
        while (
            messages
            and len(messages) < self.mapping.batch_size
            and time.monotonic() < window_end
            and not self._stopping.is_set()
        ):
            messages += self._receive(_LONG_POLL_S, wanted=self.mapping.batch_size - len(messages))
        return messages

    def _receive(self, wait_s: int, wanted: int | None = None) -> list[dict[str, Any]]:
        answer = self._sqs.receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=min(wanted or self.mapping.batch_size, _RECEIVE_LIMIT),
            WaitTimeSeconds=wait_s,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def _handle(self, messages: list[dict[str, Any]]) -> None:
        event = {"Records": [_record(message, self.mapping.queue_arn) for message in messages]}
        try:
            invocation = self._runner.invoke(self.mapping.function_name, json.dumps(event).encode())
        except TooManyRequestsError:
            return
        if invocation.function_error is not None:
            # The messages stay in flight; SQS shows them again, and redrives them at the limit.
            return
        failed = (
            failed_message_ids(invocation.payload, messages)
            if self.mapping.report_batch_item_failures
            else set()
        )
        done = [message for message in messages if message["MessageId"] not in failed]
        for start in range(0, len(done), _RECEIVE_LIMIT):
            self._sqs.delete_message_batch(
                QueueUrl=self._queue_url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                    for number, message in enumerate(done[start : start + _RECEIVE_LIMIT])
                ],
            )


def failed_message_ids(payload: bytes, messages: list[dict[str, Any]]) -> set[str]:
    """Read a partial batch response as Lambda does.

    An answer that is not understood, or names a message outside the batch, fails the whole batch
    (Lambda developer guide, "Implementing partial batch responses").
    """
    batch = {message["MessageId"] for message in messages}
    try:
        answer = json.loads(payload)
        failures = (answer or {}).get("batchItemFailures") or []
        named = {failure["itemIdentifier"] for failure in failures}
    except (ValueError, TypeError, KeyError, AttributeError):
        return batch
    return named if named <= batch else batch


def _record(message: dict[str, Any], queue_arn: str) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {
            name: {
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": value["DataType"],
                **({"stringValue": value["StringValue"]} if "StringValue" in value else {}),
            }
            for name, value in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": REGION,
    }
