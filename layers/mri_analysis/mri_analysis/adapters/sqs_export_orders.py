"""Orders of files as messages in SQS; see ``ports.exports.ExportOrders``."""

from typing import TYPE_CHECKING

from mri_analysis.adapters.aws_errors import transient_as
from mri_analysis.contracts.tasks import ExportOrder
from mri_analysis.errors import ServiceUnavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class SqsExportOrders:
    """The queue of the function that makes files."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def place(self, order: ExportOrder) -> None:
        with transient_as(ServiceUnavailable, "The queue of exports did not answer."):
            self._client.send_message(QueueUrl=self._url, MessageBody=order.model_dump_json())
