"""Log groups and SSM parameters."""

from __future__ import annotations

from local_stack.account import arn
from local_stack.resources.deploying import Created, Deploying, integer, text


def create_log_group(new: Deploying) -> Created:
    """Create a log group. Functions log to files; the group is there for who lists it."""
    name = str(new.properties.get("LogGroupName") or f"{new.stack_name}-{new.logical_id}")
    logs = new.clients.client("logs")
    logs.create_log_group(logGroupName=name)
    if "RetentionInDays" in new.properties:
        logs.put_retention_policy(
            logGroupName=name, retentionInDays=integer(new.properties["RetentionInDays"])
        )
    return Created(name, {"Arn": arn("logs", f"log-group:{name}:*")})


def create_ssm_parameter(new: Deploying) -> Created:
    """Create an SSM parameter."""
    name = new.name("Name")
    new.clients.client("ssm").put_parameter(
        Name=name,
        Value=text(new.properties["Value"]),
        Type=new.properties.get("Type", "String"),
    )
    return Created(name, {"Value": text(new.properties["Value"])})
