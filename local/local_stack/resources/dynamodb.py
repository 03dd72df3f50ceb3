"""DynamoDB tables."""

from __future__ import annotations

from typing import Any

from local_stack.account import arn
from local_stack.resources.deploying import Created, Deploying


def create_table(new: Deploying) -> Created:
    """Create a table with its indexes and time to live (moto expires no items)."""
    name = new.name("TableName")
    dynamodb = new.clients.client("dynamodb")
    settings: dict[str, Any] = {
        key: new.properties[key]
        for key in ("KeySchema", "AttributeDefinitions", "LocalSecondaryIndexes")
        if key in new.properties
    }
    if "GlobalSecondaryIndexes" in new.properties:
        settings["GlobalSecondaryIndexes"] = [
            {key: value for key, value in index.items() if key != "ProvisionedThroughput"}
            for index in new.properties["GlobalSecondaryIndexes"]
        ]
    stream = new.properties.get("StreamSpecification")
    if stream:
        settings["StreamSpecification"] = {"StreamEnabled": True, **stream}
    # Provisioned capacity is a price, not a behaviour: everything is on demand here.
    answer = dynamodb.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", **settings)
    ttl = new.properties.get("TimeToLiveSpecification")
    if ttl:
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=dict(ttl))
    attributes = {"Arn": arn("dynamodb", f"table/{name}")}
    if "LatestStreamArn" in answer["TableDescription"]:
        attributes["StreamArn"] = answer["TableDescription"]["LatestStreamArn"]
    return Created(name, attributes)
