"""Open sockets in DynamoDB."""

from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING

from mri_analysis.adapters.aws_errors import transient_as
from mri_analysis.errors import ServiceUnavailable
from mri_analysis.ports.live_updates import Watcher

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BY_CONNECTION = "by-connection"
"""The index: a socket that closes says only its own id."""


class DynamoDbConnections:
    """One table, keyed by organization and connection."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def add(self, connection_id: str, watcher: Watcher, expires_at: datetime) -> None:
        with _translated():
            self._client.put_item(
                TableName=self._table,
                Item={
                    "organization_id": {"S": watcher.organization_id},
                    "connection_id": {"S": connection_id},
                    "user_id": {"S": watcher.user_id},
                    "expiration": {"N": str(int(expires_at.timestamp()))},
                },
            )

    def remove(self, connection_id: str) -> None:
        # The index may lag behind a socket that closes at once; what stays is found gone later.
        with _translated():
            kept = self._client.query(
                TableName=self._table,
                IndexName=BY_CONNECTION,
                KeyConditionExpression="connection_id = :connection",
                ExpressionAttributeValues={":connection": {"S": connection_id}},
            )
            for item in kept["Items"]:
                key = {name: item[name] for name in ("organization_id", "connection_id")}
                self._client.delete_item(TableName=self._table, Key=key)

    def watching(self, organization_id: str, now: datetime) -> list[str]:
        with _translated():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                ConsistentRead=True,
                KeyConditionExpression="organization_id = :organization",
                FilterExpression="expiration > :now",
                ExpressionAttributeValues={
                    ":organization": {"S": organization_id},
                    ":now": {"N": str(int(now.timestamp()))},
                },
            )
            return [item["connection_id"]["S"] for page in pages for item in page["Items"]]


def _translated() -> AbstractContextManager[None]:
    return transient_as(ServiceUnavailable, "The table of connections did not answer.")
