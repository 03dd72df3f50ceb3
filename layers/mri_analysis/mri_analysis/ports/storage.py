"""Objects in buckets."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class StoredObject:
    """What the store says of an object without its content."""

    size: int
    version_id: str | None


class ObjectStore(Protocol):
    """One bucket. Methods raise ``StorageUnavailable`` when it does not answer."""

    def head(self, key: str, version_id: str | None = None) -> StoredObject | None:
        """Size and version, or None where the object is gone."""
        ...

    def download(self, key: str, path: Path, version_id: str | None = None) -> None:
        """Write the object to ``path``; raises ``UploadMissing`` where it is gone."""
        ...

    def get(self, key: str) -> bytes:
        """A small object; raises ``UploadMissing`` where it is gone."""
        ...

    def put(self, key: str, body: bytes, content_type: str) -> None:
        """Write an object."""
        ...

    def move(self, key: str, version_id: str | None, new_key: str) -> None:
        """Put a version under another key and remove it for good; raises ``UploadMissing``."""
        ...

    def remove(self, key: str, version_id: str | None) -> None:
        """Remove one version for good; nothing happens where it is gone."""
        ...

    def remove_all(self, prefix: str) -> int:
        """Remove every version of every object below ``prefix`` for good; how many there were."""
        ...

    def uri(self, key: str) -> str:
        """``s3://bucket/key``."""
        ...
