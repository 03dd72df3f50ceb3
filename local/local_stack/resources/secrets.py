"""Secrets whose value Secrets Manager makes."""

from __future__ import annotations

from local_stack.resources.deploying import Created, Deploying


def create_secret(new: Deploying) -> Created:
    """Create a secret with a random text as its value, another one for each stack."""
    client = new.clients.client("secretsmanager")
    wanted = new.properties["GenerateSecretString"]
    value = client.get_random_password(**wanted)["RandomPassword"]
    secret = client.create_secret(
        Name=new.properties["Name"],
        Description=new.properties.get("Description", ""),
        SecretString=value,
    )
    return Created(secret["ARN"], {"Id": secret["ARN"]})
