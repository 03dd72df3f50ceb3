"""Images and results in S3: the only module that knows boto3."""

from typing import Any, Protocol, cast

from mri_segmentation.artefacts import CONTENT_TYPES

MAX_OBJECT_BYTES = 1_000_000_000
"""What an asynchronous SageMaker endpoint takes as well."""

MISSING = frozenset({"NoSuchKey", "404", "NoSuchBucket"})


class ImageNotFound(LookupError):
    """No object lies under the key of the request."""


class ImageTooLarge(ValueError):
    """The object is larger than one analysis takes."""


class StorageUnavailable(RuntimeError):
    """S3 refused or did not answer."""


class S3Client(Protocol):
    """The two calls of boto3's S3 client that are used."""

    def get_object(self, **arguments: Any) -> Any:
        """See boto3."""

    def put_object(self, **arguments: Any) -> Any:
        """See boto3."""


def s3_client() -> S3Client:
    """A client of the environment's account, region and endpoint (``AWS_ENDPOINT_URL_S3``)."""
    # Imported here: the command line and /ping need no boto3, which would only slow their start.
    import boto3
    from botocore.config import Config

    settings = Config(retries={"mode": "standard", "total_max_attempts": 2})
    return cast(S3Client, boto3.client("s3", config=settings))


class ResultsBucket:
    """One bucket, from which prepared images are read and to which results are written."""

    def __init__(self, client: S3Client, name: str) -> None:
        self._client = client
        self._name = name

    def read_image(self, key: str) -> bytes:
        """The object under ``key``.

        Raises
        ------
        ImageNotFound, ImageTooLarge, StorageUnavailable
            None of their messages holds the key, so that it may be logged.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = self._client.get_object(Bucket=self._name, Key=key)
            if int(answer.get("ContentLength", 0)) > MAX_OBJECT_BYTES:
                raise ImageTooLarge("The image is larger than 1 GB; send a smaller one.")
            content: bytes = answer["Body"].read()
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in MISSING:
                raise ImageNotFound("There is no image under the key of the request.") from None
            raise StorageUnavailable(f"S3 refused to give the image ({code}).") from None
        except BotoCoreError as error:
            raise StorageUnavailable(f"S3 did not answer ({type(error).__name__}).") from None
        return content

    def write(self, prefix: str, files: dict[str, bytes]) -> None:
        """Store ``files`` (name -> content) below ``prefix``.

        Raises
        ------
        StorageUnavailable
        """
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            for name, content in files.items():
                self._client.put_object(
                    Bucket=self._name,
                    Key=prefix + name,
                    Body=content,
                    ContentType=CONTENT_TYPES[name],
                )
        except (BotoCoreError, ClientError) as error:
            raise StorageUnavailable(
                f"S3 refused to store the results ({type(error).__name__})."
            ) from None
