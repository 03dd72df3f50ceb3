"""The template's resources exist with the properties that matter here."""

from __future__ import annotations

import json

import pytest

from local_stack import LocalStack
from local_stack.intrinsics import TemplateError
from tests.integration.local_stack.conftest import FIXTURES


def test_outputs_and_conditions(stack: LocalStack) -> None:
    assert stack.outputs == {"Images": "fixture-images-123456789012"}


def test_skipped_resources_are_reported(stack: LocalStack) -> None:
    skipped = stack.deployment.skipped
    assert skipped["ProductionTopic"].reason == "condition IsProduction is false"
    assert skipped["Network"].type == "AWS::EC2::VPC"
    with pytest.raises(KeyError, match="does not create this type"):
        stack.resource("Network")


def test_bucket_is_as_the_template_says(stack: LocalStack) -> None:
    s3, bucket = stack.client("s3"), stack.resource("ImagesBucket")

    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert rule["Expiration"] == {"Days": 7}
    (queue,) = s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"]
    assert queue["Filter"]["Key"]["FilterRules"] == [{"Name": "prefix", "Value": "incoming/"}]
    # A Deny unless the transport is secure must not deny everything.
    s3.put_object(Bucket=bucket, Key="elsewhere", Body=b"x")


def test_queue_and_table_are_as_the_template_says(stack: LocalStack) -> None:
    attributes = stack.client("sqs").get_queue_attributes(
        QueueUrl=stack.resource("UploadQueue"), AttributeNames=["All"]
    )["Attributes"]
    assert json.loads(attributes["RedrivePolicy"])["maxReceiveCount"] == 2
    assert attributes["VisibilityTimeout"] == "1"
    ttl = stack.client("dynamodb").describe_time_to_live(TableName=stack.resource("Table"))
    assert ttl["TimeToLiveDescription"]["AttributeName"] == "expiration"


def test_stack_file_tells_other_processes_where_everything_is(stack: LocalStack) -> None:
    description = json.loads((stack.state_dir / "stack.json").read_text())

    assert description["endpoint_url"] == stack.endpoint_url
    assert description["buckets"]["ImagesBucket"] == stack.resource("ImagesBucket")
    assert description["functions"]["ProbeFunction"] == {"name": "probe", "folder": "probe"}
    assert description["endpoints"] == ["fixture-endpoint"]
    assert description["skipped"]["Network"]["type"] == "AWS::EC2::VPC"


def test_one_process_hosts_one_stack(stack: LocalStack) -> None:
    with pytest.raises(RuntimeError, match="already runs"):
        LocalStack(FIXTURES / "template.yaml", stack.state_dir / "second").start()


def test_refused_parameter(stack: LocalStack) -> None:
    from local_stack.deployer import deploy
    from local_stack.template import TranslatedTemplate, translate

    template = translate(FIXTURES / "template.yaml", {})
    assert isinstance(template, TranslatedTemplate)
    with pytest.raises(TemplateError, match="allowed are test, prod"):
        deploy(template, stack._clients, stack_name="x", parameters={"Stage": "production"})
