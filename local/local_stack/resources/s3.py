"""S3 buckets and their policies."""

from __future__ import annotations

import json
from typing import Any

from local_stack.account import REGION
from local_stack.resources.deploying import Created, Deploying, integer


def create_bucket(new: Deploying) -> Created:
    """Create a bucket with versioning, encryption, lifecycle and notifications."""
    properties = new.properties
    name = str(properties.get("BucketName") or f"{new.stack_name}-{new.logical_id}".lower())
    s3 = new.clients.client("s3")
    s3.create_bucket(Bucket=name)
    if "VersioningConfiguration" in properties:
        s3.put_bucket_versioning(
            Bucket=name, VersioningConfiguration=dict(properties["VersioningConfiguration"])
        )
    if "BucketEncryption" in properties:
        rules = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        s3.put_bucket_encryption(
            Bucket=name,
            ServerSideEncryptionConfiguration={
                "Rules": [
                    {
                        "ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"],
                        "BucketKeyEnabled": rule.get("BucketKeyEnabled", False),
                    }
                    for rule in rules
                ]
            },
        )
    if "PublicAccessBlockConfiguration" in properties:
        s3.put_public_access_block(
            Bucket=name,
            PublicAccessBlockConfiguration=dict(properties["PublicAccessBlockConfiguration"]),
        )
    if "LifecycleConfiguration" in properties:
        rules = [_lifecycle_rule(r) for r in properties["LifecycleConfiguration"]["Rules"]]
        s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
    if "CorsConfiguration" in properties:
        s3.put_bucket_cors(Bucket=name, CORSConfiguration=_cors(properties["CorsConfiguration"]))
    if "NotificationConfiguration" in properties:
        s3.put_bucket_notification_configuration(
            Bucket=name,
            NotificationConfiguration=_notifications(properties["NotificationConfiguration"]),
        )
    return Created(
        name,
        {
            "Arn": f"arn:aws:s3:::{name}",
            "DomainName": f"{name}.s3.amazonaws.com",
            "RegionalDomainName": f"{name}.s3.{REGION}.amazonaws.com",
        },
    )


def create_bucket_policy(new: Deploying) -> Created:
    """Attach a policy, without the statements that have a condition.

    moto applies bucket policies but reads no conditions: ``Deny`` unless the transport is secure
    would deny everything.
    """
    document = new.properties["PolicyDocument"]
    statements = [s for s in document["Statement"] if "Condition" not in s]
    if statements:
        new.clients.client("s3").put_bucket_policy(
            Bucket=str(new.properties["Bucket"]),
            Policy=json.dumps({**document, "Statement": statements}),
        )
    return Created(new.logical_id)


def _notifications(configuration: Any) -> dict[str, Any]:
    kinds = {
        "QueueConfigurations": ("Queue", "QueueArn"),
        "TopicConfigurations": ("Topic", "TopicArn"),
        "LambdaConfigurations": ("Function", "LambdaFunctionArn"),
    }
    result: dict[str, Any] = {}
    for kind, (template_name, api_name) in kinds.items():
        for entry in configuration.get(kind, []):
            target: dict[str, Any] = {api_name: entry[template_name], "Events": [entry["Event"]]}
            if "Filter" in entry:
                target["Filter"] = {"Key": {"FilterRules": entry["Filter"]["S3Key"]["Rules"]}}
            name = "LambdaFunctionConfigurations" if kind.startswith("Lambda") else kind
            result.setdefault(name, []).append(target)
    return result


def _lifecycle_rule(rule: Any) -> dict[str, Any]:
    result: dict[str, Any] = {
        "Status": rule["Status"],
        "Filter": {"Prefix": rule.get("Prefix", "")},
    }
    if "Id" in rule:
        result["ID"] = rule["Id"]
    if "ExpirationInDays" in rule:
        result["Expiration"] = {"Days": integer(rule["ExpirationInDays"])}
    if "Transitions" in rule:
        result["Transitions"] = [
            {"Days": integer(t["TransitionInDays"]), "StorageClass": t["StorageClass"]}
            for t in rule["Transitions"]
        ]
    if "NoncurrentVersionExpiration" in rule:
        days = integer(rule["NoncurrentVersionExpiration"]["NoncurrentDays"])
        result["NoncurrentVersionExpiration"] = {"NoncurrentDays": days}
    if "AbortIncompleteMultipartUpload" in rule:
        days = integer(rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"])
        result["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": days}
    return result


def _cors(configuration: Any) -> dict[str, Any]:
    names = {"MaxAge": "MaxAgeSeconds", "ExposedHeaders": "ExposeHeaders", "Id": "ID"}
    return {
        "CORSRules": [
            {names.get(name, name): value for name, value in rule.items()}
            for rule in configuration["CorsRules"]
        ]
    }
