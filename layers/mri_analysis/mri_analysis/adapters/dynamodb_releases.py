"""Releases that a check refused.

CloudFormation rolls a refused release back by updating the same resource with the old properties,
and does not say that it is on its way back. A check that failed there too would leave the stack
stuck between two releases, so a refusal is noted.
"""

import hashlib
import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# A rollback follows within minutes; the same release may be tried again the next day.
_KEEP_SECONDS = 6 * 3600


class RefusedReleases:
    """Rows in the table of idempotency keys, which expire by themselves."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def add(self, properties: Mapping[str, Any]) -> None:
        """Note that the release with these properties was refused."""
        self._client.put_item(
            TableName=self._table,
            Item={
                "id": {"S": _id(properties)},
                "expiration": {"N": str(int(time.time()) + _KEEP_SECONDS)},
            },
        )

    def contains(self, properties: Mapping[str, Any]) -> bool:
        """Whether the release with these properties was refused in the last hours."""
        item = self._client.get_item(
            TableName=self._table, Key={"id": {"S": _id(properties)}}, ConsistentRead=True
        ).get("Item")
        return item is not None and int(item["expiration"]["N"]) > time.time()


def _id(properties: Mapping[str, Any]) -> str:
    canonical = json.dumps(properties, sort_keys=True)
    return f"refused-release#{hashlib.sha256(canonical.encode()).hexdigest()}"
