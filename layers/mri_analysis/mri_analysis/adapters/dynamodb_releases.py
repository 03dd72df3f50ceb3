"""How the releases of a deployment fared.

CloudFormation rolls back by updating the same resources with the properties of the release before,
and does not say that it is on its way back. A step that failed there too, in the middle of an
outage, would leave the stack stuck between two releases. So each release is noted: one that was
refused may be left, and one that worked before may be returned to, without being asked again.
"""

import hashlib
import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# A rollback follows within minutes, a return to an old release within months.
_KEEP_SECONDS = 400 * 86_400


class DeployedReleases:
    """Rows in the table of idempotency keys, which expire by themselves.

    Parameters
    ----------
    step
        Which step of a deployment the rows belong to.
    """

    def __init__(self, client: "DynamoDBClient", table: str, step: str) -> None:
        self._client = client
        self._table = table
        self._step = step

    def note(self, properties: Mapping[str, Any], *, accepted: bool) -> None:
        """Keep whether the release with these properties was accepted."""
        self._client.put_item(
            TableName=self._table,
            Item={
                "id": {"S": self._id(properties)},
                "accepted": {"BOOL": accepted},
                "expiration": {"N": str(int(time.time()) + _KEEP_SECONDS)},
            },
        )

    def accepted(self, properties: Mapping[str, Any]) -> bool | None:
        """Whether it was accepted; None for a release that was never met."""
        item = self._client.get_item(
            TableName=self._table, Key={"id": {"S": self._id(properties)}}, ConsistentRead=True
        ).get("Item")
        return None if item is None else item["accepted"]["BOOL"]

    def _id(self, properties: Mapping[str, Any]) -> str:
        canonical = json.dumps(properties, sort_keys=True)
        return f"release#{self._step}#{hashlib.sha256(canonical.encode()).hexdigest()}"
