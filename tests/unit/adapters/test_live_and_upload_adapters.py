"""Faults of the services behind live updates and forms, and what a real bucket does with a form."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from mri_analysis.adapters.dynamodb_connections import DynamoDbConnections
from mri_analysis.adapters.dynamodb_tickets import DynamoDbTickets
from mri_analysis.adapters.s3_upload_forms import S3UploadForms, regional_client
from mri_analysis.adapters.sqs_queues import SqsQueues
from mri_analysis.adapters.websocket_push import WebSocketPush
from mri_analysis.contracts.operations import QueueName
from mri_analysis.errors import ServiceUnavailable
from mri_analysis.ports.live_updates import Watcher
from tests.unit.adapters.test_aws_adapters import Failing, refused

NOW = datetime(2026, 11, 22, tzinfo=UTC)
WATCHER = Watcher("demo", "user")
CALLS: dict[str, Callable[[Any], object]] = {
    "save ticket": lambda c: DynamoDbTickets(c, "t").save("x", WATCHER, NOW),
    "redeem ticket": lambda c: DynamoDbTickets(c, "t").redeem("x", NOW),
    "add connection": lambda c: DynamoDbConnections(c, "t").add("c", WATCHER, NOW),
    "remove connection": lambda c: DynamoDbConnections(c, "t").remove("c"),
    "watching": lambda c: DynamoDbConnections(c, "t").watching("demo", NOW),
    "count messages": lambda c: SqsQueues(c, {QueueName.UPLOADS: "u"}).depths(),
    "push": lambda c: WebSocketPush(c).send("c", "m"),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "fault",
    [
        refused("ThrottlingException", 400),
        refused("InternalServerError", 500),
        EndpointConnectionError(endpoint_url="x"),
    ],
    ids=["throttled", "server fault", "no answer"],
)
def test_fault_of_the_service_is_transient(call: str, fault: Exception) -> None:
    with pytest.raises(ServiceUnavailable):
        CALLS[call](Failing(fault))


@pytest.mark.parametrize("call", [call for call in CALLS if call != "push"])
def test_refusal_passes(call: str) -> None:
    with pytest.raises(ClientError):
        CALLS[call](Failing(refused("AccessDeniedException", 403)))


@pytest.mark.parametrize("code", ["LimitExceededException", "AccessDeniedException"])
def test_one_socket_that_cannot_be_written_to_keeps_no_other_from_hearing(code: str) -> None:
    """``announce`` goes on after ServiceUnavailable, and tries the event again."""
    with pytest.raises(ServiceUnavailable):
        CALLS["push"](Failing(refused(code, 429)))


def test_socket_that_is_gone_is_no_error() -> None:
    assert WebSocketPush(Failing(refused("GoneException", 410))).send("c", "m") is False


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_form_goes_to_the_regions_own_address(monkeypatch: pytest.MonkeyPatch, region: str) -> None:
    _sign_in(monkeypatch, region)

    form = S3UploadForms(regional_client(), "uploads", "").sign("incoming/demo/j/upload", 9, 60)

    assert form.url == f"https://uploads.s3.{region}.amazonaws.com/"


def test_bucket_without_a_key_of_its_own_needs_no_encryption_fields(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _sign_in(monkeypatch, "eu-central-1")

    form = S3UploadForms(regional_client(), "uploads", "").sign("incoming/demo/j/upload", 9, 60)

    assert not [name for name in form.fields if name.startswith("x-amz-server-side")]


def test_posted_form_becomes_the_object(monkeypatch: pytest.MonkeyPatch) -> None:
    requests = pytest.importorskip("requests")
    _sign_in(monkeypatch, "eu-central-1")
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(
            Bucket="uploads", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
        form = S3UploadForms(regional_client(), "uploads", "arn:aws:kms:::key/k").sign("a/b", 9, 60)

        answer = requests.post(form.url, data=dict(form.fields), files={"file": b"scan"})

        assert answer.status_code == 204
        assert s3.get_object(Bucket="uploads", Key="a/b")["Body"].read() == b"scan"


def _sign_in(monkeypatch: pytest.MonkeyPatch, region: str) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
