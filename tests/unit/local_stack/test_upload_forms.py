"""Forms that were signed by botocore, checked as S3 checks them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config

from local_stack.upload_forms import FormRefused, check_form

SECRET = "local"


def a_form(valid_seconds: int = 900) -> dict[str, str]:
    client = boto3.client(
        "s3",
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key=SECRET,
        config=Config(signature_version="s3v4"),
    )
    conditions: list[Any] = [
        {"Content-Type": "application/octet-stream"},
        ["content-length-range", 1, 10],
        ["starts-with", "$x-amz-meta-note", "a"],
    ]
    form = client.generate_presigned_post(
        "scans",
        "incoming/demo/1/upload",
        Fields={"Content-Type": "application/octet-stream"},
        Conditions=conditions,
        ExpiresIn=valid_seconds,
    )
    fields: dict[str, str] = form["fields"]
    return {name.lower(): value for name, value in fields.items()} | {"x-amz-meta-note": "abc"}


def refused(fields: dict[str, str], size: int = 5, bucket: str = "scans", **now: Any) -> str:
    with pytest.raises(FormRefused) as error:
        check_form(fields, size, bucket, secret_key=SECRET, **now)
    return error.value.code


def test_form_as_it_was_signed_is_taken() -> None:
    check_form(a_form(), 10, "scans", secret_key=SECRET)
    check_form(a_form() | {"x-ignore-this": "y"}, 1, "scans", secret_key=SECRET)


def test_everything_else_is_refused() -> None:
    form = a_form()

    assert refused(form, 11) == "EntityTooLarge"
    assert refused(form, 0) == "EntityTooSmall"
    assert refused(form, bucket="other") == "AccessDenied"
    assert refused(form | {"key": "incoming/other/1/upload"}) == "AccessDenied"
    assert refused(form | {"content-type": "text/html"}) == "AccessDenied"
    assert refused(form | {"x-amz-meta-note": "b"}) == "AccessDenied"
    assert refused(form | {"acl": "public-read"}) == "AccessDenied"
    assert refused(form | {"x-amz-signature": "0" * 64}) == "SignatureDoesNotMatch"
    assert refused({name: value for name, value in form.items() if name != "policy"}) == (
        "AccessDenied"
    )
    assert refused(form, now=datetime.now(UTC) + timedelta(hours=1)) == "AccessDenied"
