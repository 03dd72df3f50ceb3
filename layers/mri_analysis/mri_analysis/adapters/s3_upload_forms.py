"""Presigned POST forms for the bucket of uploads."""

from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from mri_analysis.ports.uploads import SignedForm

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# A browser may not set the type of a scan to something that a browser would show.
_CONTENT_TYPE = "application/octet-stream"


def regional_client() -> "S3Client":
    """A client whose forms go to the region's own address.

    The SDK signs forms for the global address, which answers with a redirect for a bucket elsewhere
    or a new one; a browser does not send a form's file twice.
    """
    regional: Any = {"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"}
    return boto3.client("s3", config=Config(signature_version="s3v4", s3=regional))


class S3UploadForms:
    """Forms for one bucket, which each can do what their conditions say and nothing else."""

    def __init__(self, client: "S3Client", bucket: str, key_arn: str) -> None:
        self._client = client
        self._bucket = bucket
        self._key_arn = key_arn

    def sign(self, key: str, max_bytes: int, valid_seconds: int) -> SignedForm:
        fields = {"Content-Type": _CONTENT_TYPE} | self._encryption()
        conditions: list[Any] = [{name: value} for name, value in fields.items()]
        conditions.append(["content-length-range", 1, max_bytes])
        form = self._client.generate_presigned_post(
            self._bucket, key, Fields=fields, Conditions=conditions, ExpiresIn=valid_seconds
        )
        return SignedForm(form["url"], form["fields"])

    def _encryption(self) -> dict[str, str]:
        """Both fields or none: ``aws:kms`` alone would mean the account's default key, not ours."""
        if not self._key_arn:
            return {}
        return {
            "x-amz-server-side-encryption": "aws:kms",
            "x-amz-server-side-encryption-aws-kms-key-id": self._key_arn,
        }
