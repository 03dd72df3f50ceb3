"""Tickets for live updates in DynamoDB."""

import hashlib
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from mri_analysis.adapters.aws_errors import error_code, transient_as
from mri_analysis.errors import ServiceUnavailable
from mri_analysis.ports.live_updates import Watcher

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoDbTickets:
    """One table, keyed by the digest of the ticket: who reads the table can open no socket."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def save(self, ticket: str, watcher: Watcher, expires_at: datetime) -> None:
        with _translated():
            self._client.put_item(
                TableName=self._table,
                Item={
                    "id": {"S": _digest(ticket)},
                    "organization_id": {"S": watcher.organization_id},
                    "user_id": {"S": watcher.user_id},
                    "expiration": {"N": str(int(expires_at.timestamp()))},
                },
            )

    def redeem(self, ticket: str, now: datetime) -> Watcher | None:
        try:
            with _translated():
                # One call deletes and answers, so that of two sockets with one ticket only one
                # opens. DynamoDB removes expired items late: the condition looks at the time.
                taken = self._client.delete_item(
                    TableName=self._table,
                    Key={"id": {"S": _digest(ticket)}},
                    ConditionExpression="attribute_exists(id) AND expiration > :now",
                    ExpressionAttributeValues={":now": {"N": str(int(now.timestamp()))}},
                    ReturnValues="ALL_OLD",
                )["Attributes"]
        except ClientError as error:
            if error_code(error) == "ConditionalCheckFailedException":
                return None
            raise
        return Watcher(taken["organization_id"]["S"], taken["user_id"]["S"])


def _digest(ticket: str) -> str:
    return hashlib.sha256(ticket.encode()).hexdigest()


def _translated() -> AbstractContextManager[None]:
    return transient_as(ServiceUnavailable, "The table of tickets did not answer.")
