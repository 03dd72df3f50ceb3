"""KMS keys. Nothing here is encrypted with them; they are there for who names or describes them."""

from __future__ import annotations

import json

from local_stack.account import arn
from local_stack.resources.deploying import Created, Deploying


def create_key(new: Deploying) -> Created:
    """Create a key with its policy."""
    metadata = new.clients.client("kms").create_key(
        Description=new.properties.get("Description", ""),
        Policy=json.dumps(new.properties["KeyPolicy"]),
    )["KeyMetadata"]
    return Created(metadata["KeyId"], {"Arn": metadata["Arn"], "KeyId": metadata["KeyId"]})


def create_alias(new: Deploying) -> Created:
    """Name a key."""
    name = str(new.properties["AliasName"])
    new.clients.client("kms").create_alias(
        AliasName=name, TargetKeyId=new.properties["TargetKeyId"]
    )
    return Created(name, {"Arn": arn("kms", name)})
