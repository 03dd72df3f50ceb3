"""IAM roles. They exist with their inline policies; nothing is checked against them."""

from __future__ import annotations

import hashlib
import json

from local_stack.account import ACCOUNT_ID
from local_stack.resources.deploying import Created, Deploying

_NAME_LIMIT = 64


def create_role(new: Deploying) -> Created:
    """Create a role with its inline policies (AWS managed policies are not attached)."""
    iam = new.clients.client("iam")
    name = new.name("RoleName")
    if len(name) > _NAME_LIMIT:
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        name = f"{name[: _NAME_LIMIT - 9]}-{digest}"
    role = iam.create_role(
        RoleName=name,
        Path=new.properties.get("Path", "/"),
        AssumeRolePolicyDocument=json.dumps(new.properties["AssumeRolePolicyDocument"]),
    )["Role"]
    for policy in new.properties.get("Policies", []):
        iam.put_role_policy(
            RoleName=name,
            PolicyName=policy["PolicyName"],
            # IAM takes a document without a version; moto refuses it.
            PolicyDocument=json.dumps({"Version": "2012-10-17", **policy["PolicyDocument"]}),
        )
    return Created(
        name,
        {"Arn": f"arn:aws:iam::{ACCOUNT_ID}:role/{name}", "RoleId": role["RoleId"]},
    )
