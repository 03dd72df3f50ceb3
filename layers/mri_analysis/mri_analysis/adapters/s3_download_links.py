"""Presigned GET addresses for one bucket."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3DownloadLinks:
    """See ``ports.downloads.DownloadLinks``."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def sign(self, key: str, file_name: str, content_type: str, valid_seconds: int) -> str:
        return self._client.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self._bucket,
                "Key": key,
                "ResponseContentType": content_type,
                "ResponseContentDisposition": f'attachment; filename="{file_name}"',
                "ResponseCacheControl": "private, no-store",
            },
            ExpiresIn=valid_seconds,
        )
