"""Queues in SQS; see ``ports.queues.Queues``."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mri_analysis.adapters.aws_errors import transient_as
from mri_analysis.contracts.operations import QueueDepth, QueueName
from mri_analysis.errors import ServiceUnavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class SqsQueues:
    """Queues by their address. SQS counts approximately: it is right after a minute of rest."""

    def __init__(self, client: "SQSClient", urls: Mapping[QueueName, str]) -> None:
        self._client = client
        self._urls = urls

    def depths(self) -> list[QueueDepth]:
        return [self._depth(name, url) for name, url in self._urls.items()]

    def _depth(self, name: QueueName, url: str) -> QueueDepth:
        with transient_as(ServiceUnavailable, "A queue did not answer."):
            counted = self._client.get_queue_attributes(
                QueueUrl=url,
                AttributeNames=[
                    "ApproximateNumberOfMessages",
                    "ApproximateNumberOfMessagesNotVisible",
                ],
            )["Attributes"]
        return QueueDepth(
            queue=name,
            waiting=int(counted["ApproximateNumberOfMessages"]),
            in_flight=int(counted["ApproximateNumberOfMessagesNotVisible"]),
        )
