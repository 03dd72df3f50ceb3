"""Objects in an S3 bucket."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from botocore.exceptions import ClientError

from mri_analysis.adapters.aws_errors import error_code, transient_as
from mri_analysis.errors import StorageUnavailable, UploadMissing
from mri_analysis.ports.storage import StoredObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CopySourceTypeDef, ObjectIdentifierTypeDef


class _Encryption(TypedDict, total=False):
    ServerSideEncryption: Literal["aws:kms"]
    SSEKMSKeyId: str


_GONE = {"404", "NoSuchKey", "NoSuchVersion", "NotFound", "MethodNotAllowed", "405"}


class S3ObjectStore:
    """One bucket."""

    def __init__(self, client: "S3Client", bucket: str, key_arn: str = "") -> None:
        """``key_arn`` encrypts what is put; empty: the bucket's own key does."""
        self._client = client
        self._bucket = bucket
        self._encryption: _Encryption = (
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_arn} if key_arn else {}
        )

    def head(self, key: str, version_id: str | None = None) -> StoredObject | None:
        try:
            with _translated():
                answer = self._client.head_object(
                    Bucket=self._bucket, Key=key, **_version(version_id)
                )
        except UploadMissing:
            return None
        return StoredObject(answer["ContentLength"], answer.get("VersionId"))

    def download(self, key: str, path: Path, version_id: str | None = None) -> None:
        with _translated():
            self._client.download_file(
                self._bucket, key, str(path), ExtraArgs=_version(version_id) or None
            )

    def get(self, key: str) -> bytes:
        with _translated():
            return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()

    def put(self, key: str, body: bytes, content_type: str) -> None:
        with _translated():
            self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=body,
                ContentType=content_type,
                **self._encryption,
            )

    def move(self, key: str, version_id: str | None, new_key: str) -> None:
        source: CopySourceTypeDef = {"Bucket": self._bucket, "Key": key}
        if version_id:
            source["VersionId"] = version_id
        with _translated():
            self._client.copy_object(
                Bucket=self._bucket, Key=new_key, CopySource=source, **self._encryption
            )
            # The version itself, not a marker over it: its name must not stay.
            self._client.delete_object(Bucket=self._bucket, Key=key, **_version(version_id))

    def remove(self, key: str, version_id: str | None) -> None:
        with _translated():
            self._client.delete_object(Bucket=self._bucket, Key=key, **_version(version_id))

    def remove_all(self, prefix: str) -> int:
        removed = 0
        with _translated():
            while True:
                # What was listed is gone after each turn, so the first page is always the next.
                page = self._client.list_object_versions(Bucket=self._bucket, Prefix=prefix)
                found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
                if not found:
                    break
                listed: list[ObjectIdentifierTypeDef] = [
                    {"Key": one["Key"], "VersionId": one["VersionId"]} for one in found
                ]
                answer = self._client.delete_objects(
                    Bucket=self._bucket, Delete={"Objects": listed, "Quiet": True}
                )
                if answer.get("Errors"):
                    raise StorageUnavailable("Object storage kept some of the objects.")
                removed += len(found)
        return removed

    def uri(self, key: str) -> str:
        return f"s3://{self._bucket}/{key}"


def _version(version_id: str | None) -> dict[str, Any]:
    return {"VersionId": version_id} if version_id else {}


@contextmanager
def _translated() -> Iterator[None]:
    with transient_as(StorageUnavailable, "Object storage did not answer."):
        try:
            yield
        except ClientError as error:
            if error_code(error) in _GONE:
                raise UploadMissing("The object is no longer in the bucket.") from error
            raise
