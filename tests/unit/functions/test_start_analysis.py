"""A message that cannot be handled is told in the log, by code and without its key."""

import json
from collections.abc import Callable
from types import ModuleType

import boto3
import pytest

from mri_analysis.settings import settings


class LambdaContext:
    function_name = "start-analysis"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:start-analysis"
    aws_request_id = "request"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@pytest.fixture
def start_analysis(
    load: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> ModuleType:
    boto3.client("dynamodb").create_table(
        TableName="idempotency",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    monkeypatch.setenv("IDEMPOTENCY_TABLE", "idempotency")
    settings.cache_clear()
    s3 = boto3.client("s3")
    s3.create_bucket(
        Bucket=settings().images_bucket,
        CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name},
    )
    s3.put_object(Bucket=settings().images_bucket, Key="incoming/Doe_John.nii", Body=b"scan")
    return load("start_analysis")


def message(body: str) -> dict[str, object]:
    return {
        "Records": [
            {
                "messageId": "message-1",
                "receiptHandle": "r",
                "body": body,
                "attributes": {},
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:uploads",
                "awsRegion": "us-east-1",
            }
        ]
    }


def notification(key: str) -> str:
    entry = {"s3": {"bucket": {"name": "images"}, "object": {"key": key, "eTag": "e"}}}
    return json.dumps({"Records": [entry]})


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (notification("incoming/Doe_John.nii"), "ForeignUpload"),
        ("Doe_John, no JSON", "JSONDecodeError"),
    ],
)
def test_failed_message_is_told(
    start_analysis: ModuleType, caplog: pytest.LogCaptureFixture, body: str, code: str
) -> None:
    answer = start_analysis.handler(message(body), LambdaContext())

    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-1"}]}
    (told,) = [vars(record) for record in caplog.records if record.levelname == "ERROR"]
    assert (told["code"], told["message_id"]) == (code, "message-1")
    assert "Doe" not in str(told)
