"""Task tokens in DynamoDB, so that an answer from the endpoint finds the state that waits for
it.
"""

import time
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from mri_analysis.adapters.aws_errors import transient_as
from mri_analysis.errors import ServiceUnavailable
from mri_analysis.ports.segmentation import PendingCallback, Purpose

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

# An execution waits an hour at most; a day keeps late answers explainable.
_KEEP_SECONDS = 86_400


class DynamoDbCallbackStore:
    """One table, keyed by inference id."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def save(self, callback: PendingCallback) -> None:
        item: dict[str, AttributeValueTypeDef] = {
            "id": {"S": callback.inference_id},
            "organization_id": {"S": callback.organization_id},
            "job_id": {"S": callback.job_id},
            "task_token": {"S": callback.task_token},
            "purpose": {"S": callback.purpose.value},
            "expiration": {"N": str(int(time.time()) + _KEEP_SECONDS)},
        }
        if callback.asked_at is not None:
            item["asked_at"] = {"N": repr(callback.asked_at)}
        with _translated():
            self._client.put_item(TableName=self._table, Item=item)

    def find(self, inference_id: str) -> PendingCallback | None:
        with _translated():
            item = self._client.get_item(
                TableName=self._table, Key={"id": {"S": inference_id}}, ConsistentRead=True
            ).get("Item")
        if item is None:
            return None
        return PendingCallback(
            inference_id=item["id"]["S"],
            organization_id=item["organization_id"]["S"],
            job_id=item["job_id"]["S"],
            task_token=item["task_token"]["S"],
            # Rows of before the vision-language model have neither.
            purpose=Purpose(item.get("purpose", {"S": Purpose.SEGMENTATION.value})["S"]),
            asked_at=float(item["asked_at"]["N"]) if "asked_at" in item else None,
        )


def _translated() -> AbstractContextManager[None]:
    return transient_as(ServiceUnavailable, "The table of callbacks did not answer.")
